"""`pipsafe history`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.ledger.codec import encode_event
from conda_pipsafe.ledger.events import Event, Source
from conda_pipsafe.ledger.reconcile import Expected, reconcile
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.render.history import history_text
from support.ledger_prefix import SITE, HandMade

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def history(made: HandMade, *options: str) -> int:
    return main(["history", "-p", made.path, *options])


def test_an_environment_without_pip_packages_says_so(made: HandMade, capsys: Capture) -> None:
    assert history(made) == 0
    assert capsys.readouterr().out == f"Nothing is recorded: conda owns every Python distribution of {made.path}.\n"
    assert history(made, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["command"], value["events"], value["writable"], value["unsaved"]) == ("history", [], True, None)


def test_events_are_told_in_order_with_all_that_is_known(made: HandMade, capsys: Capture) -> None:
    made.dist("alpha", "1.0")
    git = {"url": "https://host/b.git", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}
    made.dist("beta", "1.0", requested=False, direct_url=git)
    made.dist(
        "gamma", "1.0", installer=None, requested=False, direct_url={"url": "file:///g", "dir_info": {"editable": True}}
    )
    made.conda_package("taken", "1.0")
    made.conda_package("over", "1.0")
    reconcile(made.path)
    made.dist("taken", "1.0")
    made.remove("over", "1.0")
    made.dist("over", "2.0")
    made.remove("alpha", "1.0")
    made.dist("alpha", "0.9")
    source = Source("index", index="https://pypi.org/simple")
    expected = Expected("alpha", "0.9", True, source, "pip install 'alpha<1'")
    reconcile(made.path, expected=[expected])
    made.remove("alpha", "0.9")
    made.conda_package("alpha", "3.0")
    assert history(made) == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()[2:]) if line.startswith("  2") else line for line in out.splitlines()]
    for expected_line in (
        f"started the ledger of {made.path}",
        "installed alpha 1.0 (pip, requested)",
        "installed beta 1.0 (pip, dependency, from https://host/b.git, commit 0123456789ab)",
        "installed gamma 1.0 (an unknown installer, editable from file:///g) [who and when is not known]",
        "kept a copy of conda's record of over-1.0-0",
        "changed taken 1.0 (pip, requested), written over conda's taken-1.0-0",
        "installed over 2.0 (pip, requested), in place of conda's over-1.0-0",
        "downgraded alpha 1.0 -> 0.9 (pip, requested, from https://pypi.org/simple)",
        "conda revision 3 `conda install alpha`: touched alpha",
        "removed alpha 0.9: replaced by conda (alpha-3.0-0)",
    ):
        assert expected_line in lines
    assert any(
        line.startswith("conda revision 2: recorded, by ") and "`pip install 'alpha<1'`" in line for line in lines
    )
    assert "  2023-11-14 22:13  installed   alpha 1.0" in out


def test_json_is_the_events_as_on_disk(made: HandMade, capsys: Capture) -> None:
    made.dist("alpha", "1.0")
    assert history(made, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["events"] == [json.loads(line) for line in made.ledger.read_text().splitlines()]
    assert value["prefix"] == made.path


def test_names_dates_and_a_limit_choose(made: HandMade, capsys: Capture) -> None:
    made.conda_package("kept", "1.0")
    for name in ("alpha", "Be_ta", "gamma", "kept"):
        made.dist(name, "2.0")
    made.remove("kept", "1.0")
    conda = Event("2020-01-01T00:00:00Z", "conda", "observed", "likely", data={"distributions": ["alpha"]})
    open_ledger(made.path).append([conda])

    def kinds(*options: str) -> list[str]:
        assert history(made, "--json", *options) == 0
        return [event["kind"] for event in json.loads(capsys.readouterr().out)["events"]]

    assert kinds("ALPHA") == ["conda", "installed"]
    assert kinds("be.ta", "gamma") == ["installed", "installed"]
    assert kinds("kept") == ["record-kept", "installed"]
    assert kinds("--limit", "1", "be-ta", "gamma") == ["installed"]
    assert len(kinds("--since", "2020-01-02")) == 6
    assert len(kinds("--since", "2020-01-01T00:00Z")) == 7
    assert kinds("--since", "2999-01-01T00:00:00Z") == []
    assert history(made, "nothing-of-this-name") == 0
    assert capsys.readouterr().out == "No event matches.\n"


@pytest.mark.parametrize("options", [("--since", "yesterday"), ("--limit", "0"), ("--limit", "x")])
def test_options_that_cannot_be_meant_are_a_usage_error(
    made: HandMade, capsys: Capture, options: tuple[str, str]
) -> None:
    assert history(made, *options) == 2
    assert options[0] in capsys.readouterr().err


def test_where_nothing_can_be_written_the_present_is_shown(made: HandMade, capsys: Capture) -> None:
    made.dist("alpha", "1.0")
    made.ledger.parent.write_text("in the way")
    assert history(made) == 0
    said = capsys.readouterr()
    assert "Nothing is recorded in" in said.out
    assert "  alpha 1.0  (pip, requested)" in said.out
    assert "conda-meta/pipsafe is not a folder" in said.err
    assert history(made, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["writable"] is False
    assert value["unsaved"]["events"][0]["dist"]["key"] == "alpha"


def test_what_is_damaged_or_of_a_later_version_is_told_on_stderr(made: HandMade, capsys: Capture) -> None:
    made.dist("alpha", "1.0")
    reconcile(made.path)
    later = {**encode_event(Event("2026-01-01T00:00:00Z", "failed", "recorded", "certain")), "kind": "blessed"}
    strange = {"v": 1, "kind": "x", "data": {"record": "no", "distributions": 1}, "dist": {"key": 1}}
    made.ledger.write_text(made.ledger.read_text() + json.dumps(later) + "\ngarbage\n" + json.dumps(strange) + "\n")
    assert history(made) == 0
    said = capsys.readouterr()
    assert "line 3 is of a kind that is not known" in said.err
    assert "line 4 is not valid JSON" in said.err
    assert history(made, "alpha", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["events"]) == 1


def test_an_empty_ledger_says_so(made: HandMade, capsys: Capture) -> None:
    made.ledger.parent.mkdir()
    made.ledger.touch()
    assert history(made) == 0
    assert capsys.readouterr().out == "The ledger is empty.\n"


def test_a_path_that_is_no_environment_is_an_error(made: HandMade, capsys: Capture, tmp_path: Path) -> None:
    assert main(["history", "-p", str(tmp_path / "none")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert history(made, "--json", "--limit", "1") == 0
    assert capsys.readouterr().err == ""


def test_every_kind_has_its_words() -> None:
    def event(kind: str, **data: object) -> Event:
        return Event("2026-01-02T03:04:05Z", kind, "observed", "certain", data=data)  # type: ignore[arg-type]

    out = history_text(
        [
            event("created", prefix="/new", copied_from="/old", still_there=True),
            event("created", prefix="/new", copied_from="/old", still_there=False),
            event("upgraded"),
            event("conda"),
            event("record-lost", record="alpha-1.0-0"),
            event("failed", why="no network"),
            event("failed"),
            event("failed", planned=["a==1"], put_back=None),
            event("failed", planned=["a==1", "b==2", "c==3", "d==4", "e==5"], put_back=True, left=[]),
            event("failed", put_back=False, left=["lib/x"]),
            event("mended", bytes=7),
            event("compacted", count=9, first="a", last="b"),
        ]
    )
    assert [line[20:] for line in out.splitlines() if line.startswith("  ")] == [
        "copied      the environment came from /old, with its ledger",
        "moved       the environment came from /old, with its ledger",
        "upgraded    ? ? -> ?  (an unknown installer)",
        "conda       revision None: touched ",
        "lost        conda's record of alpha-1.0-0: nobody removed the package",
        "failed      no network",
        "failed      an install did not end well",
        "failed      an install of a==1 did not end well",
        "failed      an install of a==1, b==2, c==3 and 2 more did not end well; what it had changed was put back",
        "failed      an install did not end well; not all that it had changed was put back",
        "mended      the ledger's last line was torn; 7 bytes are kept in this event",
        "compacted   9 events from a to b are told no more, only what they led to",
    ]
    conda_first = history_text([event("conda", distributions=["a"])])
    assert conda_first == "  2026-01-02 03:04  conda       revision None: touched a"


def test_names_that_a_terminal_would_obey_are_shown_harmless(made: HandMade, capsys: Capture) -> None:
    folder = made.root / SITE / "evil\x1b[31m-1.0.dist-info"
    folder.mkdir()
    assert history(made) == 0
    assert "\x1b" not in capsys.readouterr().out
