"""What became of a prefix since the last look, on prefixes written by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conda_pipsafe.ledger.events import Event, Source
from conda_pipsafe.ledger.reconcile import Expected, reconcile
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot
from support.ledger_prefix import LONG_AGO, SITE, HandMade


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def look(made: HandMade, *expected: Expected) -> tuple[Event, ...]:
    """Look; what is told is what a second reader finds on disk, and the state is the disk's."""
    before = len(open_ledger(made.path).events())
    events = reconcile(made.path, force=True, expected=expected).events
    on_disk = tuple(open_ledger(made.path).events()[before:])
    assert [event for event in on_disk if event not in events] == ([] if before else list(on_disk[:1]))
    found = {dist.path for dist in read_snapshot(made.path).pip_distributions()}
    assert open_ledger(made.path).state().keys() == found
    return events


def told(events: tuple[Event, ...]) -> list[str]:
    """Kinds, names and versions, for comparing."""
    lines = []
    for event in events:
        dist = f" {event.dist.key}" if event.dist else ""
        versions = [state.version for state in (event.before, event.dist) if state]
        lines.append(f"{event.kind}{dist} {'->'.join(versions)}".strip())
    return lines


def test_where_conda_owns_everything_nothing_is_written(made: HandMade) -> None:
    made.conda_package("alpha", "1.0")
    before = sorted(path for path in made.root.rglob("*"))
    assert reconcile(made.path).events == ()
    assert sorted(path for path in made.root.rglob("*")) == before


def test_a_distribution_that_pip_brought_is_observed_with_all_that_the_disk_says(made: HandMade) -> None:
    made.dist("Al_pha", "1.0", requested=False)
    (event,) = look(made)
    assert (event.kind, event.how, event.certainty, event.user, event.command) == (
        "installed", "observed", "likely", None, None,
    )  # fmt: skip
    assert event.happened == "2023-11-14T22:13:20Z"
    assert event.revision == 0
    assert event.dist is not None
    assert (event.dist.key, event.dist.name, event.dist.version) == ("al-pha", "Al_pha", "1.0")
    assert (event.dist.installer, event.dist.requested, event.dist.owner) == ("pip", False, "pip")
    assert event.dist.source == Source("unknown")
    assert look(made) == ()


def test_nobody_knows_who_brought_a_distribution_without_installer(made: HandMade) -> None:
    made.dist("alpha", "1.0", installer=None, requested=False)
    made.dist("beta", "1.0", installer="poetry", requested=True)
    (made.root / SITE / "gamma-1.0.dist-info").mkdir()
    (made.root / SITE / "delta.egg-link").write_text("/somewhere\n.")
    events = {event.dist.key: event for event in look(made) if event.dist is not None}
    assert {key: event.certainty for key, event in events.items()} == {
        "alpha": "unknown", "beta": "likely", "gamma": "unknown", "delta": "unknown",
    }  # fmt: skip
    requested = {key: event.dist.requested for key, event in events.items() if event.dist is not None}
    assert requested == {"alpha": None, "beta": True, "gamma": None, "delta": None}
    assert events["delta"].dist is not None
    assert events["delta"].dist.source == Source("editable")
    assert events["gamma"].happened is not None


