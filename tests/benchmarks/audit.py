"""How long an audit takes beside its peers, on an environment like the reference prefix of `docs/design.md`.

    python tests/benchmarks/audit.py [--dists 350] [--files 230] [--runs 5] [--folder FOLDER]

Builds (once per folder) an environment of so many distributions with so many files each beside some conda packages,
then runs every tool that is installed on it and prints medians and ratios as a Markdown table.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

CONDA_PACKAGES = 60
CONDA_FILES = 60
DEPENDS = 4
BODY = "A line of a description, as long ones have many.\n" * 120


def main() -> None:
    """Build what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dists", type=int, default=350)
    parser.add_argument("--files", type=int, default=230)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--environments", type=int, default=0, metavar="N", help="measure --jobs on N small ones instead"
    )
    parser.add_argument("--deep", action="store_true", help="measure --deep against bare hashing as well")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pipsafe-benchmark")
    args = parser.parse_args()
    if args.environments:
        many(args.folder / "many", args.environments, args.runs)
        return
    prefix = args.folder / f"reference-{args.dists}-{args.files}"
    if not (prefix / "complete").exists():
        shutil.rmtree(prefix, ignore_errors=True)
        build(prefix, args.dists, args.files)
    files = sum(len(names) for _, _, names in os.walk(prefix))
    print(
        f"{args.dists} distributions, {files:,} files, Python {sys.version.split()[0]}, {os.cpu_count()} processors\n"
    )
    times = {name: median(command, args.runs) for name, command in tools(prefix, deep=args.deep)}
    if args.deep:
        times["bare sha256, two threads"] = clocked(lambda: bare(prefix))
    table(times)


def build(prefix: Path, dists: int, files: int) -> None:
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
    for number in range(CONDA_PACKAGES):
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


def distribution(site: Path, number: int, files: int) -> None:
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
        f"{name}/{'' if index < 20 else f'sub{index % 9}/'}m{index}.py": f"# {name}\nx = {index}\n" * 60
        for index in range(files)
    }
    contents[f"{name}/__init__.py"] = ""
    contents |= {f"{info.name}/METADATA": f"{text}\n\n{BODY}", f"{info.name}/INSTALLER": "pip\n",
                 f"{info.name}/WHEEL": "Wheel-Version: 1.0\n"}  # fmt: skip
    rows = []
    for path, content in contents.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(content)}")
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,", ""]))


def tools(prefix: Path, *, deep: bool) -> Iterator[tuple[str, list[str]]]:
    """Each command that can be run here, ours first; its first run, which warms what it keeps, does not count."""
    python, target = str(prefix / "bin/python"), ["-p", str(prefix)]
    ours = [sys.executable, "-m", "conda_pipsafe", "audit", *target]
    yield "pipsafe audit, first time", [*ours, "--no-cache"]
    yield "pipsafe audit, nothing changed", ours
    if deep:
        yield "pipsafe audit --deep", [*ours, "--deep"]
    yield "pip check", [python, "-m", "pip", "check"]
    yield "pip list", [python, "-m", "pip", "list", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        yield "uv pip check", [uv, "pip", "check", "--python", python]
    if conda := os.environ.get("CONDA_EXE") or shutil.which("conda"):
        yield "conda doctor", [conda, "doctor", *target]
        yield "conda list --no-pip", [conda, "list", "--no-pip", *target]
    if env_repair := shutil.which("env-repair"):
        yield "env-repair", [env_repair, "scan", *target]


def median(command: Sequence[str], runs: int) -> float:
    """Seconds of wall time, the median of so many runs after one that does not count."""

    def once() -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    once()
    return statistics.median(clocked(once) for _ in range(runs))


def clocked(action: Callable[[], None]) -> float:
    """How long an action takes, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def bare(prefix: Path) -> None:
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


def table(times: dict[str, float]) -> None:
    """Print seconds, and ratios to those that the floors name."""
    bases = [name for name in ("pip check", "uv pip check", "bare sha256, two threads") if name in times]
    print("| | seconds | " + " | ".join(f"x {base}" for base in bases) + " |")
    print("|---|---:|" + "---:|" * len(bases))
    for name, seconds in times.items():
        print(f"| {name} | {seconds:.3f} | " + " | ".join(f"{seconds / times[base]:.2f}" for base in bases) + " |")


def many(folder: Path, number: int, runs: int) -> None:
    """One after another against side by side."""
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        for index in range(number):
            site = folder / f"e{index}/lib/python3.12/site-packages"
            site.mkdir(parents=True)
            (folder / f"e{index}/conda-meta").mkdir()
            (folder / f"e{index}/conda-meta/history").write_text("")
            record(folder / f"e{index}", "python", "3.12.1", [], write=True)
            for dist in range(20):
                distribution(site, dist, 20)
        (folder / "complete").touch()
    ours = [sys.executable, "-m", "conda_pipsafe", "audit", "--no-cache", "--below", str(folder)]
    one, side = (median([*ours, "--jobs", str(jobs)], runs) for jobs in (1, os.cpu_count() or 1))
    together = f"{os.cpu_count()} at once {side:.2f} s: {one / side:.2f} x"
    print(f"{number} environments: one after another {one:.2f} s, {together}")


if __name__ == "__main__":
    main()
