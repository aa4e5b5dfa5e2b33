"""JSON by its schema, SARIF by its standard, one HTML page that needs nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conda_pipsafe.audit.catalogue import ENTRIES, Entry
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.many import Depth, audit_one
from conda_pipsafe.audit.overview import Owned
from conda_pipsafe.cli.app import main
from conda_pipsafe.ledger.events import DistState, Event, Source
from conda_pipsafe.prefix.history import Revision
from conda_pipsafe.render.findings import Judged, audit_text, audit_value
from conda_pipsafe.render.html import page
from conda_pipsafe.render.pages import entry_text
from conda_pipsafe.render.sarif import SCHEMA
from conda_pipsafe.render.timeline import timeline
from conda_pipsafe.render.treemap import HEIGHT, WIDTH, Box, layout, treemap
from support.browser import NAMES, find_browser, open_page
from support.prefixes import SITE, PrefixFactory

HERE = Path(__file__).resolve().parent
DOCS, DATA = HERE.parent / "docs", HERE / "data"
Output = pytest.CaptureFixture[str]


@pytest.fixture
def env(tmp_path: Path) -> PrefixFactory:
    """An environment with findings of each severity, contested paths, a history, and names that try something."""
    make = PrefixFactory(tmp_path / "my env <b>")
    make.pip_dist("user", requires=["absent>=2"])
    make.pip_dist("opencv-python", "4.0", {"cv2/__init__.py": "pip"})
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/__init__.py": "conda"})
    make.record("evil", "1.0<img onerror=x>\x1b", {"lib/a&b \u202e é.so": ""}, depends=["lib[x=1]"])
    (make.root / "lib/a&b \u202e é.so").unlink()
    make.write(f"{SITE}/left/__pycache__/__init__.cpython-312.pyc")
    make.history(("2026-01-01 00:00:00", 'conda create "<i>"', ["+c::py-opencv-4.1-h0_0"]))
    return make


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((DOCS / "schema/audit-1.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_json_of_one_of_several_and_of_an_error(env: PrefixFactory, tmp_path: Path, capsys: Output) -> None:
    other = PrefixFactory(tmp_path / "other")
    for words, code in ((["-p", env.root], 3), (["-p", env.root, "-p", other.root], 3), (["-p", tmp_path], 1)):
        assert main(["audit", "--json", *map(str, words)]) == code
        validator().validate(json.loads(capsys.readouterr().out))


def test_schema_refuses_what_is_not_ours(env: PrefixFactory, capsys: Output) -> None:
    main(["audit", "--json", "-p", str(env.root)])
    value = json.loads(capsys.readouterr().out)
    for broken in ({**value, "schema_version": 2}, {**value, "findings": [{}]}, {**value, "summary": {}}, {}):
        assert not validator().is_valid(broken)


def test_json_to_a_file_is_the_same(env: PrefixFactory, tmp_path: Path, capsys: Output) -> None:
    assert main(["audit", "--format", "json", "-p", str(env.root)]) == 3
    shown = capsys.readouterr().out
    assert main(["audit", "--format", "json", "--output", str(tmp_path / "out.json"), "-p", str(env.root)]) == 3
    assert (tmp_path / "out.json").read_text() == shown
    assert capsys.readouterr().out == ""


def sarif(capsys: Output, *words: str | Path) -> Any:  # noqa: ANN401
    main(["audit", "--format", "sarif", *map(str, words)])
    return json.loads(capsys.readouterr().out)


@cache
def sarif_validator() -> jsonschema.Draft4Validator:
    """The standard's own schema (`tests/data/sarif/NOTICE.md`)."""
    schema = json.loads((DATA / "sarif/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"] == SCHEMA
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema)


