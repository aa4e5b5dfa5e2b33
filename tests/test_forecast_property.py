"""The forecast against the truth: random environments, random conda commands, every pip-owned path looked at.

Beside the paths: what is left behind with a Python or of a dist-info, lies twice, lacks what it needs, or hides a
checkout. Now and then the same command runs in the mode `block` first: it is refused when it would harm, and then no
inode has changed.

`PIPSAFE_TRANSACTIONS` sets how many (30 by default), `PIPSAFE_SEED` where to begin: a failure names its seed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import create_with_rattler
from conda_pipsafe.engines import rattler
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.effects import forecast
from conda_pipsafe.prefix.history import read_history
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from support.driving import Driven, Driver
from support.random_world import NAMES, World, install_with_pip
from support.trees import tree
from support.truth import Unmet, broken, doubled, hiding, leftover, orphaned, unmet

pytestmark = pytest.mark.slow

TRANSACTIONS = int(os.environ.get("PIPSAFE_TRANSACTIONS", "30"))
FIRST_SEED = int(os.environ.get("PIPSAFE_SEED", "1"))
PER_WORLD = 6
RATTLER_TRANSACTIONS = int(os.environ.get("PIPSAFE_RATTLER_TRANSACTIONS", "20"))
BLOCKED_FIRST = 0.25

Look = dict[str, tuple[int, int, str]]


def look_at(prefix: Path, paths: set[str]) -> Look:
    """inode, mtime and hash of each path that is there; the prefix's own path counts as one word in all of them.

    A folder is nobody's file, also where an installer once put one.
    """
    found: Look = {}
    for path in paths:
        full = prefix / path
        if os.path.lexists(full) and (full.is_symlink() or not full.is_dir()):
            info = full.lstat()
            # What a link leads to is a path of its own.
            data = os.fsencode(os.readlink(full)) if full.is_symlink() else full.read_bytes() if full.is_file() else b""
            found[path] = (
                info.st_ino,
                info.st_mtime_ns,
                hashlib.sha256(data.replace(os.fsencode(prefix), b"@PREFIX@")).hexdigest(),
            )
    return found


def pip_owned(prefix: Path) -> set[str]:
    """Every path of a distribution that conda does not own; without RECORD, what makes it a distribution."""
    snapshot = read_snapshot(str(prefix))
    return {
        path
        for dist in snapshot.pip_distributions()
        for path in {row.path for row in snapshot.installed_files[dist.path]} or {dist.metadata_path}
    }


@dataclass
class Walk:
    """One world: an environment, and the commands that it goes through."""

    world: World
    channel: Channel
    prefix: Path
    pythons: tuple[str, ...]
    seen: Counter[str]

    def make(self) -> None:
        specs = [f"python={self.world.rng.choice(self.pythons)}", "pip", *self.world.conda_specs()]
        create_with_rattler(self.prefix, specs, [self.world.channel, self.channel], self.prefix.parent / "work")
        # pip may refuse (a conda package without RECORD): that is an environment too.
        install_with_pip(self.prefix, self.world.pip_arguments())
        self.world.disturb(self.prefix)

    def step(self, driver: Driver, number: int) -> None:
        """Run one command; compare what it did with what was foreseen. After a dry run the same is done in earnest."""
        history = read_history(str(self.prefix))[0]
        words = self.world.command(self.prefix, self.pythons, len(history.revisions))
        if self.world.rng.random() < BLOCKED_FIRST and self._refused(driver, words, number):
            return
        done = self._run(driver, words, number)
        if "--dry-run" in words and done.returncode == 0:
            dry = done.forecast(self.prefix)
            done = self._run(driver, [word for word in words if word != "--dry-run"], number)
            if dry["exact"] and done.returncode == 0:
                assert dry["paths"] == done.forecast(self.prefix)["paths"], f"dry run of conda {' '.join(words)}"
                self.seen["exact dry runs"] += 1

    def _refused(self, driver: Driver, words: list[str], number: int) -> bool:
        """Run it in the mode `block`: what would harm is refused and nothing touched, what does not is done.

        Returns:
            Whether it was done.
        """
        was, target = tree(self.prefix), self._target(words, number)
        checks = self.world.rng.choice(("disabled", "warn"))
        mode = {"CONDA_PLUGINS_PIPSAFE_MODE": "block", "CONDA_SAFETY_CHECKS": checks}
        as_json = [] if words == ["rename"] else ["--json"]
        done = self._run(driver, [*words, *as_json], number, mode)
        if done.returncode == 0:
            return True
        assert tree(self.prefix) == was, f"block: {words}"
        if "conda has begun the copy" in done.stdout + done.stderr:
            shutil.rmtree(target)  # as it says
        assert target == self.prefix or not target.exists(), done.stdout + done.stderr
        name = "PipsafeBlockedError"
        self.seen["refused"] += name in done.stdout if as_json else "conda-pipsafe refuses" in done.stderr
        return False

    def _target(self, words: list[str], number: int) -> Path:
        return self.prefix.with_name(f"copy-{number}") if self.copies(words) else self.prefix

    def _run(self, driver: Driver, words: list[str], number: int, mode: Mapping[str, str] | None = None) -> Driven:
        target = self._target(words, number)
        owned = pip_owned(self.prefix)
        before = look_at(self.prefix, owned)
        snapshot = read_snapshot(str(self.prefix))
        snapshot.pip_distributions()  # whose it is tells a file, which the command may take away
        was = unmet(snapshot), hiding(snapshot)
        done = driver.run(*self._complete(words, target), env=mode)
        try:
            changed = self._changed(done, before, owned, target)
            check(done, words, target, changed)
            if target == self.prefix and done.returncode == 0 and "--dry-run" not in words:
                check_effects(done.forecast(target), was, snapshot, read_snapshot(str(target)))
        except AssertionError as error:
            words.append(f"-> exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr}")
            raise AssertionError(f"{error}\nconda {' '.join(words)}") from error
        self.seen[" ".join(word for word in words[:2] if not word.startswith("/"))] += 1
        self.seen["harmed"] += bool(changed)
        if words == ["rename"] and done.returncode == 0:
            self.prefix = target
        return done

    @staticmethod
    def copies(words: list[str]) -> bool:
        """Whether the command makes another environment of this one."""
        return words[0] == "rename" or "--clone" in words

    def _complete(self, words: list[str], target: Path) -> list[str]:
        if words == ["rename"]:
            return ["rename", "-p", str(self.prefix), str(target)]
        where = ["-p", str(target)]
        if words[0] == "env":
            return [*words, *where]
        if words[0] == "remove":
            return [*words, "-y", *where]
        return [*words, "-y", *where, "--override-channels", "-c", self.world.channel.url, "-c", self.channel.url]

    def _changed(self, done: Driven, before: Look, owned: set[str], target: Path) -> set[str]:
        if target == self.prefix:
            after = look_at(target, owned)
            return {path for path in before if after.get(path) != before[path]}
        if done.returncode != 0:
            return set()
        # A copy is compared with what was copied, where conda's rewriting of prefixes is no difference.
        after = look_at(target, owned)
        return {path for path in sources(set(before)) if path not in after or after[path][2] != before[path][2]}


def check(done: Driven, words: list[str], prefix: Path, changed: set[str]) -> None:
    """The paths that changed are those that were foreseen, and what was said fits."""
    seen = done.forecast(prefix)
    if "--json" in words and done.stdout.strip():  # conda says nothing at all of an explicit package
        done.json()
    if "--dry-run" in words or done.returncode != 0:
        assert not changed
        return
    assert seen["exact"]
    foreseen = set(seen["paths"])
    if Walk.copies(words):
        foreseen = sources(foreseen)
    assert foreseen == changed, f"missed {sorted(changed - foreseen)}, too many {sorted(foreseen - changed)}"
    assert "please report it" not in done.stderr
    warned = "conda-pipsafe: this transaction" in done.stderr or "the copy of" in done.stderr
    told = "conda-pipsafe: what" in done.stderr
    if changed:
        assert warned
        assert told
    if not changed and not warned:
        assert not told
    assert done.stderr.count("will harm") <= 2, "the forecast, and what only the exact one could know"


def check_effects(seen: dict[str, Any], was: tuple[Unmet, set[str]], before: Snapshot, after: Snapshot) -> None:
    """What no path shows: found by other means than the forecast's, and the same."""
    assert seen["orphaned"] == orphaned(before, after)
    assert seen["doubled"] == doubled(before, after, set(seen["link"]))
    assert seen["leftover"] == leftover(before, after)
    known = {(path, text.partition(" (")[0]) for path, text in seen["broken"]}
    surely, perhaps = broken(was[0], before, after)
    assert surely <= known, f"missed {sorted(surely - known)}"
    assert known <= surely | perhaps, f"too many {sorted(known - surely - perhaps)}"
    there = {dist.path for dist in before.pip_distributions()} & hiding(after)
    assert there - was[1] <= set(seen["shadowed"]) <= there


