"""What a forecast costs: `python tests/benchmarks/forecast.py` (with the tests' requirements, and a conda on PATH).

Makes an environment with 200 packages of pip and a conda package of 1,000 paths, a hundred of them pip's, and prints
medians. With `--copy` also what we add to `conda create --clone` of 302 packages with 51,000 paths; that takes some
minutes. Nothing is written outside a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import conda_environment, create_with_rattler, find_conda
from conda_pipsafe.demo.overlay import build_overlay
from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.pip_package import pip_package
from conda_pipsafe.demo.python_package import ask_interpreter, python_package
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.forecast.effects import forecast
from conda_pipsafe.forecast.outcome import take_baseline
from conda_pipsafe.forecast.package_paths import read_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from support.running import Conda, pip, run

PACKAGES, MODULES, PATHS, SHARED, ROUNDS = 200, 5, 1000, 100, 7
COPIED, COPIES = 300, 5
CHECKOUT = Path(__file__).resolve().parent.parent.parent

# Run by conda's own Python: what `conda info` loads, and what the hooks cost where pip has nothing.
LOADED = "import sys; from conda.cli.main import main; main('info'); print('\\n@', *sorted(sys.modules))"
HOOKS = """
import argparse, json, statistics, sys, time
from conda.base.context import context
prefix = sys.argv[1]
context.__init__(argparse_args=argparse.Namespace(prefix=prefix, cmd="install"))
from conda_pipsafe import plugin
def timed(action, *args):
    start = time.process_time(); action(*args); return (time.process_time() - start) * 1000
plugin._before("install"); plugin._after("install")
before, solved, after = [], [], []
for _ in range(9):
    before.append(timed(plugin._before, "install"))
    solved.append(timed(plugin._solved, "", (), (object(),)))
    after.append(timed(plugin._after, "install"))
print(json.dumps([statistics.median(times) for times in (before, solved, after)]))
"""


def median_ms(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of processor time: on a busy machine the clock on the wall measures the others."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append((time.process_time() - start) * 1000)
    return statistics.median(times)


def adding() -> int:
    return sum(range(10**7))


def say(text: str, value: str, floor: str = "") -> None:
    print(f"{text:<66}{value:>16}  {floor}", flush=True)


def make_channel(folder: Path) -> Channel:
    channel = Channel(folder / "channel")
    interpreter = ask_interpreter(Path(sys.executable))
    shared = [f"many{number}/m0.py" for number in range(SHARED)]
    own = [f"big/m{number}.py" for number in range((PATHS - SHARED * 2) // 2)]
    # Each module comes with its .pyc: half of the paths are modules.
    names = [*own, *shared]
    files: dict[str, bytes] = {f"site-packages/{name}": f"# {name}\n".encode() for name in names}
    big = PackageSpec(name="big", version="1.0", noarch="python", depends=["python"], files=dict(files))
    quiet = PackageSpec(
        name="quiet", version="1.0", noarch="python", depends=["python"],
        files={f"site-packages/quiet/m{number}.py": b"" for number in range(PATHS // 2)},
    )  # fmt: skip
    channel.add_all([python_package(), pip_package(interpreter, folder), big, quiet])
    return channel


def make_wheels(folder: Path) -> Path:
    folder.mkdir()
    for number in range(PACKAGES):
        name = f"many{number}"
        modules = {f"{name}/m{module}.py": f"# {name} {module}\n" for module in range(MODULES)}
        write_wheel(WheelSpec(name=name, version="1.0", modules={f"{name}/__init__.py": "", **modules}), folder)
    return folder


def transaction(snapshot: Snapshot, extracted: Path) -> Transaction:
    site = next(site.path for site in snapshot.sites if site.current)
    found = read_package_paths(str(extracted), noarch="python", python=snapshot.python, site=site)
    package = LinkedPackage(
        extracted.name, "1.0", "0", "", found.paths, found.distributions, sources=found.sources, compiled=found.compiled
    )
    return Transaction(snapshot.prefix, (package,), (), snapshot.python, snapshot.python, site, site)


def of_the_forecast(prefix: Path, extracted: Path) -> float:
    """Print what each part of the hooks' work costs; return the milliseconds of all of it."""
    snapshot = read_snapshot(str(prefix))
    seen = forecast(snapshot, transaction(snapshot, extracted))
    paths = len(seen.transaction.link[0].paths or ())
    reading = median_ms(lambda: read_snapshot(str(prefix)))

    def fresh() -> None:
        snapshot = read_snapshot(str(prefix))
        forecast(snapshot, transaction(snapshot, extracted))

    whole = median_ms(fresh)
    again = median_ms(lambda: transaction(snapshot, extracted) == seen.transaction)
    noting = median_ms(lambda: take_baseline(snapshot))
    say(
        f"forecast of {paths} paths, {len(seen.paths)} of them pip's, RECORDs read anew",
        f"{whole - reading:.1f} ms",
        "<= 50 ms",
    )
    say("  seeing at the last look that nothing is new", f"{again:.1f} ms")
    say("  the snapshot before it", f"{reading:.1f} ms")
    say("  noting every path of pip's, for the comparison afterwards", f"{noting:.1f} ms")
    return whole + again + noting


