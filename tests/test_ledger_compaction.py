"""A long ledger becomes short, and says the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conda_pipsafe.ledger import store
from conda_pipsafe.ledger.codec import encode_event, encode_line
from conda_pipsafe.ledger.events import DistState, Event, Source
from conda_pipsafe.ledger.folded import fold
from conda_pipsafe.ledger.store import open_ledger
from support.ledger_prefix import HandMade


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def event(version: str, name: str = "alpha", kind: str = "installed", **data: object) -> Event:
    dist = DistState(name, name, version, f"site/{name}-{version}", "pip", True, "pip", Source("unknown"))
    return Event("2026-01-01T00:00:00Z", kind, "observed", "likely", dist=dist, data=data)  # type: ignore[arg-type]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "COMPACT_AT", 20_000)
    monkeypatch.setattr(store, "KEPT_EVENTS", 10)


@pytest.mark.usefixtures("small")
def test_a_long_ledger_is_folded_and_says_the_same(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    lost = Event("2026-01-01T00:00:00Z", "record-lost", "observed", "likely", revision=7, data={"mark": "x@1"})
    ledger.append([lost, event("1.0", "stays")])
    first = ledger.events()[0].time
    later = json.dumps({**encode_event(event("0.1", "stays")), "extra": 1}).encode() + b"\n"
    made.ledger.write_bytes(
        made.ledger.read_bytes() + later + b"garbage\n" + encode_line(event("0.1", "stays", "removed"))
    )
    for number in range(300):
        ledger.append([event("1.0", f"n{number}"), event("1.0", f"n{number - 3}", "removed")])
        assert made.ledger.stat().st_size < 25_000
    found = open_ledger(made.path)
    assert found.state().keys() == {"site/stays-1.0", "site/n299-1.0", "site/n298-1.0", "site/n297-1.0"}
    assert found.folded().lost == {"x@1"}
    assert found.folded().revision == 7
    assert found.folded().prefix == os.path.realpath(made.path)
    (summary,) = [item for item in found.events() if item.kind == "compacted"]
    told = [item for item in found.events() if item.kind in {"installed", "removed"}]
    # created, record-lost, stays twice, removed, 600 others; the line with a field of a later version is kept.
    assert summary.data["count"] + len(told) - 1 == 604
    assert summary.data["last"] == "2026-01-01T00:00:00Z"
    assert found.folded().first == summary.data["first"] == first
    assert later in made.ledger.read_bytes()
    assert b"garbage\n" in made.ledger.read_bytes()


@pytest.mark.usefixtures("small")
def test_lines_of_a_later_kind_are_never_folded_even_when_the_ledger_stays_long(made: HandMade) -> None:
    ledger = open_ledger(made.path)
    ledger.append([event("1.0")])
    later = json.dumps({"v": 1, "kind": "blessed", "fill": "x" * 1000}).encode() + b"\n"
    made.ledger.write_bytes(made.ledger.read_bytes() + later * 60)
    for number in range(20):
        ledger.append([event("1.0", f"n{number}")])
    assert made.ledger.read_bytes().count(later) == 60
    assert "compacted" not in [item.kind for item in open_ledger(made.path).events()]


@pytest.mark.usefixtures("small")
def test_a_single_huge_event_is_kept(made: HandMade) -> None:
    open_ledger(made.path).append([event("1.0", fill="x" * 40_000)])
    open_ledger(made.path).append([event("2.0", "beta")])
    assert {state.key for state in open_ledger(made.path).state().values()} == {"alpha", "beta"}


KILLED = """
import os, sys
from conda_pipsafe.ledger import store
from conda_pipsafe.ledger.events import Event
store.COMPACT_AT = 1000
store.KEPT_EVENTS = 5
print("go", flush=True)
number = int(sys.argv[2])
while True:
    store.open_ledger(sys.argv[1]).append([Event("t", "failed", "recorded", "certain", data={"n": number})])
    number += 1
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_every_event_that_it_had_written(made: HandMade) -> None:
    done = 0
    for delay in (0.0, 0.003, 0.01, 0.02, 0.03, 0.05):
        command = [sys.executable, "-c", KILLED, made.path, str(done)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "go\n"
            for _ in range(20):
                done = int(writer.stdout.readline())
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
        done = int(rest[-1]) if rest else done
        ledger = open_ledger(made.path)
        numbers = [item.data["n"] for item in ledger.events() if item.kind == "failed"]
        counts = [item.data["count"] for item in ledger.events() if item.kind == "compacted"]
        assert counts
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert numbers[-1] >= done - 1
        # All that was folded is counted, `created` and what was mended too.
        assert counts[0] >= numbers[0] + 1
        done = numbers[-1] + 1


def test_a_summary_of_another_form_is_taken_as_far_as_it_goes() -> None:
    state = encode_event(event("1.0"))["dist"]
    data = {"prefix": 1, "state": [state, {}, 7], "lost": ["a", 1], "count": "many", "first": 0}
    total = fold([Event("t", "compacted", "recorded", "certain", data=data)])
    assert (total.prefix, list(total.state), total.lost, total.folded, total.first) == (
        None,
        ["site/alpha-1.0"],
        {"a"},
        0,
        "t",
    )
    assert fold([Event("t", "compacted", "recorded", "certain", data={"state": 1, "lost": 2})]).state == {}