def pythons_of(channel: Channel) -> tuple[str, ...]:
    found = {".".join(record["version"].split(".")[:2]) for record in channel.records() if record["name"] == "python"}
    return tuple(sorted(found))


def test_the_forecast_is_the_truth(driver: Driver, channel: Channel, tmp_path: Path) -> None:
    pythons = pythons_of(channel)
    seed, done = FIRST_SEED, 0
    seen: Counter[str] = Counter()
    failures: list[str] = []
    while done < TRANSACTIONS:
        folder = tmp_path / f"world-{seed}"
        world = World.make(seed, folder, pythons)
        walk = Walk(world, channel, folder / "env", pythons, seen)
        walk.make()
        try:
            for number in range(PER_WORLD):
                done += 1
                walk.step(driver, number)
        except AssertionError as error:
            failures.append(f"PIPSAFE_SEED={seed}: {error}")
            print(failures[-1], flush=True)
        shutil.rmtree(folder)
        seed += 1
    print(f"{done} transactions, {seen['harmed']} of them harmful, seeds {FIRST_SEED} to {seed - 1}: {dict(seen)}")
    assert not failures, "\n\n".join(failures)
    assert seen["harmed"] > done // 10, "these environments are too peaceful to show anything"


def sources(paths: frozenset[str] | set[str]) -> set[str]:
    """Without bytecode.

    py-rattler compiles nothing, and clears the `__pycache__` of what it takes away; conda rewrites it in a copy.
    """
    return {path for path in paths if not path.endswith(".pyc")}