def of_the_transaction(conda: Conda, prefix: Path, ours: float) -> None:
    times = []
    for _ in range(3):
        start = sum(os.times()[2:4])
        conda.run("install", "-y", "-p", prefix, "quiet", env={"CONDA_PLUGINS_PIPSAFE_MODE": "off"}).ok()
        times.append((sum(os.times()[2:4]) - start) * 1000)
        conda.run("remove", "-y", "-p", prefix, "quiet", env={"CONDA_PLUGINS_PIPSAFE_MODE": "off"}).ok()
    wall = statistics.median(times)
    say("`conda install` of 1,000 paths without us", f"{wall:.0f} ms")
    say("  both forecasts, snapshot and notes: their share of it", f"{100 * ours / wall:.1f} %", "<= 5 %")


def of_loading(python: str, environment: dict[str, str]) -> None:
    def modules(variables: dict[str, str]) -> set[str]:
        shown = run(python, "-c", LOADED, env=variables).ok().stdout
        return set(shown.rpartition("\n@ ")[2].split())

    bare = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    more = modules(environment) - modules(bare)
    say("modules that the plugin adds to `conda info`", str(len(more)))
    print("  " + " ".join(sorted(more)))


def of_the_hooks(python: str, environment: dict[str, str], prefix: Path) -> None:
    before, solved, after = json.loads(run(python, "-c", HOOKS, str(prefix), env=environment).ok().stdout)
    say("hooks where pip has nothing and nothing changed: pre-command", f"{before:.2f} ms")
    say("  post-solve", f"{solved:.2f} ms")
    say("  post-command", f"{after:.2f} ms")


def copied_package(number: int) -> PackageSpec:
    """60 modules with their .pyc, 40 data files, metadata and a command: what is copied has 51,000 paths of such."""
    name = f"copied{number}"
    files = {f"site-packages/{name}/m{module}.py": f"x = {module}\n".encode() for module in range(60)}
    files |= {f"share/{name}/d{part}.txt": b"data" for part in range(40)}
    files |= {
        f"site-packages/{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"site-packages/{name}-1.0.dist-info/INSTALLER": b"conda",
    }
    return PackageSpec(
        name, "1.0", noarch="python", depends=["python"], files=files, entry_points=[f"{name} = {name}.m0:main"]
    )


def of_a_copy(conda: Conda, folder: Path, channel: Channel, wheels: Path) -> None:
    """Print what we add to a copy: conda's whole command with our hooks and with `off`, in turn."""
    channel.add_all([copied_package(number) for number in range(COPIED)])
    source, copy = folder / "source", folder / "copy"
    names = (f"copied{number}" for number in range(COPIED))
    conda.run("create", "-y", "-p", source, "python", "pip", *names, env={"CONDA_PLUGINS_PIPSAFE_MODE": "off"}).ok()
    pip(source, "install", "-q", "--find-links", wheels, *(f"many{number}" for number in range(30))).ok()

    def copied(mode: str) -> float:
        start = sum(os.times()[2:4])
        conda.run("create", "-y", "-p", copy, "--clone", source, env={"CONDA_PLUGINS_PIPSAFE_MODE": mode}).ok()
        took = (sum(os.times()[2:4]) - start) * 1000
        shutil.rmtree(copy)
        return took

    copied("off")
    pairs = [(copied("off"), copied("warn")) for _ in range(COPIES)]
    without = statistics.median(off for off, _ in pairs)
    say(f"`conda create --clone` of {COPIED + 2} packages without us", f"{without:.0f} ms")
    more = statistics.median(warn - off for off, warn in pairs)
    say("  what we add to it", f"{more:.0f} ms, {100 * more / without:.1f} %", "<= 5 %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copy", action="store_true", help="also measure a copy of 302 packages")
    with_copy = parser.parse_args().copy
    executable = find_conda()
    with tempfile.TemporaryDirectory(prefix="pipsafe-benchmark-") as name:
        folder = Path(name)
        channel, wheels = make_channel(folder), make_wheels(folder / "wheels")
        prefix, work = folder / "env", folder / "work"
        create_with_rattler(prefix, ["python", "pip"], [channel], work)
        shutil.copytree(prefix, folder / "bare", symlinks=True)
        pip(prefix, "install", "-q", "--find-links", wheels, *(f"many{number}" for number in range(PACKAGES))).ok()
        probe = folder / "probe"
        create_with_rattler(probe, ["python", "big"], [channel], work)
        extracted = work / "rattler-pkgs" / "big-1.0-py_0"
        if not extracted.is_dir():
            extracted = next((work / "rattler-pkgs").glob("big-1.0-*/"))
        print(f"{PACKAGES} packages of pip, {MODULES + 1} modules each; medians of {ROUNDS}, processor time")
        say("this processor now: adding ten million numbers (idle: 100 to 150 ms)", f"{median_ms(adding):.0f} ms")
        ours = of_the_forecast(prefix, extracted)
        if executable is None:
            print("no conda: the rest needs one")
            return
        variables = {**conda_environment(folder / "conda", [channel]), "PYTHONPATH": os.pathsep.join(
            [str(build_overlay(folder / "overlay", code=False)), str(CHECKOUT / "conda_plugin")])}  # fmt: skip
        conda = Conda(executable, folder / "conda", variables)
        python = conda.run("info", "--json").ok().json()["sys.executable"]
        of_the_transaction(conda, prefix, ours)
        of_loading(python, variables)
        of_the_hooks(python, variables, folder / "bare")
        if with_copy:
            of_a_copy(conda, folder, channel, wheels)


if __name__ == "__main__":
    main()