def test_an_upgrade_a_downgrade_and_a_removal(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    look(made)
    made.remove("alpha", "1.0")
    made.dist("alpha", "2.0", installer="uv")
    assert told(look(made)) == ["upgraded alpha 1.0->2.0"]
    made.remove("alpha", "2.0")
    made.dist("alpha", "1.5")
    assert told(look(made)) == ["upgraded alpha 2.0->1.5"]
    made.remove("alpha", "1.5")
    (event,) = look(made)
    assert told((event,)) == ["removed alpha 1.5"]
    assert event.happened is None
    assert look(made) == ()


def test_a_second_dist_info_of_one_name_is_a_second_state(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    look(made)
    made.dist("alpha", "2.0")
    assert told(look(made)) == ["installed alpha 2.0"]
    made.dist("alpha", "2.0", site="lib/python3.11/site-packages")
    assert told(look(made)) == ["installed alpha 2.0"]
    assert len(open_ledger(made.path).state()) == 3


def test_the_same_version_written_anew_is_a_change(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    look(made)
    made.dist("alpha", "1.0", written=LONG_AGO + 60)
    (event,) = look(made)
    assert told((event,)) == ["changed alpha 1.0->1.0"]
    assert event.data == {"why": "written anew"}
    made.dist("alpha", "1.0", installer="uv", written=LONG_AGO + 60)
    assert told(look(made)) == ["changed alpha 1.0->1.0"]
    (made.root / SITE / "alpha-1.0.dist-info").rename(made.root / SITE / "Alpha-1.0.dist-info")
    assert told(look(made)) == ["changed alpha 1.0->1.0"]
    (made.root / SITE / "Alpha-1.0.dist-info/METADATA").write_text("Name: alpha\nVersion: 1.1\n")
    assert told(look(made)) == ["upgraded alpha 1.0->1.1"]


def test_pip_in_place_of_a_conda_package_names_it_and_its_record_is_kept(made: HandMade) -> None:
    record = made.conda_package("alpha", "1.0")
    made.remove("alpha", "1.0")
    made.dist("alpha", "2.0")
    kept, event = look(made)
    assert kept.kind == "record-kept"
    assert kept.data["record"] == "alpha-1.0-0"
    assert (made.root / kept.data["copy"]).read_bytes() == record.read_bytes()
    assert told((event,)) == ["installed alpha 2.0"]
    assert event.data == {"replaced_record": "alpha-1.0-0"}
    assert reconcile(made.path, force=True).kept == ("alpha-1.0-0",)


def test_pip_over_a_conda_package_of_the_same_version_is_a_takeover(made: HandMade) -> None:
    made.conda_package("alpha", "1.0")
    look(made)
    made.dist("alpha", "1.0")
    (event,) = look(made)
    assert told((event,)) == ["changed alpha 1.0"]
    assert event.data == {"taken_from": "alpha-1.0-0"}
    assert event.dist is not None
    assert event.dist.owner == "both"
    made.dist("alpha", "1.0", installer="conda")
    (event,) = look(made)
    assert event.data == {"why": "taken by conda", "record": "alpha-1.0-0"}
    assert told((event,)) == ["removed alpha 1.0"]


def test_what_conda_did_to_pips_distributions_is_told_with_its_command(made: HandMade) -> None:
    made.dist("alpha", "2.0")
    made.dist("stays", "1.0")
    look(made)
    made.remove("alpha", "2.0")
    made.history("conda install unrelated", ["unrelated-1.0-0"])
    made.record("unrelated", "1.0", [])
    made.conda_package("alpha", "1.0")
    made.history("conda install -c https://me:secret@host/t/tk-secret/c x alpha", ["alpha-1.1-0"], ("alpha-1.0-0",))
    conda, again, removed, *lost = look(made)
    assert (conda.kind, conda.revision, conda.command) == ("conda", 2, "conda install alpha")
    assert conda.data["linked"] == ["alpha-1.0-0"]
    assert again.data["unlinked"] == ["alpha-1.0-0"]
    assert again.command == "conda install -c https://host/t/****/c x alpha"
    assert told((removed,)) == ["removed alpha 2.0"]
    assert removed.data == {"why": "replaced by conda", "record": "alpha-1.0-0"}
    assert lost == []
    assert b"secret" not in made.ledger.read_bytes()
    assert look(made) == ()


def test_distributions_that_go_with_their_site_packages_say_so(made: HandMade) -> None:
    made.dist("alpha", "1.0", site="lib/python3.11/site-packages")
    look(made)
    shutil.rmtree(made.root / "lib/python3.11")
    (event,) = look(made)
    assert event.data == {"why": "its site-packages folder is gone"}


def test_a_record_that_vanished_is_told_once(made: HandMade) -> None:
    record = made.conda_package("alpha", "1.0")
    damaged = made.conda_package("beta", "1.0")
    damaged.write_text("{")  # unreadable is not lost
    made.history("conda remove gone", ["gone-1.0-0", "unparsable"])
    made.history("conda remove gone", [], ("gone-1.0-0",))
    record.unlink()
    events = [event for event in look(made) if event.kind == "record-lost"]
    assert [event.data for event in events] == [{"record": "alpha-1.0-0", "mark": "alpha-1.0-0@1"}]
    assert [event.kind for event in look(made)] == []


RECORDED = Source("index", "https://u:secret@files/alpha.whl", "https://u:secret@index/simple", "sha256=00")


def test_what_is_announced_is_recorded_and_outlives_later_looks(made: HandMade) -> None:
    made.dist("alpha", "1.0", requested=False)
    made.dist("beta", "1.0", requested=False)
    expected = Expected("alpha", "1.0", True, RECORDED, "pip install alpha -i https://u:secret@index/simple", ("x",))
    other = Expected("gone", "1.0"), Expected("beta", None)
    looked = reconcile(made.path, expected=[expected, *other])
    assert looked.unmet == other
    alpha, beta = looked.events
    assert (alpha.how, alpha.certainty, alpha.happened, beta.how) == ("recorded", "certain", None, "observed")
    assert alpha.user
    assert beta.user is None
    state = {state.key: state for state in open_ledger(made.path).state().values()}["alpha"]
    assert (state.requested, state.extras, state.recorded_by) == (True, ("x",), "pipsafe")
    assert state.source == Source("index", "https://files/alpha.whl", "https://index/simple", "sha256=00")
    assert b"secret" not in made.ledger.read_bytes()
    assert reconcile(made.path, force=True).events == ()
    # Reinstalled by raw pip: the ledger's hash says nothing of it any more.
    made.dist("alpha", "1.0", requested=False, written=LONG_AGO + 9)
    (event,) = look(made)
    assert event.dist is not None
    assert (event.dist.source, event.dist.recorded_by, event.dist.extras) == (Source("unknown"), None, ())


def test_an_announced_reinstall_upgrade_and_removal_are_recorded(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    look(made)
    (event,) = look(made, Expected("alpha", "1.0", command="pip install --force-reinstall alpha"))
    assert (event.kind, event.how, event.data) == ("changed", "recorded", {})
    made.remove("alpha", "1.0")
    made.dist("alpha", "2.0")
    (event,) = look(made, Expected("alpha", "2.0", None, RECORDED))
    assert (event.kind, event.how) == ("upgraded", "recorded")
    assert event.dist is not None
    assert event.dist.requested is True
    made.remove("alpha", "2.0")
    (event,) = look(made, Expected("alpha", None))
    assert (event.kind, event.how, event.certainty) == ("removed", "recorded", "certain")


def test_a_direct_url_on_disk_counts_more_than_what_was_announced(made: HandMade) -> None:
    url = {"url": "https://user:secret@host/alpha.whl?token=secret", "archive_info": {"hash": "sha256=11"}}
    made.dist("alpha", "1.0", direct_url=url)
    git = {"url": "ssh://git@host/beta.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    made.dist("beta", "1.0", direct_url=git)
    made.dist("gamma", "1.0", direct_url={"url": "file:///src/gamma", "dir_info": {"editable": True}})
    look(made, Expected("alpha", "1.0", True, Source("direct-url", "https://other", None, "sha256=22")))
    states = {state.key: state.source for state in open_ledger(made.path).state().values()}
    assert states == {
        "alpha": Source("direct-url", "https://host/alpha.whl?token=****", None, "sha256=11"),
        "beta": Source("direct-url", "ssh://git@host/beta.git", None, None, "abc"),
        "gamma": Source("editable", "file:///src/gamma"),
    }
    assert b"secret" not in made.ledger.read_bytes()
    assert look(made) == ()
    (made.root / SITE / "alpha-1.0.dist-info/direct_url.json").unlink()
    assert told(look(made)) == ["changed alpha 1.0->1.0"]


def test_a_copied_environment_says_so_and_its_times_tell_nothing(made: HandMade, tmp_path: Path) -> None:
    made.dist("alpha", "1.0")
    made.dist("beta", "1.0")
    look(made)
    copy = tmp_path / "copy"
    shutil.copytree(made.root, copy, copy_function=shutil.copy)
    shutil.rmtree(copy / SITE / "beta-1.0.dist-info")
    moved, removed = reconcile(str(copy)).events
    assert (moved.kind, moved.data["copied_from"], moved.data["still_there"]) == ("created", made.path, True)
    assert told((removed,)) == ["removed beta 1.0"]
    assert reconcile(str(copy), force=True).events == ()
    (copy / SITE / "alpha-1.0.dist-info/REQUESTED").unlink()
    assert told(reconcile(str(copy), force=True).events) == ["changed alpha 1.0->1.0"]
    made.root.rename(tmp_path / "renamed")
    (moved,) = reconcile(str(tmp_path / "renamed")).events
    assert moved.data["still_there"] is False
    assert reconcile(str(tmp_path / "renamed"), force=True).events == ()


def test_without_a_place_to_write_the_events_are_told_and_nothing_is_remembered(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    made.ledger.parent.write_text("in the way")
    for _ in range(2):
        looked = reconcile(made.path)
        assert told(looked.events) == ["installed alpha 1.0"]
        assert "conda-meta/pipsafe is not a folder" in str(looked.unsaved)
        assert looked.snapshot is not None


HOLDER = """
import sys, time
from conda_pipsafe.ledger.store import open_ledger
with open_ledger(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_while_another_process_writes_the_events_are_told_but_not_recorded(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    with subprocess.Popen([sys.executable, "-c", HOLDER, made.path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        looked = reconcile(made.path, wait=0.1)
        holder.kill()
    assert told(looked.events) == ["installed alpha 1.0"]
    assert "in use by another process" in str(looked.unsaved)
    assert told(reconcile(made.path).events) == ["installed alpha 1.0"]


def test_two_that_look_at_once_record_once(made: HandMade) -> None:
    for number in range(30):
        made.dist(f"n{number}", "1.0")
    code = "import sys; from conda_pipsafe.ledger.reconcile import reconcile; reconcile(sys.argv[1])"
    lookers = [subprocess.Popen([sys.executable, "-c", code, made.path]) for _ in range(3)]
    assert [looker.wait(60) for looker in lookers] == [0, 0, 0]
    assert told(tuple(open_ledger(made.path).events()[1:])) == sorted(f"installed n{n} 1.0" for n in range(30))


def test_a_given_snapshot_is_looked_at(made: HandMade) -> None:
    snapshot = read_snapshot(made.path)
    made.dist("alpha", "1.0")
    assert reconcile(made.path, snapshot).events == ()
    assert told(reconcile(made.path).events) == ["installed alpha 1.0"]


def test_a_path_that_is_no_environment_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotAnEnvironmentError):
        reconcile(str(tmp_path))


def test_a_user_without_a_name_is_nobody(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "setresuid") or os.geteuid() != 0:
        pytest.skip("only root can become a user that does not exist")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    made.dist("alpha", "1.0")
    os.setresuid(54321, 0, 0)
    try:
        (event,) = look(made, Expected("alpha", "1.0"))
    finally:
        os.setresuid(0, 0, 0)
    assert (event.how, event.user) == ("recorded", None)


def test_a_distribution_that_goes_while_it_is_looked_at_has_no_time(made: HandMade) -> None:
    made.dist("alpha", "1.0")
    snapshot = read_snapshot(made.path)
    made.remove("alpha", "1.0")
    (event,) = reconcile(made.path, snapshot).events
    assert (event.certainty, event.happened) == ("unknown", None)
    assert told(look(made)) == ["removed alpha 1.0"]