def shared(paths: frozenset[str]) -> set[str]:
    """Paths that several conda packages of a world have: which of them gets one is py-rattler's choice."""
    return {path for path in paths if not any(f"/{name}/" in f"/{path}/" for name in NAMES)}


def test_the_same_with_rattler(channel: Channel, tmp_path: Path) -> None:
    """py-rattler's own transactions, on environments that it made: exact where one conda package has a path."""
    python = pythons_of(channel)[0]
    seed, done, harmed = FIRST_SEED, 0, 0
    failures: list[str] = []
    while done < RATTLER_TRANSACTIONS:
        folder = tmp_path / f"world-{seed}"
        world = World.make(seed, folder, (python,), odd=False)
        prefix, cache = folder / "env", folder / "work"
        Walk(world, channel, prefix, (python,), Counter()).make()
        for _ in range(PER_WORLD):
            specs = world.specs()
            try:
                solved = rattler.solve(read_snapshot(str(prefix)), specs, [world.channel.url, channel.url], str(cache))
            except PipsafeError:  # what was asked for before contradicts it
                continue
            seen = forecast(read_snapshot(str(prefix)), solved.transaction)
            before = look_at(prefix, pip_owned(prefix))
            rattler.apply(solved, str(cache))
            after = look_at(prefix, set(before))
            changed = {path for path in before if after.get(path) != before[path]}
            missed = sorted(sources(changed - seen.paths))
            many = sorted(sources(seen.paths - changed - shared(seen.paths)))
            if missed or many:
                failures.append(f"PIPSAFE_SEED={seed}: {specs}: missed {missed}, too many {many}")
                break
            done += 1
            harmed += bool(changed)
        shutil.rmtree(folder)
        seed += 1
        assert seed < FIRST_SEED + RATTLER_TRANSACTIONS
    print(f"{done} transactions of py-rattler, {harmed} of them harmful")
    assert not failures, "\n".join(failures)
    assert harmed
