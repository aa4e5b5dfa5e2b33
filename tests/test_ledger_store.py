"""The ledger on disk: appended to, torn, mended, locked."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conda_pipsafe.ledger import store
from conda_pipsafe.ledger.codec import encode_event, encode_line
from conda_pipsafe.ledger.events import DistState, Event, Source
from conda_pipsafe.ledger.folder import LedgerError, ensure_folder
from conda_pipsafe.ledger.store import Ledger, LedgerBusyError, open_ledger
from support.ledger_prefix import HandMade


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def event(version: str, name: str = "alpha", kind: str = "installed", **data: object) -> Event:
    dist = DistState(name, name, version, f"site/{name}-{version}", "pip", True, "pip", Source("unknown"))
    return Event("2026-01-01T00:00:00Z", kind, "observed", "likely", dist=dist, data=data)  # type: ignore[arg-type]


def test_a_prefix_without_ledger_has_no_events_and_reading_makes_nothing(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    assert (ledger.events(), ledger.state(), ledger.problems, ledger.exists) == ([], {}, (), False)
    assert ledger.writable
    ledger.append([])
    assert not made.ledger.parent.exists()


def test_what_is_appended_is_read_by_others_and_begins_with_the_prefix(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    ledger.append([event("1.0"), event("2.0", "beta")])
    ledger.append([event("1.0", kind="removed")])
    created, *rest = open_ledger(made.path).events()
    assert created.kind == "created"
    assert created.data["prefix"] == os.path.realpath(made.path)
    assert rest == [event("1.0"), event("2.0", "beta"), event("1.0", kind="removed")]
    assert [state.key for state in open_ledger(made.path).state().values()] == ["beta"]
    assert ledger.events() == open_ledger(made.path).events()
    assert sorted(os.listdir(made.ledger.parent)) == ["ledger.jsonl", "lock"]


def test_a_line_torn_at_any_byte_is_mended_and_nothing_whole_is_lost(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    ledger.append([event("1.0")])
    before = made.ledger.read_bytes()
    last = encode_line(event("2.0", "beta"))
    for cut in range(1, len(last)):
        made.ledger.write_bytes(before + last[:cut])
        open_ledger(made.path).append([event("3.0", "gamma")])
        found = open_ledger(made.path)
        assert found.problems == ()
        kinds = [item.kind for item in found.events()]
        if cut == len(last) - 1:  # only the line's end is missing
            assert kinds == ["created", "installed", "installed", "mended", "installed"]
            assert found.events()[3].data["bytes"] == 0
        else:
            assert kinds == ["created", "installed", "mended", "installed"]
            mended = found.events()[2].data
            assert base64.b64decode(mended["torn"]) == last[:cut]
            assert mended["offset"] == len(before)


@pytest.mark.parametrize("tail", [b"\0" * 512, b"\0" * 512 + b"\n", b"not json\n", b"[]", b"   "])
def test_other_torn_ends_are_mended_too(made: HandMade, tail: bytes) -> None:
    open_ledger(made.path).append([event("1.0")])
    made.ledger.write_bytes(made.ledger.read_bytes() + tail)
    if tail.strip():
        assert [problem.kind for problem in open_ledger(made.path).problems] == ["invalid-json"]
    open_ledger(made.path).append([event("2.0")])
    found = open_ledger(made.path)
    assert [item.kind for item in found.events()] == ["created", "installed", "mended", "installed"]
    assert base64.b64decode(found.events()[2].data["torn"]) == tail.removesuffix(b"\n")
    assert found.problems == ()


def test_a_ledger_of_which_only_a_torn_line_is_left_begins_anew(made: HandMade) -> None:
    ensure_folder(made.path)
    made.ledger.write_bytes(b'{"v":1,"ki')
    open_ledger(made.path).append([event("1.0")])
    assert [item.kind for item in open_ledger(made.path).events()] == ["created", "mended", "installed"]


def test_an_empty_last_line_is_left_alone(made: HandMade) -> None:
    open_ledger(made.path).append([event("1.0")])
    made.ledger.write_bytes(made.ledger.read_bytes() + b"\n")
    open_ledger(made.path).append([event("2.0")])
    assert [item.kind for item in open_ledger(made.path).events()] == ["created", "installed", "installed"]


def test_a_bad_line_in_the_middle_is_told_and_hides_nothing(made: HandMade) -> None:
    open_ledger(made.path).append([event("1.0")])
    made.ledger.write_bytes(made.ledger.read_bytes() + b"garbage\n" + encode_line(event("2.0", "beta")))
    ledger = open_ledger(made.path)
    assert [problem.detail for problem in ledger.problems] == ["line 3 is not valid JSON"]
    assert ledger.writable
    assert {state.key for state in ledger.state().values()} == {"alpha", "beta"}
    ledger.append([event("3.0", "gamma")])
    assert b"garbage" in made.ledger.read_bytes()


def test_a_newer_ledger_is_read_but_not_written(made: HandMade) -> None:
    open_ledger(made.path).append([event("1.0")])
    later = {**encode_event(event("2.0", "beta")), "v": 2, "later": {"x": 1}}
    made.ledger.write_bytes(made.ledger.read_bytes() + json.dumps(later).encode() + b"\n")
    before = made.ledger.read_bytes()
    ledger = open_ledger(made.path)
    assert {state.key for state in ledger.state().values()} == {"alpha", "beta"}
    assert not ledger.writable
    assert "newer conda-pipsafe" in str(ledger.why_not)
    with pytest.raises(LedgerError, match="newer conda-pipsafe"):
        ledger.append([event("3.0")])
    assert made.ledger.read_bytes() == before


def test_an_unknown_kind_is_told_and_survives(made: HandMade) -> None:
    open_ledger(made.path).append([event("1.0")])
    later = json.dumps({**encode_event(event("9.0")), "kind": "blessed"}).encode() + b"\n"
    made.ledger.write_bytes(made.ledger.read_bytes() + later)
    ledger = open_ledger(made.path)
    assert [problem.detail for problem in ledger.problems] == ["line 3 is of a kind that is not known"]
    ledger.append([event("2.0")])
    assert later in made.ledger.read_bytes()
    assert [item.kind for item in ledger.events()] == ["created", "installed", "installed"]


WRITER = """
import sys
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.ledger.events import Event
for number in range(40):
    data = {"by": sys.argv[2], "n": number}
    open_ledger(sys.argv[1]).append([Event("t", "failed", "recorded", "certain", data=data)])
