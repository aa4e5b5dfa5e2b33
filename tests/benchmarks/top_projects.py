"""Install PyPI's 200 most downloaded projects into one environment, and look whether all is as it was planned.

    python tests/benchmarks/top_projects.py [--backend pip|uv] [--commands 4] [--folder FOLDER] [--most 200]

1. uv looks for versions of all of `top_projects.txt` that go together and have wheels for this Python; a project that
   has none, or that the others rule out, is left out, and why is said.
2. A fresh environment with python and pip is made, and they are installed through `pipsafe install` in a few commands,
   held to these versions.
3. After each command: the paths that are new are those that were planned (but for bytecode, which pip makes besides).
4. At the end `pipsafe audit` has to be clean.

Needs PyPI, some gigabytes and some minutes. The exit code is 0 when all that holds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conda_pipsafe.demo.environment import create_with_rattler, python_of
from conda_pipsafe.installer.arguments import PIP, UV, pip_arguments
from conda_pipsafe.installer.install import Options, carry_out, preparing
from conda_pipsafe.installer.record import begin_install, record_before, record_install
from conda_pipsafe.installer.uv_install import preparing_with_uv
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.channel_cache import cached_channel
from support.guard_matrix import find_uv

LIST = Path(__file__).with_suffix(".txt")
_AT_MOST = 30  # rounds of leaving one out


def main() -> int:
    """Do it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["pip", "uv"], default="pip")
    parser.add_argument("--commands", type=int, default=4)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    # Also where the virtual environment that this runs in is not activated.
    os.environ["PATH"] += os.pathsep + str(find_uv().parent)
    lines = LIST.read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")][: options.most]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        work = Path(folder)
        prefix = make_environment(work)
        pins = work / "pins.txt"
        wanted = resolve(prefix, names, pins)
        step = -(-len(wanted) // options.commands)
        right = True
        for start in range(0, len(wanted), step):
            right &= install(prefix, wanted[start : start + step], pins, options.backend)
        there = len(read_snapshot(str(prefix)).distributions)
        print(f"{len(wanted)} of {len(names)} projects asked for; {there} distributions are there")
        return 0 if audit(prefix) and right else 1


def make_environment(work: Path) -> Path:
    """A fresh environment with python and pip."""
    cache = work / "channel"
    cache.mkdir()
    prefix = work / "env"
    create_with_rattler(prefix, ["python", "pip"], [cached_channel(cache, None)], work)
    return prefix


def resolve(prefix: Path, names: Sequence[str], pins: Path) -> list[str]:
    """Write pins of all that go together; return the names that are left."""
    left = list(names)
    for _ in range(_AT_MOST):
        # What conda has stays; pip and its tools are asked for by no one here.
        own = [f"{dist.key}=={dist.version}" for dist in read_snapshot(str(prefix)).distributions]
        command = ["uv", "pip", "compile", "--quiet", "--python", str(python_of(prefix)), "--only-binary", ":all:"]
        command += ["--no-header", "--no-annotate", "--output-file", str(pins), "-"]
        asked = "".join(f"{line}\n" for line in [*own, *left])
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return left
        said = " ".join(done.stderr.split())
        culprit = next((name for name in left if re.search(rf"\b{re.escape(name)}\b", said)), None)
        if culprit is None:
            raise SystemExit(done.stderr)
        left.remove(culprit)
        print(f"left out: {culprit}: {said[:300]}", flush=True)
    raise SystemExit("too many projects do not go together")


def install(prefix: Path, names: Sequence[str], pins: Path, backend: str) -> bool:
    """Run one command; print and return whether each path that is new had been planned, and the reverse."""
    before = files(prefix)
    started = time.perf_counter()
    options = Options(backend=backend, quiet=True)
    arguments = pip_arguments(["--only-binary", ":all:", "-c", str(pins), *names], UV if backend == "uv" else PIP)
    snapshot = read_snapshot(str(prefix))
    record_before(snapshot)
    prepare = preparing_with_uv if backend == "uv" else preparing
    with tempfile.TemporaryDirectory() as folder, prepare(snapshot, arguments, options, folder) as prepared:
        for refusal in prepared.verdict.refusals:
            print(f"refused: {refusal.message} {refusal.paths[:3]}")
        if prepared.verdict.refusals:
            return False
        marker, _ = begin_install(prepared)
        outcome = carry_out(prepared, marker)
        record_install(prepared, outcome)
    planned = {path for wheel in prepared.wheels.values() for path in wheel.paths.members}
    new = {path for path in files(prefix) - before if not path.endswith(".pyc")}
    for what, paths in (("written, not planned", new - planned), ("planned, not written", planned - new - before)):
        for path in sorted(paths):
            print(f"{what}: {path}")
    for difference in outcome.differences:
        print(f"difference: {difference.message}")
    print(
        f"{len(prepared.plan.dists)} distributions, {len(planned)} planned paths, {len(new)} new ones, "
        f"{time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return outcome.succeeded and not outcome.differences and new == planned - before


def files(prefix: Path) -> set[str]:
    """Every file below the environment but our own."""
    found = set()
    for folder, folders, names in os.walk(prefix):
        if os.path.basename(folder) == "conda-meta":
            folders[:] = [name for name in folders if name != "pipsafe"]
        found |= {os.path.relpath(os.path.join(folder, name), prefix).replace(os.sep, "/") for name in names}
    return found


def audit(prefix: Path) -> bool:
    """Print and return whether the audit is clean."""
    command = [sys.executable, "-m", "conda_pipsafe", "audit", "-p", str(prefix), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout).get("findings", [])
    for finding in findings:
        print(f"audit: {finding.get('code')} {finding.get('message') or finding}")
    print(f"audit: exit code {done.returncode}, {len(findings)} findings")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
