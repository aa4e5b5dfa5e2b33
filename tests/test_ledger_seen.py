"""The fast path: never a stale answer, and nothing imported for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conda_pipsafe.ledger import cache_files, seen
from conda_pipsafe.ledger.reconcile import reconcile
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.ledger_prefix import SITE, HandMade

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock of this machine is as coarse as the two seconds that are allowed for."""
    monkeypatch.setattr(seen, "RACY_NS", 100_000_000)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/conda-pipsafe/seen"


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    made = HandMade(tmp_path / "env")
    made.conda_package("beta", "1.0")
    made.dist("alpha", "1.0")
    return made


def look_later(made: HandMade) -> None:
    """Look when the last change is more than two seconds old."""
    snapshot = read_snapshot(made.path)
    paths = seen.watched([site.path for site in snapshot.sites], [dist.path for dist in snapshot.distributions])
    time.sleep(seen.RACY_NS / 1e9 + 0.05)
    assert seen.remember(made.path, time.time_ns(), paths, {"endangered": []})


def test_a_look_is_trusted_only_when_the_last_change_is_two_seconds_old(made: HandMade) -> None:
    assert not seen.unchanged(made.path)
    reconcile(made.path)
    assert not seen.unchanged(made.path)
    time.sleep(2.1)
    assert reconcile(made.path).snapshot is not None
    assert seen.unchanged(made.path)
    again = reconcile(made.path)
    assert (again.snapshot, again.events) == (None, ())
    assert reconcile(made.path, force=True).snapshot is not None
    assert seen.unchanged(made.path)
    seen.forget(made.path)
    seen.forget(made.path)
    assert not seen.unchanged(made.path)


@pytest.mark.usefixtures("brief")
def test_a_snapshot_is_remembered_by_when_it_was_read(made: HandMade) -> None:
    reconcile(made.path)
    time.sleep(0.2)
    looked, snapshot = time.time_ns(), read_snapshot(made.path)
    reconcile(made.path, snapshot)
    assert not seen.unchanged(made.path)  # nobody said when
    reconcile(made.path, snapshot, looked=looked)
    assert seen.unchanged(made.path)
    made.dist("gamma", "1.0")
    reconcile(made.path, snapshot, looked=looked)  # what came since is not taken for seen
    assert not seen.unchanged(made.path)


CHANGES: dict[str, Callable[[HandMade], object]] = {
    "a distribution comes": lambda made: made.dist("gamma", "1.0"),
    "a distribution goes": lambda made: made.remove("alpha", "1.0"),
    "a mark comes": lambda made: (made.root / SITE / "beta-1.0.dist-info/REQUESTED").touch(),
    "a file is replaced": lambda made: _replace(made.root / SITE / "alpha-1.0.dist-info/INSTALLER"),
    "a record comes": lambda made: made.record("gamma", "1.0", []),
    "the history goes on": lambda made: made.history("conda install gamma", ["gamma-1.0-0"]),
    "another Python comes": lambda made: (made.root / "lib/python3.13/site-packages").mkdir(parents=True),
    "a first lib64 comes": lambda made: (made.root / "lib64").mkdir(),
    "the ledger is deleted": lambda made: (made.root / "conda-meta/pipsafe/ledger.jsonl").unlink(),
    "the times are set back": lambda made: _backdated(made, made.root / SITE),
}


def _replace(path: Path) -> None:
    (path.parent / "new").write_text("uv\n")
    os.replace(path.parent / "new", path)


def _backdated(made: HandMade, site: Path) -> None:
    before = site.stat()
    made.dist("gamma", "1.0")
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(made: HandMade, change: str) -> None:
    reconcile(made.path)
    look_later(made)
    assert seen.unchanged(made.path)
    CHANGES[change](made)
    assert not seen.unchanged(made.path)


@pytest.mark.usefixtures("brief")
def test_what_is_remembered_is_given_back(made: HandMade) -> None:
    look_later(made)
    assert seen.recall(made.path) == {"endangered": []}
    link = made.root.parent / "link"
    link.symlink_to(made.root)
    assert seen.unchanged(str(link))


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    "change",
    [
        {"format": 0}, {"by": "0"}, {"prefix": "other"}, {"looked": 4e18}, {"looked": None}, {"stamps": []},
        {"stamps": {"lib": 1}}, {"facts": []},
    ],
)  # fmt: skip
def test_what_was_not_written_so_is_not_believed(made: HandMade, cache: Path, change: dict[str, object]) -> None:
    look_later(made)
    (file,) = cache.iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert not seen.unchanged(made.path)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("content", ["", "[]", "null", "{}", "[" * 100_000])
def test_a_damaged_memory_means_another_look(made: HandMade, cache: Path, content: str) -> None:
    look_later(made)
    (file,) = cache.iterdir()
    file.write_text(content)
    assert not seen.unchanged(made.path)


def test_where_the_cache_cannot_be_written_every_command_looks(made: HandMade, cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("in the way")
    assert not seen.remember(made.path, time.time_ns(), [], {})
    assert not seen.unchanged(made.path)
    assert reconcile(made.path).snapshot is not None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give folders to others")
def test_nothing_is_written_into_the_home_of_another_user(made: HandMade, cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True)
    os.chown(cache.parent.parent, 65534, 65534)
    assert not seen.remember(made.path, time.time_ns(), [], {})
    assert list(cache.parent.parent.iterdir()) == []


def test_old_memories_make_room(made: HandMade, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_files, "FILES_KEPT", 10)
    cache.mkdir(parents=True)
    for number in range(10):
        (cache / f"{number}.json").touch()
        os.utime(cache / f"{number}.json", (number, number))
    assert seen.remember(made.path, time.time_ns(), [], {})
    names = {path.name for path in cache.iterdir()}
    assert {f"{number}.json" for number in range(5, 10)} < names
    assert len(names) == 6


@pytest.mark.parametrize(("system", "expected"), [("darwin", "Library/Caches"), ("linux", ".cache")])
def test_the_cache_is_where_the_platform_has_it(monkeypatch: pytest.MonkeyPatch, system: str, expected: str) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", system)
    assert cache_files.cache_folder() == os.path.join(os.path.expanduser("~"), expected, "conda-pipsafe")


def test_windows_has_its_own_cache_and_no_owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCALAPPDATA", "C:\\Users\\me\\AppData\\Local")
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        cache, changed = cache_files.cache_folder(), seen._changed([1, 2, 3, 4])
        windows.delattr(os, "geteuid", raising=False)
        ours = cache_files.may_be_ours(str(tmp_path))
    assert cache == os.path.join("C:\\Users\\me\\AppData\\Local", "conda-pipsafe")
    assert (changed, ours) == (1, True)


def test_the_fast_path_imports_nothing_of_the_rest(made: HandMade) -> None:
    code = (
        "import __future__, sys, json, time, hashlib; before = set(sys.modules)\n"
        "from conda_pipsafe.ledger.seen import unchanged\n"
        f"unchanged({made.path!r})\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "conda_pipsafe",
        "conda_pipsafe.ledger",
        "conda_pipsafe.ledger.cache_files",
        "conda_pipsafe.ledger.seen",
    ]
