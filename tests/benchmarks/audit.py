"""How long an audit takes beside its peers, on an environment like the reference prefix of `docs/design.md`.

    python tests/benchmarks/audit.py [--made] [--dists 350] [--files 230] [--runs 5] [--folder FOLDER]

Builds (once per folder) the reference prefix of some 350 distributions of PyPI beside conda's (`reference_prefix.py`:
it takes some minutes and gigabytes), one of about a tenth of that, and 200 small ones; runs every tool that is
installed, in turns, so that what else the machine does hits all of them; and prints medians and ratios as Markdown
tables, the last one with the floors. With `--made` there is nothing to download: the distributions, so many with so
many files each, are written by this script.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TENTH_PROJECTS = 20  # with what they need about a tenth of all
CONDA_PACKAGES = 60
CONDA_FILES = 60
DEPENDS = 4
BODY = "A line of a description, as long ones have many.\n" * 120
# Bytes of files, as 9,000 of real site-packages have them (a quarter below 1.3 kB, half below 4.6 kB, a mean of 34 kB).
SIZES = (200, 900, 1300, 2200, 4600, 4600, 8000, 12000, 31000, 130000)
BINARY = 3_000_000  # and one of these in each distribution
# What a user's own shell would not have; without bytecode every tool would compile itself each time.
UNSET = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

FIRST, AGAIN, DEEP = "pipsafe audit, first time", "pipsafe audit, nothing changed", "pipsafe audit --deep"
PIP, UV, BARE = "pip check", "uv pip check", "bare sha256, two threads"
TENTH, ONE, SIDE = (
    "of a tenth of the prefix, first time",
    "of {} small ones, one after another",
    "of {} small ones, {} at once",
)


Action = Callable[[], int]


class Times(NamedTuple):
    """Medians, in seconds, and the exit code of the last run: a tool that did not understand us was not measured."""

    wall: float
    cpu: float
    code: int


def main() -> None:
    """Build what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", action="store_true", help="make the distributions up instead of asking PyPI")
    parser.add_argument("--dists", type=int, default=350, help="with --made (default: %(default)s)")
    parser.add_argument("--files", type=int, default=230, help="in each, with --made (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--environments", type=int, default=200, metavar="N", help="small ones; 0 leaves them out")
    parser.add_argument("--fast", action="store_true", help="only what the floors of one environment need")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pipsafe-benchmark")
    args = parser.parse_args()
    prefix, tenth = environments(args)
    number = paths_of(prefix)
    print(
        f"{said(prefix)}; beside it one of {said(tenth)}. Python {sys.version.split()[0]}, "
        f"{os.cpu_count()} processors, medians of {args.runs}.\n"
    )
    actions = dict(tools(prefix, fast=args.fast))
    actions[TENTH] = command(ours(tenth, "--no-cache"))
    actions[BARE] = lambda: bare(prefix)
    times = measured(actions, args.runs)
    if args.environments:
        one, side = ONE.format(args.environments), SIDE.format(args.environments, os.cpu_count())
        folder = small(args.folder / f"small-{args.environments}", args.environments)
        each = [*ours(None, "--no-cache"), "--below", str(folder), "--jobs"]
        many = {one: command([*each, "1"]), side: command([*each, str(os.cpu_count())])}
        times |= measured(many, args.runs)
    table(times)
    floors(times, args.environments, number / paths_of(tenth))


