"""The forecast against the truth: random environments, random conda commands, every pip-owned path looked at.

`PIPSAFE_TRANSACTIONS` sets how many (30 by default), `PIPSAFE_SEED` where to begin: a failure names its seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import create_with_rattler
from conda_pipsafe.prefix.history import read_history
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.random_world import World
from support.running import Conda, pip

pytestmark = pytest.mark.slow

TRANSACTIONS = int(os.environ.get("PIPSAFE_TRANSACTIONS", "30"))
FIRST_SEED = int(os.environ.get("PIPSAFE_SEED", "1"))
PER_WORLD = 5

Look = dict[str, tuple[int, int, str]]


@dataclass
class Driver:
    """conda in one process that forks for each command."""

    process: subprocess.Popen[str]
    count: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def run(self, words: list[str]) -> dict[str, Any]:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert isinstance(stdin, IO) or stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(words) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer


@pytest.fixture
def driver(conda: Conda) -> Iterator[Driver]:
    python = conda.run("info", "--json").ok().json()["sys.executable"]
    script = Path(__file__).parent / "support" / "conda_driver.py"
    variables = {**conda.environment, "PIPSAFE_DEBUG": "1"}
    with subprocess.Popen(
        [python, str(script)], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Driver(process)
        assert process.stdin is not None
        process.stdin.close()


def look_at(prefix: Path, paths: set[str]) -> Look:
    """inode, mtime and hash of each path that is there."""
    found: Look = {}
    for path in paths:
        full = prefix / path
        if os.path.lexists(full):
            info = full.lstat()
            data = full.read_bytes() if full.is_file() else b""
            found[path] = (info.st_ino, info.st_mtime_ns, hashlib.sha256(data).hexdigest())
    return found


def pip_owned(prefix: Path) -> set[str]:
    """Every path in the RECORD of a distribution that conda does not own."""
    snapshot = read_snapshot(str(prefix))
    return {row.path for dist in snapshot.pip_distributions() for row in snapshot.installed_files[dist.path]}


def make_environment(world: World, base: Channel, prefix: Path, work: Path, python: str) -> None:
    specs = [f"python={python}", "pip", *world.conda_specs()]
    create_with_rattler(prefix, specs, [world.channel, base], work)
    for arguments in world.pip_arguments():
        pip(prefix, *arguments)  # pip may refuse (a conda package without RECORD): that is an environment too


def check(prefix: Path, answer: dict[str, Any], owned: set[str], before: Look, words: list[str]) -> None:
    """The paths that changed are those that were foreseen."""
    after = look_at(prefix, owned)
    changed = {path for path in before if after.get(path) != before[path]}
    seen = answer["forecasts"].get(str(prefix), {"paths": [], "exact": True})
    if "--dry-run" in words or answer["code"] != 0:
        assert not changed
        return
    assert seen["exact"]
    foreseen = set(seen["paths"])
    assert foreseen == changed, f"missed {sorted(changed - foreseen)}, too many {sorted(foreseen - changed)}"
    if changed:
        assert "conda-pipsafe: what" in answer["stderr"]
    if not changed and not seen.get("orphaned") and "will harm" not in answer["stderr"]:
        assert "conda-pipsafe: what" not in answer["stderr"]


def installed_names(prefix: Path) -> list[str]:
    return [record.name for record in read_snapshot(str(prefix)).records if record.name not in {"python", "pip"}]


def test_the_forecast_is_the_truth(driver: Driver, channel: Channel, tmp_path: Path) -> None:
    pythons = tuple(
        sorted(
            {".".join(record["version"].split(".")[:2]) for record in channel.records() if record["name"] == "python"}
        )
    )
    seed, done, harmed = FIRST_SEED, 0, 0
    while done < TRANSACTIONS:
        folder = tmp_path / f"world-{seed}"
        world = World.make(seed, folder, pythons)
        prefix = folder / "env"
        make_environment(world, channel, prefix, folder / "work", world.rng.choice(pythons))
        for step in range(PER_WORLD):
            history = read_history(str(prefix))[0]
            words = world.command(installed_names(prefix), pythons, len(history.revisions))
            command = [words[0], "-y", "-p", str(prefix), "--override-channels", *words[1:]]
            if words[0] != "remove":
                command[4:4] = ["-c", world.channel.url, "-c", channel.url]
            owned = pip_owned(prefix)
            before = look_at(prefix, owned)
            answer = driver.run(
                [word for word in command if not (words[0] == "remove" and word == "--override-channels")]
            )
            try:
                check(prefix, answer, owned, before, words)
            except AssertionError as error:
                error.add_note(
                    f"seed {seed}, step {step}: conda {' '.join(words)}\n{answer['stdout']}\n{answer['stderr']}"
                )
                raise
            done += 1
            harmed += bool(answer["forecasts"].get(str(prefix), {}).get("paths"))
        seed += 1
    print(f"{done} transactions, {harmed} of them harmful, seeds {FIRST_SEED} to {seed - 1}")
    assert harmed > done // 10, "these environments are too peaceful to show anything"
