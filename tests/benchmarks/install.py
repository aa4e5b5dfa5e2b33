"""How long `pipsafe install` takes over plain `pip install` of the same wheels into the same kind of environment.

    python tests/benchmarks/install.py [--rounds 5] [--packages 1 50] [--files 40]

Each round makes two fresh environments (not timed) and installs once with each, one after the other, the first one
taking turns; pip's caches are warm. Printed are the medians, their ratio, and the floor: 1.15 x pip + 0.3 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import clean_environment, create_with_rattler, python_of
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.channel_cache import cached_channel


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packages", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--files", type=int, default=40)
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
            measure(work, channel, wheels, count, options.rounds)


def measure(work: Path, channel: Channel, wheels: Path, count: int, rounds: int) -> None:
    """Print one line for so many packages."""
    names = [f"bench{number}" for number in range(count)]
    words = ["--no-index", "--find-links", str(wheels), *names]
    taken: dict[str, list[float]] = {"pip": [], "pipsafe": []}
    for number in range(rounds + 1):
        order = list(taken) if number % 2 else list(reversed(taken))
        for which in order:
            prefix = work / f"{which}-{count}-{number}"
            create_with_rattler(prefix, ["python", "pip"], [channel], work)
            if which == "pip":
                command = [str(python_of(prefix)), "-m", "pip", "--disable-pip-version-check", "install", *words]
            else:
                command = [sys.executable, "-m", "conda_pipsafe", "install", "-p", str(prefix), *words]
            seconds = run(command)
            if number:  # the first round warms up
                taken[which].append(seconds)
    pip, ours = statistics.median(taken["pip"]), statistics.median(taken["pipsafe"])
    floor = 1.15 * pip + 0.3
    verdict = "reached" if ours <= floor else "NOT reached"
    print(
        f"{count:>3} packages: pip {pip:.2f} s, pipsafe {ours:.2f} s: {ours / pip:.2f} x, +{ours - pip:.2f} s "
        f"(floor {floor:.2f} s: {verdict})"
    )


def run(command: list[str]) -> float:
    """Run quietly; return the seconds that it took."""
    variables = clean_environment({"PIP_ROOT_USER_ACTION": "ignore", "PIP_CONFIG_FILE": os.devnull})
    started = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
