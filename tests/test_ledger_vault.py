"""Records that a reading conda command erases, and their copies."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from conda_pipsafe.ledger import seen, vault
from conda_pipsafe.ledger.folder import LedgerError
from conda_pipsafe.ledger.reconcile import reconcile
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.ledger.vault import keep_endangered, keep_record, kept_records
from conda_pipsafe.prefix.anchors import endangered
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.ledger_prefix import SITE, HandMade


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def in_danger(made: HandMade) -> list[str]:
    return [record.dist_str for record in endangered(read_snapshot(made.path))]


def replaced(made: HandMade, name: str = "alpha") -> Path:
    record = made.conda_package(name, "1.0")
    made.remove(name, "1.0")
    made.dist(name, "2.0")
    return record


def test_a_record_is_in_danger_when_its_dist_info_is_gone(made: HandMade) -> None:
    made.conda_package("alpha", "1.0")
    made.conda_package("beta", "1.0")
    assert in_danger(made) == []
    # conda looks at the folder alone.
    (made.root / SITE / "beta-1.0.dist-info/RECORD").unlink()
    made.remove("alpha", "1.0")
    assert in_danger(made) == ["alpha-1.0-0"]


def test_eggs_and_packages_with_several_distributions_are_seen_as_conda_sees_them(made: HandMade) -> None:
    site = made.root / SITE
    made.record("egg-file", "1.0", [f"{SITE}/egg_file-1.0-py3.12.egg-info"])
    made.record("egg-dir", "1.0", [f"{SITE}/egg_dir-1.0-py3.12.egg-info/PKG-INFO"])
    made.record("two", "1.0", [f"{SITE}/two-1.0.dist-info/RECORD", f"{SITE}/two_tools-1.0.dist-info/RECORD"])
    made.record("data", "1.0", ["share/x.dist-info/RECORD", f"{SITE}/deep/x.dist-info/RECORD", "RECORD"])
    assert in_danger(made) == ["egg-dir-1.0-0", "egg-file-1.0-0", "two-1.0-0"]
    (site / "egg_file-1.0-py3.12.egg-info").touch()
    (site / "egg_dir-1.0-py3.12.egg-info").touch()
    (site / "two-1.0.dist-info").mkdir()
    assert in_danger(made) == ["egg-dir-1.0-0", "two-1.0-0"]
    (site / "egg_dir-1.0-py3.12.egg-info").unlink()
    (site / "egg_dir-1.0-py3.12.egg-info").mkdir()
    (site / "two_tools-1.0.dist-info").mkdir()
    assert in_danger(made) == []


def test_a_copy_is_kept_byte_for_byte_and_outlives_the_record(made: HandMade) -> None:
    record = replaced(made)
    content = record.read_bytes()
    assert keep_endangered(made.path) == ["alpha-1.0-0"]
    record.unlink()
    (kept,) = kept_records(made.path)
    assert kept.read(made.path) == content
    assert (kept.name, kept.version, kept.build, kept.dist_str) == ("alpha", "1.0", "0", "alpha-1.0-0")
    assert kept.meta_path == "conda-meta/alpha-1.0-0.json"
    assert kept.when is not None
    assert kept.why == vault.ENDANGERED
    parsed = kept.record(made.path)
    assert parsed is not None
    assert parsed.dist_str == "alpha-1.0-0"
    assert [event.kind for event in open_ledger(made.path).events()] == ["created", "record-kept"]


def test_the_same_record_is_kept_once_and_another_form_of_it_beside(made: HandMade) -> None:
    record = replaced(made)
    for _ in range(2):
        assert keep_endangered(made.path) == ["alpha-1.0-0"]
    assert len(kept_records(made.path)) == 1
    value = json.loads(record.read_text())
    record.write_text(json.dumps({**value, "requested_spec": "alpha"}))
    assert keep_endangered(made.path) == ["alpha-1.0-0"]
    assert len(kept_records(made.path)) == 2
    assert [event.kind for event in open_ledger(made.path).events()] == ["created", "record-kept", "record-kept"]


def test_where_nothing_is_in_danger_nothing_is_written(made: HandMade) -> None:
    made.conda_package("alpha", "1.0")
    assert keep_endangered(made.path) == []
    assert not made.ledger.parent.exists()
    assert kept_records(made.path) == []


def test_after_a_look_the_names_are_known_without_another(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 50_000_000)
    replaced(made)
    reconcile(made.path)
    time.sleep(0.1)
    reconcile(made.path)
    assert seen.unchanged(made.path)
    # Proof that nothing is read: what lies deeper than the fast path looks is gone, and is not missed.
    shutil.rmtree(made.ledger.parent / "vault")
    assert keep_endangered(made.path) == ["alpha-1.0-0"]
    assert not (made.ledger.parent / "vault").exists()
    # What the hooks take for the answer is the same from reconciling.
    assert reconcile(made.path).kept == ("alpha-1.0-0",)
    assert reconcile(made.path, force=True).kept == ("alpha-1.0-0",)
    assert len(kept_records(made.path)) == 1


def test_a_memory_without_names_is_none(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 0)
    assert seen.remember(made.path, time.time_ns(), [], {})
    assert keep_endangered(made.path) == []
    assert reconcile(made.path).kept == ()


def test_one_record_can_be_kept_for_another_reason(made: HandMade) -> None:
    made.conda_package("alpha", "1.0")
    record = read_snapshot(made.path).record_named("alpha")
    assert record is not None
    for _ in range(2):
        keep_record(made.path, record, "before a rollback")
    assert [kept.why for kept in kept_records(made.path)] == ["before a rollback"]
    (made.root / record.meta_path).unlink()
    with pytest.raises(UnreadableError):
        keep_record(made.path, record)


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_raises(made: HandMade) -> None:
    replaced(made)
    made.ledger.parent.write_text("in the way")
    assert keep_endangered(made.path) == []
    assert kept_records(made.path) == []
    record = read_snapshot(made.path).record_named("alpha")
    assert record is not None
    with pytest.raises(LedgerError, match="is not a folder"):
        keep_record(made.path, record)


def test_a_copy_whose_note_is_lost_or_damaged_says_what_it_can(made: HandMade) -> None:
    replaced(made)
    keep_endangered(made.path)
    (before,) = kept_records(made.path)
    (note,) = (made.root / vault.VAULT).glob("*.why.json")
    for content in ("{", "[]", "{}", json.dumps({**json.loads(note.read_text()), "meta_path": "conda-meta/../x.json"})):
        note.write_text(content)
        (kept,) = kept_records(made.path)
        assert (kept.dist_str, kept.meta_path, kept.sha256) == (before.dist_str, before.meta_path, before.sha256)
        assert (kept.when, kept.why) == (None, None)
    note.unlink()
    assert len(kept_records(made.path)) == 1
    (made.root / before.copy).write_text("{}")
    assert kept_records(made.path) == []
    (made.root / before.copy).write_text("{")
    assert kept_records(made.path) == []
    assert before.record(made.path) is None


def test_the_vault_is_bounded_and_keeps_what_conda_has_lost(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = replaced(made, "lost")
    keep_endangered(made.path)
    lost.unlink()
    size = (made.root / kept_records(made.path)[0].copy).stat().st_size
    monkeypatch.setattr(vault, "MAX_COPIES", 3)
    for number in range(4):
        replaced(made, f"n{number}")
        keep_endangered(made.path)
    names = [kept.name for kept in kept_records(made.path)]
    assert len(names) == 3
    assert "lost" in names
    monkeypatch.setattr(vault, "MAX_BYTES", 2 * size + 10)
    replaced(made, "last")
    keep_endangered(made.path)
    names = [kept.name for kept in kept_records(made.path)]
    assert "lost" in names
    assert len(names) < 3
    assert len(os.listdir(made.root / vault.VAULT)) == 2 * len(names)


def test_a_copy_that_goes_while_it_is_weighed_has_no_size(made: HandMade) -> None:
    replaced(made)
    keep_endangered(made.path)
    (kept,) = kept_records(made.path)
    (made.root / kept.copy).unlink()
    assert vault._size(made.path, kept) == 0
