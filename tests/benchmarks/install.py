"""How long `pipsafe install` takes over plain `pip install` of the same wheels, and over plain `uv pip install`.

    python tests/benchmarks/install.py [--rounds 5] [--packages 1 50] [--files 40] [--tools pip uv]

Each round makes fresh environments (not timed) and installs once with each, one after the other, the order taking
turns; caches are warm. Printed are the medians, their ratio, the best of each, the processor time, and the floor:
1.15 x pip + 0.3 s, uv + 0.5 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import clean_environment, create_with_rattler, python_of
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.channel_cache import cached_channel
from support.guard_matrix import find_uv

FLOORS: dict[str, Callable[[float], float]] = {"pip": lambda pip: 1.15 * pip + 0.3, "uv": lambda uv: uv + 0.5}


class Taken(NamedTuple):
    """Seconds on the clock, and of the processors."""

    seconds: float
    busy: float


class Place(NamedTuple):
    """Where all of it is."""

    work: Path
    channel: Channel
    wheels: Path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packages", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--tools", nargs="+", choices=list(FLOORS), default=list(FLOORS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cache = work / "channel"
        cache.mkdir()
        channel = cached_channel(cache, None)
        wheels = work / "wheels"
        wheels.mkdir()
        for number in range(max(options.packages)):
            modules = {f"bench{number}/m{index}.py": f"X = {index}\n" * 200 for index in range(options.files)}
            write_wheel(WheelSpec(f"bench{number}", "1.0", modules), wheels)
        for count in options.packages:
            for tool in options.tools:
                measure(Place(work, channel, wheels), tool, count, options.rounds)


def measure(place: Place, tool: str, count: int, rounds: int) -> None:
    """Print one line for so many packages."""
    names = [f"bench{number}" for number in range(count)]
    words = ["--no-index", "--find-links", str(place.wheels), *names]
    taken: dict[str, list[Taken]] = {tool: [], "pipsafe": []}
    for number in range(rounds + 1):
        order = list(taken) if number % 2 else list(reversed(taken))
        for which in order:
            prefix = place.work / f"{tool}-{which}-{count}-{number}"
            create_with_rattler(prefix, ["python", "pip"], [place.channel], place.work)
            if which == "pipsafe":
                command = [sys.executable, "-m", "conda_pipsafe", "install", "--backend", tool, "-p", str(prefix)]
            elif tool == "pip":
                command = [str(python_of(prefix)), "-m", "pip", "--disable-pip-version-check", "install"]
            else:
                command = ["uv", "pip", "install", "--python", str(python_of(prefix))]
            seconds = run([*command, *words], place.work)
            if number:  # the first round warms up
                taken[which].append(seconds)
    theirs, ours = taken[tool], taken["pipsafe"]
    plain, guarded = (statistics.median(one.seconds for one in several) for several in (theirs, ours))
    floor = FLOORS[tool](plain)
    verdict = "reached" if guarded <= floor else "NOT reached"
    best = [min(one.seconds for one in several) for several in (theirs, ours)]
    busy = [statistics.median(one.busy for one in several) for several in (theirs, ours)]
    print(
        f"{count:>3} packages: {tool} {plain:.2f} s, pipsafe {guarded:.2f} s: {guarded / plain:.2f} x, "
        f"+{guarded - plain:.2f} s (floor {floor:.2f} s: {verdict}); best {best[0]:.2f} s and {best[1]:.2f} s; "
        f"processor {busy[0]:.2f} s and {busy[1]:.2f} s",
        flush=True,
    )


def run(command: list[str], work: Path) -> Taken:
    """Run quietly; return what it took."""
    settings = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_CONFIG_FILE": os.devnull, "UV_CACHE_DIR": str(work / "uv")}
    # Also where the virtual environment that this runs in is not activated.
    settings["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), str(find_uv().parent)])
    variables = clean_environment({**settings, "UV_NO_CONFIG": "1"})
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - started, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(seconds, spent)


if __name__ == "__main__":
    main()