def environments(args: argparse.Namespace) -> tuple[Path, Path]:
    """The environment that is measured on, and one of a tenth of it."""
    if args.made:
        ending = f"{args.dists}-{args.files}"
        return (
            built(args.folder / f"reference-{ending}", args.dists, args.files, CONDA_PACKAGES),
            built(args.folder / f"tenth-{ending}", args.dists // 10, args.files, CONDA_PACKAGES // 10),
        )
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.reference_prefix import reference_prefix

    return reference_prefix(args.folder), reference_prefix(args.folder, TENTH_PROJECTS)


def said(prefix: Path) -> str:
    """How large an environment is."""
    found = [os.path.join(root, name) for root, _, names in os.walk(prefix) for name in names]
    size = sum(os.lstat(path).st_size for path in found) / 1e9
    dists = len(list(prefix.glob("lib/python*/site-packages/*.dist-info")))
    records = len(list(prefix.glob("conda-meta/*.json")))
    return f"{dists} distributions and {records} conda packages, {len(found):,} files of {size:.1f} GB"


def paths_of(prefix: Path) -> int:
    """How many paths have an owner, as the audit says."""
    done = subprocess.run(ours(prefix, "--json"), capture_output=True, text=True, check=False)
    value: dict[str, int] = json.loads(done.stdout)["summary"]
    return value["paths"]


def built(prefix: Path, dists: int, files: int, conda_packages: int) -> Path:
    """The environment; made where an earlier run has not."""
    if not (prefix / "complete").exists():
        shutil.rmtree(prefix, ignore_errors=True)
        build(prefix, dists, files, conda_packages)
    return prefix


def build(prefix: Path, dists: int, files: int, conda_packages: int) -> None:
    """An environment with a real Python and pip, distributions that pip would have installed, and conda packages."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(prefix)], check=True)
    site = next(prefix.glob("lib/python*/site-packages"))
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/history").write_text("")
    version = ".".join(map(str, sys.version_info[:3]))
    record(prefix, "python", version, ["bin/python"], write=False)
    pip = next(site.glob("pip-*.dist-info"))
    owned = [
        os.path.relpath(path, prefix)
        for part in ("pip", pip.name)
        for path in (site / part).rglob("*")
        if path.is_file()
    ]
    record(prefix, "pip", pip.name.split("-")[1].removesuffix(".dist"), owned, write=False)
    for number in range(conda_packages):
        paths = [f"share/lib{number}/d{index % 6}/f{index}.h" for index in range(CONDA_FILES)]
        record(prefix, f"lib{number}", "1.0", paths, write=True)
    for number in range(dists):
        distribution(site, number, files)
    (prefix / "complete").touch()


def record(prefix: Path, name: str, version: str, paths: Sequence[str], *, write: bool) -> None:
    """One conda-meta record, and its files where they are not there yet."""
    facts = []
    for path in paths:
        if write:
            (prefix / path).parent.mkdir(parents=True, exist_ok=True)
            (prefix / path).write_text(f"{path}\n" * 40)
        digest = hashlib.sha256((prefix / path).read_bytes()).hexdigest()
        facts.append({"_path": path, "path_type": "hardlink", "sha256_in_prefix": digest, "size_in_bytes": 1})
    value = {"name": name, "version": version, "build": "h0_0", "build_number": 0, "depends": [], "constrains": [],
             "channel": "https://conda.anaconda.org/conda-forge/linux-64", "subdir": "linux-64", "files": list(paths),
             "fn": f"{name}-{version}-h0_0.conda", "paths_data": {"paths": facts, "paths_version": 1}}  # fmt: skip
    (prefix / "conda-meta" / f"{name}-{version}-h0_0.json").write_text(json.dumps(value))


def distribution(site: Path, number: int, files: int, *, binary: bool = True) -> None:
    """One distribution with its files and metadata, as pip writes them."""
    name = f"dist{number:04d}"
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    requires = [
        f"Requires-Dist: dist{(number * 7 + step) % (number or 1):04d}>=0.5,<2" for step in range(DEPENDS) if number
    ]
    requires += [
        f'Requires-Dist: absent{number}; extra == "test"',
        'Requires-Dist: pywin32>=300; sys_platform == "win32"',
    ]
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Requires-Python: >=3.8", *requires])
    contents = {
        f"{name}/{'' if index < 20 else f'sub{index % 9}/'}m{index}.py": f"# {name}\nx = {index:04d}\n".ljust(40)
        * (SIZES[(number + index) % len(SIZES)] // 40)
        for index in range(files)
    }
    contents[f"{name}/__init__.py"] = ""
    if binary:
        contents[f"{name}/_core.so"] = f"{name} " * (BINARY // len(f"{name} "))
    contents |= {f"{info.name}/METADATA": f"{text}\n\n{BODY}", f"{info.name}/INSTALLER": "pip\n",
                 f"{info.name}/WHEEL": "Wheel-Version: 1.0\n"}  # fmt: skip
    rows = []
    for path, content in contents.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(content)}")
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,", ""]))


def ours(prefix: Path | None, *words: str) -> list[str]:
    """Our command; the one that users run where it is installed."""
    script = Path(sys.executable).parent / "pipsafe"
    start = [str(script)] if script.exists() else [sys.executable, "-m", "conda_pipsafe"]
    return [*start, "audit", "--no-config", *(["-p", str(prefix)] if prefix else []), *words]


def tools(prefix: Path, *, fast: bool) -> Iterator[tuple[str, Action]]:
    """Each command that can be run here, ours last: what Python compiles for the others is a change that ours sees."""
    python, target = str(prefix / "bin/python"), ["-p", str(prefix)]
    yield PIP, command([python, "-m", "pip", "check"])
    if uv := shutil.which("uv"):
        yield UV, command([uv, "pip", "check", "--python", python])
    yield from () if fast else slow_tools(prefix, python, target)
    yield FIRST, command(ours(prefix, "--no-cache"))
    yield AGAIN, command(ours(prefix))
    yield DEEP, command(ours(prefix, "--deep"))


def slow_tools(prefix: Path, python: str, target: Sequence[str]) -> Iterator[tuple[str, Action]]:
    """Those that no floor asks for."""
    yield "pip list", command([python, "-m", "pip", "list", "--disable-pip-version-check"])
    if conda := os.environ.get("CONDA_EXE") or shutil.which("conda"):
        yield "conda doctor", command([conda, "doctor", *target])
        yield "conda list", command([conda, "list", *target])
        yield "conda list --no-pip", command([conda, "list", "--no-pip", *target])
    if env_repair := shutil.which("env-repair"):
        yield "env-repair", command([env_repair, "--env", str(prefix)])


def command(words: Sequence[str]) -> Action:
    """Running a command, its output thrown away; returns its exit code."""
    variables = {name: value for name, value in os.environ.items() if name not in UNSET}
    null = subprocess.DEVNULL
    return lambda: subprocess.run(words, env=variables, stdout=null, stderr=null, check=False).returncode


def measured(actions: Mapping[str, Action], runs: int) -> dict[str, Times]:
    """Medians of so many rounds, in each of which every action has its turn; the first, which warms, does not count."""
    rounds = [{name: clocked(action) for name, action in actions.items()} for _ in range(runs + 1)][1:]
    return {
        name: Times(
            statistics.median(each[name].wall for each in rounds),
            statistics.median(each[name].cpu for each in rounds),
            rounds[-1][name].code,
        )
        for name in actions
    }


def clocked(action: Action) -> Times:
    """How long an action takes, and how long it keeps processors busy, its child processes included."""
    began, busy = time.perf_counter(), _busy()
    code = action()
    return Times(time.perf_counter() - began, _busy() - busy, code)


def _busy() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def bare(prefix: Path) -> int:
    """Hash every file with two threads and nothing else: the floor of `--deep`."""
    paths = iter([os.path.join(root, name) for root, _, names in os.walk(prefix) for name in names])
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                batch = [path for path, _ in zip(paths, range(64), strict=False)]
            if not batch:
                return
            for path in batch:
                with open(path, "rb", buffering=0) as file:
                    hashlib.sha256(file.read()).hexdigest()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def table(times: Mapping[str, Times]) -> None:
    """Print seconds, and ratios of wall time to those that the floors name."""
    bases = [name for name in (PIP, UV, BARE) if name in times]
    print("| | exit code | seconds | user + system | " + " | ".join(f"x {base}" for base in bases) + " |")
    print("|---|---:|---:|---:|" + "---:|" * len(bases))
    for name, (wall, cpu, code) in times.items():
        ratios = " | ".join(f"{wall / times[base].wall:.2f}" for base in bases)
        print(f"| {name} | {code} | {wall:.3f} | {cpu:.3f} | {ratios} |")


def floors(times: Mapping[str, Times], environments: int, larger: float) -> None:
    """Print each floor beside what was measured, by wall time and by processor time."""
    one, side = ONE.format(environments), SIDE.format(environments, os.cpu_count())
    print("\n| floor | at most | wall | user + system |\n|---|---:|---:|---:|")
    for title, upper, lower, most in (
        ("first time / pip check", FIRST, PIP, "1"),
        ("nothing changed / uv pip check", AGAIN, UV, "4"),
        ("--deep / bare sha256 of the same files", DEEP, BARE, "1.15"),
        (f"{larger:.1f} times the paths / one time", FIRST, TENTH, f"{1.1 * larger:.1f}"),
        ("side by side / one after another", side, one, "0.59 (1.7 x faster)"),
    ):
        if upper in times and lower in times:
            wall, cpu = times[upper].wall / times[lower].wall, times[upper].cpu / times[lower].cpu
            print(f"| {title} | {most} | {wall:.2f} | {cpu:.2f} |")


def small(folder: Path, number: int) -> Path:
    """A folder of so many small environments."""
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        for index in range(number):
            site = folder / f"e{index}/lib/python3.12/site-packages"
            site.mkdir(parents=True)
            (folder / f"e{index}/conda-meta").mkdir()
            (folder / f"e{index}/conda-meta/history").write_text("")
            record(folder / f"e{index}", "python", "3.12.1", [], write=True)
            for dist in range(20):
                distribution(site, dist, 20, binary=False)
        (folder / "complete").touch()
    return folder


if __name__ == "__main__":
    main()