def test_sarif_by_the_schema_of_the_standard(env: PrefixFactory, capsys: Output) -> None:
    value = sarif(capsys, "-p", env.root)
    sarif_validator().validate(value)
    (run,) = value["runs"]
    for broken in ({**value, "version": "2.0.0"}, {**value, "runs": [{**run, "tool": {}}]}, {**value, "more": 1}):
        assert not sarif_validator().is_valid(broken)
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}
    assert run["originalUriBaseIds"]["ENV0"]["uri"].startswith("file:///")
    assert run["originalUriBaseIds"]["ENV0"]["uri"].endswith("/my%20env%20%3Cb%3E/")
    uris = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
        for place in result["locations"]
    ]
    assert "lib/a%26b%20%E2%80%AE%20%C3%A9.so" in uris
    assert all(re.fullmatch(r"[A-Za-z0-9/._~%-]+", uri) for uri in uris)


def test_names_that_no_file_can_have(tmp_path: Path, capsys: Output) -> None:
    make = PrefixFactory(tmp_path / "env")
    record = json.loads(make.record("odd", "1.0", {"lib/a.so": ""}).read_text())
    record["files"], record["paths_data"] = ["lib/\ud800.so"], {}
    make.write("conda-meta/odd-1.0-h0_0.json", json.dumps(record))
    value = sarif(capsys, "-p", make.root)
    sarif_validator().validate(value)
    (result,) = value["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "lib/%5Cud800.so"
    for form in ("text", "json", "html"):
        assert main(["audit", "--format", form, "-p", str(make.root), "--output", str(tmp_path / "out")]) == 3
        assert "ud800.so" in (tmp_path / "out").read_text(encoding="utf-8")


def test_sarif_of_several_with_a_baseline(env: PrefixFactory, tmp_path: Path, capsys: Output) -> None:
    file, other = tmp_path / "known.json", PrefixFactory(tmp_path / "other")
    main(["audit", "-p", str(env.root), "--write-baseline", str(file)])
    other.write(f"{SITE}/~ip/x")
    value = sarif(capsys, "-p", env.root, "-p", other.root, "--baseline", file)
    sarif_validator().validate(value)
    states = {(item["baselineState"], item["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"])
              for item in value["runs"][0]["results"]}  # fmt: skip
    assert states == {("unchanged", "ENV0"), ("new", "ENV1")}
    assert value["runs"][0]["invocations"][0]["executionSuccessful"] is True


class Page(HTMLParser):
    """What a page is made of; fails on tags that do not close in order."""

    VOID = frozenset({"meta", "br", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def html(capsys: Output, *words: str | Path) -> str:
    main(["audit", "--format", "html", *map(str, words)])
    return capsys.readouterr().out


def test_page_is_whole_and_needs_nothing_else(env: PrefixFactory, capsys: Output) -> None:
    text = html(capsys, "-p", env.root)
    made = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "i", "b"} & set(made.tags)
    assert all(re.fullmatch(r"#e\d+", value) for name, value in made.attributes if name == "href")
    assert not {"src", "onload", "onerror", "style", "xlink:href"} & {name for name, _ in made.attributes}
    assert not re.search(r"url\(|@import", text)
    assert ("http-equiv", "Content-Security-Policy") in made.attributes
    assert not re.search("[\x00-\x08\x1b\u202e\ud800-\udfff]", text)
    said = "".join(made.words)
    for words in ("PS204", "1.0<img onerror=x>\\x1b", 'conda create "<i>"', "user 1.0", "conda's py-opencv"):
        assert words in said, words


@pytest.fixture(scope="module")
def browser() -> str:
    found = find_browser()
    if found is None:
        pytest.skip(f"no browser on PATH that can run without a window: {', '.join(NAMES)}")
    return found


def test_page_in_a_browser(env: PrefixFactory, browser: str, tmp_path: Path, capsys: Output) -> None:
    text = html(capsys, "-p", env.root)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    opened = open_page(browser, tmp_path / "page.html", tmp_path)
    assert (opened.console, opened.asked) == ([], [])
    wanted, made = Page(text), Page(opened.dom)
    # The browser's document is ours: nothing that a name tries became an element, nothing was lost.
    counted = Counter(wanted.tags)
    assert Counter(made.tags) - Counter(tbody=2) == counted  # which every browser adds to a table
    assert counted["article"] == 5
    assert counted["svg"] == 1
    assert counted["rect"] == 5
    assert "".join(made.words).split() == "".join(wanted.words).split()


def test_a_browser_tells_what_a_page_does_wrong(browser: str, tmp_path: Path) -> None:
    """That the test above can fail."""
    body = "<img src='http://127.0.0.1:9/picture.png'><script>console.error('wrong'); absent()</script><p>made</p>"
    (tmp_path / "page.html").write_text(f"<!DOCTYPE html><html><body>{body}</body></html>")
    opened = open_page(browser, tmp_path / "page.html", tmp_path)
    assert "http://127.0.0.1:9/picture.png" in opened.asked
    assert any("wrong" in line for line in opened.console)
    assert any("absent is not defined" in line for line in opened.console)
    assert "<p>made</p>" in opened.dom


def test_page_draws_who_owns_what(env: PrefixFactory, capsys: Output) -> None:
    text = html(capsys, "-p", env.root)
    assert 'class="contested pip"' in text
    assert "pip: opencv-python 4.0, 4 paths, 1 of them contested" in text
    assert "Contested paths (1)" in text


def test_page_of_several(env: PrefixFactory, tmp_path: Path, capsys: Output) -> None:
    other = PrefixFactory(tmp_path / "other", python=None)
    text = html(capsys, "-p", other.root, "-p", env.root)
    made = Page(text)
    assert made.tags.count("section") == 2
    # What to look at first is above, and leads to its own part.
    assert [value for name, value in made.attributes if name == "href"] == ["#e1", "#e0"]
    assert {"e0", "e1"} <= {value for name, value in made.attributes if name == "id"}
    assert '<span class="pill good">clean</span>' in text
    assert re.search('<span class="pill error">[2-9] errors</span>', text)


def test_page_is_grouped_by_what_to_do_first(env: PrefixFactory, capsys: Output) -> None:
    text = html(capsys, "-p", env.root)
    headings = re.findall("<h3>(.*?)</h3>", text)
    assert headings[0] == "Mend first, in this order"
    assert headings.index("Leftovers") < headings.index("What the audit could not look at")
    assert headings[-1] == "What happened"


def test_timeline_is_in_order_of_conda_s_revisions() -> None:
    revisions = [
        Revision(number, f"2026-01-0{number + 1}", f"conda {number}", ("c::a-1-0",), ()) for number in range(2)
    ]
    source = Source("unknown")
    dist = DistState("mine", "mine", "1", "s/mine-1.dist-info", "pip", None, "pip", source)
    events = [
        Event("2026-01-05T00:00:00Z", "installed", "observed", "likely", revision=1, dist=dist, command="pip <x>"),
        Event("2026-01-01T00:00:00Z", "created", "recorded", "certain", data={"prefix": "/p"}),
        Event("2026-01-02T00:00:00Z", "record-lost", "observed", "unknown", revision=0, data={"record": "a-1-0"}),
    ]
    text = "\n".join(timeline(revisions, events, escape))
    order = ["started", "revision 0", "lost conda", "revision 1", "installed mine 1"]
    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)
    assert '<li class="bad">' in text
    assert "<code>pip &lt;x&gt;</code>" in text
    assert "[who and when is not known]" in text
    text = "\n".join(timeline([], [events[0]] * 7, escape))
    assert "installed<details><summary>7 times</summary>" in text
    assert text.count("<li") == 1
    many = Revision(3, "t", "", tuple(f"c::n{number}-1-0" for number in range(300)), ("c::old-1-0",))
    text = "\n".join(timeline([many], [], escape))
    assert "300 linked, 1 unlinked" in text
    assert "and 101 more" in text


def test_page_tells_what_was_not_looked_at(env: PrefixFactory) -> None:
    audited = audit_one(str(env.root), Depth(deep=True, overview=True))
    assert audited.report is not None
    report = audited.report._replace(skipped=(("mine", "<reason>"),), findings=())
    known = audited.report.findings
    assert audited.overview is not None
    shown = dataclasses.replace(audited.overview, earlier=1234)
    text = page([Judged(audited._replace(report=report, problems=("no ledger",), overview=shown), known)], {})
    for words in ("Note: no ledger", "Skipped mine, because &lt;reason&gt;.", f"{len(known)} findings more",
                  "compared with their hashes", "pill good", "1,234 earlier are left out"):  # fmt: skip
        assert words in text, words


def test_one_that_cannot_be_audited_is_in_every_report(env: PrefixFactory, tmp_path: Path) -> None:
    judged = [Judged(audit_one(str(path), Depth()), ()) for path in (env.root, tmp_path / "nowhere")]
    value = audit_value(judged, {})
    assert value["environments"][1] == {"prefix": f"{tmp_path}/nowhere", "error": f"{tmp_path}/nowhere is not a folder"}
    assert value["summary"]["failed"] == 1
    assert Page(page(judged, {})).tags.count("section") == 2
    assert audit_text(judged, {})[-1].endswith("1 could not be audited")
    assert audit_text(judged, {}, quiet=True)[-1] != audit_text(judged, {})[-1]


@pytest.mark.parametrize(
    ("ways", "lines"),
    [
        (("rm -r x",), ["    -> rm -r x"]),
        (("rm -r x", "pip install: y"), ["    1. rm -r x", "    2. pip install: y"]),
        (
            ("To keep it: cp x y", "To be rid of it", "Or ask: its author."),
            ["    - To keep it:", "        cp x y", "    - To be rid of it", "    - Or ask: its author."],
        ),
    ],
)
def test_steps_are_numbered_and_of_several_ways_one_is_taken(
    env: PrefixFactory, ways: tuple[str, ...], lines: list[str]
) -> None:
    audited = audit_one(str(env.root), Depth())
    assert audited.report is not None
    finding = Finding("X1", "note", "x", "Said.", fixes=ways)
    report = audited.report._replace(findings=(finding,))
    text = "\n".join(audit_text([Judged(audited._replace(report=report), ())], {}))
    assert "\n".join(["    Said.", *lines, ""]) in text


def test_what_stops_conda_is_to_be_mended_first(env: PrefixFactory) -> None:
    """A record that cannot be read; another file of that kind is something that the audit could not look at."""
    env.write("conda-meta/bad-1-0.json", "{")
    env.write("conda-meta/pinned", b"\xff\xfe")
    lines = audit_text([Judged(audit_one(str(env.root), Depth()), ())], {entry.code: entry for entry in ENTRIES})
    record, pinned = (next(at for at, line in enumerate(lines) if name in line) for name in ("bad-1-0", "pinned"))
    assert lines[0] == "Mend first, in this order:"
    assert record < lines.index("What the audit could not look at:") < pinned


def test_an_entry_without_modes_is_a_page() -> None:
    entry = Entry("X100", "one", "note", "leftover", "Title.", "Meaning.", "Causes.", "Way out.")
    assert "Failure modes" not in "\n".join(entry_text(entry))


def test_treemap_covers_its_box_in_proportion() -> None:
    weights = [50.0, 30.0, 10.0, 5.0, 5.0]
    boxes = layout(weights, Box(0, 0, WIDTH, HEIGHT))
    areas = [box.width * box.height for box in boxes]
    assert areas == pytest.approx([weight / 100 * WIDTH * HEIGHT for weight in weights])
    assert layout([], Box(0, 0, 1, 1)) == []


def test_treemap_names_what_is_large_enough() -> None:
    owners = [Owned("big&", "1", "conda", 900, 0), Owned("tiny", "1", "pip", 1, 0), Owned("none", "1", "pip", 0, 0)]
    text = treemap(owners)
    assert "<text" in text
    assert text.count("<rect") == 2
    assert ">big&amp;</text>" in text
    assert ">tiny</text>" not in text
    text = treemap([Owned("wide", "1", "conda", 3_100_000, 0), Owned("x", "1", "conda", 100_000, 0)])
    assert ">x</text>" in text
    assert ">100,000</text>" not in text
    assert ">3,100,000</text>" in text
    assert ">\\ud800\\x1b</text>" in treemap([Owned("\ud800\x1b", "\x1b", "conda", 9, 0)])