"""


def test_two_processes_that_write_at_once_lose_nothing(made: HandMade) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, made.path, who]) for who in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    ledger = open_ledger(made.path)
    assert ledger.problems == ()
    events = ledger.events()
    assert [item.kind for item in events].count("created") == 1
    for who in "ab":
        assert [item.data["n"] for item in events if item.data.get("by") == who] == list(range(40))


HOLDER = """
import sys, time
from conda_pipsafe.ledger.store import open_ledger
with open_ledger(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_ledger_that_is_held_is_an_error_after_the_time_limit_and_free_when_the_holder_dies(made: HandMade) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, made.path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(LedgerBusyError, match="in use by another process") as caught:
            open_ledger(made.path).append([event("1.0")], wait=0.2)
        assert time.monotonic() - started < 5
        assert caught.value.hint
        assert open_ledger(made.path).events() == []  # reading needs no lock
        holder.kill()
    open_ledger(made.path).append([event("1.0")], wait=5)
    assert len(open_ledger(made.path).events()) == 2


def test_the_holder_may_enter_again(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    with ledger.locked(), ledger.locked():
        ledger.append([event("1.0")])
    open_ledger(made.path).append([event("2.0")], wait=0)


@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_leaves_the_ledger_as_it_was(made: HandMade, room: int) -> None:
    ledger = open_ledger(made.path)
    ledger.append([event("1.0")])
    before = made.ledger.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
    try:
        with pytest.raises(LedgerError, match="cannot be written"):
            ledger.append([event("2.0", fill="x" * 1000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert made.ledger.read_bytes() == before


def test_a_ledger_too_large_to_read_is_not_written(made: HandMade) -> None:
    ensure_folder(made.path)
    with made.ledger.open("wb") as file:
        file.truncate(store.READ_LIMIT + 1)
    ledger = open_ledger(made.path)
    assert ledger.events() == []
    assert "more than the 64 MiB" in str(ledger.why_not)


def test_a_ledger_that_grows_too_large_behind_our_back_is_not_replaced(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    ledger.append([event("1.0")])
    with ledger.locked():
        with made.ledger.open("ab") as file:
            file.truncate(store.READ_LIMIT + 1)
        with pytest.raises(LedgerError, match="more than the 64 MiB"):
            ledger.append([event("2.0")])
    assert made.ledger.stat().st_size == store.READ_LIMIT + 1


def test_a_ledger_that_is_hard_linked_into_another_environment_is_separated(made: HandMade, tmp_path: Path) -> None:
    open_ledger(made.path).append([event("1.0")])
    other = HandMade(tmp_path / "other")
    other.ledger.parent.mkdir()
    os.link(made.ledger, other.ledger)
    before = made.ledger.read_bytes()
    open_ledger(other.path).append([event("2.0")])
    assert made.ledger.read_bytes() == before
    assert len(open_ledger(other.path).events()) == 3


def test_a_lock_that_the_filesystem_refuses_is_an_error(made: HandMade) -> None:
    ledger = Ledger(made.path)
    with ledger.locked():
        pass
    (made.ledger.parent / "lock").unlink()
    (made.ledger.parent / "lock").mkdir()
    with pytest.raises(LedgerError, match="cannot be locked"):
        ledger.append([event("1.0")], wait=0.1)
