"""A second audit looks again at whatever changed, and only then."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine, remembered
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.audit.many import Audited, Depth, audit_one
from conda_pipsafe.ledger import seen
from support.prefixes import SITE, PrefixFactory


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are told apart by their times alone: no test waits two seconds."""
    monkeypatch.setattr(seen, "RACY_NS", 0)


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    make = PrefixFactory(tmp_path / "env")
    make.record("foo", "1.0", {"lib/a/foo.so": "", "share/foo/data.txt": ""})
    make.conda_dist("ours")
    make.pip_dist("mine", files={"mine/__init__.py": "", "mine/inner/x.py": "", "../../../bin/mine": "#!/bin/sh\n"})
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/__init__.py": "conda"})
    make.pip_dist("opencv-python", "4.0", {"cv2/__init__.py": "conda"})
    make.write(f"{SITE}/own/thing.py")
    return make


def audit(make: PrefixFactory) -> Audited:
    audit_one(str(make.root), Depth())  # the first one writes the ledger
    time.sleep(0.02)
    return audit_one(str(make.root), Depth())


def test_report_is_the_same(make: PrefixFactory) -> None:
    fresh = audit_one(str(make.root), Depth(cached=False))
    audit(make)
    kept = remembered.recall(str(make.root))
    assert kept is not None
    assert fresh.report is not None
    assert kept.findings != ()
    assert (kept.findings[0].message, kept.checks) == (fresh.report.findings[0].message, fresh.report.checks)
    assert kept == audit_one(str(make.root), Depth()).report


def rewrite(path: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "lib/a/foo.so").unlink(),
        lambda root: (root / SITE / "mine/inner/x.py").unlink(),
        lambda root: (root / SITE / "new").mkdir(),
        lambda root: (root / SITE / "own/__pycache__").mkdir(),
        lambda root: (root / SITE / "~ip").mkdir(),
        lambda root: (root / "conda-meta/pinned").write_text("x <1\n"),
        lambda root: (root / "lib/python3.11").mkdir(),
        lambda root: (root / f"{SITE}/mine-1.0.dist-info/REQUESTED").touch(),
        rewrite(f"{SITE}/mine-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mine\nVersion: 2.0\n"),
        rewrite(f"{SITE}/mine-1.0.dist-info/RECORD", "mine/gone.py,,\n"),
        rewrite(f"{SITE}/mine-1.0.dist-info/INSTALLER", "uv\n"),
        rewrite("conda-meta/foo-1.0-h0_0.json", "{}"),
        rewrite("conda-meta/history", "==> 2026-01-01 00:00:00 <==\n"),
        rewrite("bin/mine", "#!/other/bin/python\n"),
        rewrite(f"{SITE}/cv2/__init__.py", "pip"),
        lambda root: os.chmod(root / "conda-meta/foo-1.0-h0_0.json", 0o600),
        lambda root: os.utime(root / "lib/a", (1, 1)),
    ],
)
def test_whatever_changes_is_seen(make: PrefixFactory, change: Callable[[Path], object]) -> None:
    audit(make)
    assert remembered.recall(str(make.root)) is not None
    change(make.root)
    assert remembered.recall(str(make.root)) is None


def test_variables_and_settings_outside_are_seen(
    make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    audit(make)
    assert remembered.recall(str(make.root)) is not None
    with monkeypatch.context() as changed:
        changed.setenv("PIP_USER", "1")
        assert remembered.recall(str(make.root)) is None
    (tmp_path / "home/.local/lib/python3.12/site-packages").mkdir(parents=True)
    assert remembered.recall(str(make.root)) is None
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    audit(make)
    assert remembered.recall(str(make.root)) is not None
    (tmp_path / "data/jupyter/kernels/mine").mkdir(parents=True)
    assert remembered.recall(str(make.root)) is None


def test_own_settings_and_kernels_are_seen(make: PrefixFactory, tmp_path: Path) -> None:
    make.write("pip.conf", f"[install]\nconstraint = {tmp_path}/pins.txt\n")
    make.write("share/jupyter/kernels/k/kernel.json", '{"argv": ["/gone/bin/python"]}')
    (tmp_path / "pins.txt").write_text("")
    for change in (
        (tmp_path / "pins.txt").unlink,
        lambda: make.write("share/jupyter/kernels/k/kernel.json", "{}"),
        lambda: make.write("conda-meta/state", "{}"),
        lambda: make.write("pip.conf", ""),
    ):
        audit(make)
        assert remembered.recall(str(make.root)) is not None
        change()
        assert remembered.recall(str(make.root)) is None


def test_what_changed_a_moment_ago_is_looked_at_again(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 3_600_000_000_000)
    audit(make)
    assert remembered.recall(str(make.root)) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 9}', "null"])
def test_a_damaged_memory_costs_a_look(make: PrefixFactory, content: str) -> None:
    audit(make)
    Path(remembered.memory_file(os.path.realpath(make.root))).write_text(content)
    assert remembered.recall(str(make.root)) is None


def test_a_memory_that_cannot_be_kept_is_no_error(
    make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert audit(make).report is not None
    assert remembered.recall(str(make.root)) is None


def test_deep_never_asks_the_memory(make: PrefixFactory) -> None:
    audit(make)
    make.write("lib/a/foo.so", "edited in place")
    assert remembered.recall(str(make.root)) is not None
    report = audit_one(str(make.root), Depth(deep=True)).report
    assert report is not None
    assert "PS120" in {finding.code for finding in report.findings}


def test_the_second_audit_finds_nothing_changed(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one writes the ledger, which is its own doing."""
    monkeypatch.setattr(seen, "RACY_NS", 5_000_000)
    time.sleep(0.02)
    first = audit_one(str(make.root), Depth())
    assert (make.root / "conda-meta/pipsafe/ledger.jsonl").exists()
    assert remembered.recall(str(make.root)) == first.report


def test_our_own_ledger_is_known_by_what_is_in_it(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is too new for its times to tell: another process may write it within one tick of the clock."""
    monkeypatch.setattr(seen, "RACY_NS", 5_000_000)
    time.sleep(0.02)
    audit_one(str(make.root), Depth())
    memory = Path(remembered.memory_file(os.path.realpath(make.root)))
    kept = json.loads(memory.read_text())
    ledger = os.path.join(os.path.realpath(make.root), "conda-meta/pipsafe/ledger.jsonl")
    assert ledger in kept["fresh"]
    memory.write_text(json.dumps({**kept, "fresh": {**kept["fresh"], ledger: "of other content"}}))
    assert remembered.recall(str(make.root)) is None
    memory.write_text(json.dumps(kept))
    assert remembered.recall(str(make.root)) is not None


def _of_ledger(root: Path) -> None:
    with (root / "conda-meta/pipsafe/ledger.jsonl").open("a") as file:
        file.write(" ")


@pytest.mark.parametrize(
    "change",
    [_of_ledger, rewrite("conda-meta/x-1.0-0.json", "{}"), lambda root: (root / "conda-meta/pipsafe/vault").mkdir()],
)
def test_what_changes_beside_our_own_ledger_is_seen(
    make: PrefixFactory, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 5_000_000)
    time.sleep(0.02)
    audit_one(str(make.root), Depth())
    change(make.root)
    assert remembered.recall(str(make.root)) is None


def test_what_changes_during_the_first_look_is_not_kept(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 5_000_000)
    time.sleep(0.02)
    looked = time.time_ns()
    gathered = gather(str(make.root))
    report = engine.audit(gathered.context)
    (record,) = (make.root / "conda-meta").glob("foo-*.json")
    record.unlink()
    assert not remembered.remember(gathered.context, report, looked)
