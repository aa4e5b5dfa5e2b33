"""Checks of other packages, right and wrong ones, as real pip installs them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.audit import engine, many, remembered
from conda_pipsafe.audit.choice import Choice
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, Skipped
from conda_pipsafe.audit.many import Depth, audit_many
from conda_pipsafe.audit.offered import offered_checks
from conda_pipsafe.audit.report import decode_report, encode_report
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.ledger import seen
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.prefixes import PrefixFactory
from support.running import Finished, run

PAGE = Path(__file__).parent.parent / "docs/checks.md"
WRONG = """
import sys
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl


class Mute(Exception):
    def __str__(self):
        raise ValueError


def mute(context):
    yield Finding("W1", "note", "before", "This was found before the crash.")
    raise Mute


def fail(what):
    raise what


CHECKS = {
    "mute": mute,
    "exits": lambda context: sys.exit(7),
    "no-findings": lambda context: None,
    "no-finding": lambda context: [{"code": "W2"}],
    "no-text": lambda context: [Finding("W3", "note", None, 7)],
    "no-paths": lambda context: [Finding("W4", "note", "a", "b", None)],
    "one-fix": lambda context: [Finding("W5", "note", "a", "b", (), "pip install x")],
    "fatal": lambda context: [Finding("W6", "fatal", "a", "b")],
    "odd-facts": lambda context: [Finding("W7", "note", "a", "b", ["x"], ["y"], {"set": {1}, "it": lambda: 1})],
    "deepest": lambda context: fail(RecursionError("too deep")),
}


@hookimpl
def conda_pipsafe_checks():
    return [Check(name, run) for name, run in CHECKS.items()]
"""
NO_CHECKS = (
    "from conda_pipsafe.audit.hookspec import hookimpl\n@hookimpl\ndef conda_pipsafe_checks():\n    return ['x']\n"
)


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    factory = PrefixFactory(tmp_path / "lab-prod")
    factory.pip_dist("mine", "2.0")
    return factory


def installed(folder: Path, **modules: str) -> Path:
    """A folder into which real pip installed a package for each module, with our entry point."""
    wheels = []
    for name, content in modules.items():
        points = f"[conda_pipsafe.checks]\nchecks = {name}\n"
        spec = WheelSpec(name, "1.0", {f"{name}.py": content, f"{name}-1.0.dist-info/entry_points.txt": points})
        folder.mkdir(exist_ok=True)
        wheels.append(write_wheel(spec, folder))
    target = folder / "site"
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, *wheels).ok()
    return target


def pipsafe(target: Path, *words: str | Path) -> Finished:
    return run(sys.executable, "-m", "conda_pipsafe", *words, env=clean_environment({"PYTHONPATH": str(target)}))


def example(name: str) -> str:
    """A fenced block of the page."""
    match = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    return match.group(1)


def test_the_example_of_the_docs(make: PrefixFactory, tmp_path: Path) -> None:
    assert 'lab = "lab_rules"' in example("entry point")
    target = installed(tmp_path / "plugins", lab_rules=example("module"))
    done = pipsafe(target, "audit", "-p", make.root)
    assert done.returncode == 3
    assert "LAB001 pip-in-production (error)\n    mine 2.0 came with pip." in done.stdout
    assert "pip installed into a production environment" in pipsafe(target, "explain", "lab001").stdout
    assert pipsafe(target, "audit", "-p", make.root, "--ignore", "LAB").returncode == 0
    assert pipsafe(target, "audit", "-p", make.root, "--select", "pip-in-production").returncode == 3
    twin = tmp_path / "lab-test"
    make.root.rename(twin)
    done = pipsafe(target, "audit", "-p", twin)
    assert done.returncode == 0
    assert done.stdout.endswith("Skipped pip-in-production, because this is no production environment.\n")
    value = pipsafe(target, "audit", "-p", twin, "--json").json()
    assert value["summary"]["skipped"] == [
        {"check": "pip-in-production", "reason": "this is no production environment"}
    ]
    assert "pip-in-production" not in value["summary"]["checks"]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html"])
def test_checks_that_are_wrong_in_any_way(make: PrefixFactory, tmp_path: Path, form: str) -> None:
    target = installed(tmp_path / "plugins", wrong=WRONG, nothing=NO_CHECKS, broken="import pipsafe_not_there\n",
                       exits="raise SystemExit('at import')\n")  # fmt: skip
    other = PrefixFactory(tmp_path / "other")
    done = pipsafe(target, "audit", "-p", make.root, "-p", other.root, "-j", "2", "--format", form)
    assert "Traceback" not in done.stderr
    assert done.returncode == 3, done.stderr
    if form != "json":
        return
    for environment in done.json()["environments"]:
        crashed = {item["subject"]: item for item in environment["findings"] if item["code"] == "PS902"}
        assert sorted(crashed) == [
            "broken", "deepest", "exits", "fatal", "mute", "no-finding", "no-findings", "no-paths", "no-text",
            "nothing", "one-fix",
        ]  # fmt: skip
        assert crashed["mute"]["facts"]["detail"] == "it does not say what"
        assert "there are error, warning, note" in crashed["fatal"]["message"]
        assert [item["code"] for item in environment["findings"] if item["code"] != "PS902"] == ["W1", "W7"]


class MuteError(Exception):
    """One that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError


NOTE = Finding("W1", "note", "a", "b")


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ({"code": "W2"}, "no finding: {'code': 'W2'}"),
        (NOTE._replace(fixes="pip install x"), "paths or fixes are a text, not several"),  # type: ignore[arg-type]
        (NOTE._replace(subject=None), "message, paths or fixes are not text"),  # type: ignore[arg-type]
        (NOTE._replace(paths=(7,)), "message, paths or fixes are not text"),  # type: ignore[arg-type]
        (NOTE._replace(severity="fatal"), "of severity 'fatal'; there are error, warning, note"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_finding_is_the_crash_of_its_check(make: PrefixFactory, reported: Any, said: str) -> None:  # noqa: ANN401
    checks = [Check("odd", lambda _context: [reported]), Check("right", lambda _context: [NOTE])]
    crashed, right = engine.audit(AuditContext(read_snapshot(str(make.root))), checks).findings
    assert (crashed.code, crashed.subject, right) == ("PS902", "odd", NOTE)
    assert crashed.message.startswith("The check odd crashed (TypeError: it reports ")
    assert said in crashed.message


def test_an_error_that_cannot_say_what_it_is(make: PrefixFactory) -> None:
    def check(_context: AuditContext) -> tuple[Finding, ...]:
        raise MuteError

    (crashed,) = engine.audit(AuditContext(read_snapshot(str(make.root))), [Check("mute", check)]).findings
    assert crashed.facts["detail"] == "it does not say what"


def test_a_check_that_is_none(make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = NO_CHECKS.replace("import hookimpl", "import Check, hookimpl").replace("'x'", "Check(None, print)")
    monkeypatch.syspath_prepend(str(installed(tmp_path / "plugins", nameless_checks=nameless, no_checks=NO_CHECKS)))
    offered = offered_checks()
    assert offered.others == ()
    assert [(item.subject, item.facts["detail"]) for item in offered.crashed] == [
        ("nameless_checks", "its check None has a name, a run or entries that are none"),
        ("no_checks", "it offers what is no check: 'x'"),
    ]
    assert [finding.code for finding in _report(make).findings] == ["PS902", "PS902"]


def test_a_package_that_is_found_twice_is_asked_once(
    make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sources").mkdir()
    target = installed(tmp_path / "plugins", twice=example("module"))
    egg = tmp_path / "sources/twice.egg-info"  # as setuptools leaves it beside the sources of an editable install
    egg.mkdir()
    (egg / "entry_points.txt").write_text("[conda_pipsafe.checks]\nchecks = twice\n")
    monkeypatch.syspath_prepend(str(target))
    monkeypatch.syspath_prepend(str(tmp_path / "sources"))
    offered = offered_checks()
    assert [check.name for check in offered.others] == ["pip-in-production"]
    assert offered.crashed == ()
    assert [finding.code for finding in _report(make).findings] == ["LAB001"]


def test_with_checks_of_others_nothing_is_remembered(
    make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):  # the first writes the ledger
        assert [item.report is not None for item in audit_many([str(make.root)], Depth())] == [True]
    assert remembered.recall(str(make.root)) is not None
    monkeypatch.syspath_prepend(str(installed(tmp_path / "plugins", lab=example("module"))))
    assert remembered.recall(str(make.root)) is None
    (item,) = audit_many([str(make.root)], Depth())
    assert [finding.code for finding in _findings(item)] == ["LAB001"]
    assert remembered.recall(str(make.root)) is None


def test_a_check_that_ends_its_process_hides_no_other_environment(tmp_path: Path) -> None:
    killer = (
        "import os\nfrom conda_pipsafe.audit.hookspec import Check, hookimpl\n"
        "def check(context):\n    if 'bad' in context.snapshot.prefix:\n        os._exit(9)\n    return ()\n"
        "@hookimpl\ndef conda_pipsafe_checks():\n    return [Check('killer', check)]\n"
    )
    target = installed(tmp_path / "plugins", killer=killer)
    prefixes = [PrefixFactory(tmp_path / name).root for name in ("a", "bad", "c", "d")]
    words = [word for prefix in prefixes for word in ("-p", prefix)]
    done = pipsafe(target, "audit", "--json", "-j", "2", *words)
    assert done.returncode == 1
    assert f"the audit of {prefixes[1]} was killed" in done.stderr
    value = done.json()
    assert [("error" in item) for item in value["environments"]] == [False, True, False, False]


def test_a_look_that_crashes_is_a_finding(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conda_pipsafe.audit.comparing._bytes", lambda _path: 1 / 0)
    make.pip_dist("mine", files={"mine.py": "x"})
    item = many.audit_one(str(make.root), Depth(deep=True, cached=False))
    assert "PS902" in [finding.code for finding in _findings(item)]
    assert item.report is not None
    assert item.report.hashed is None


def test_imports_without_a_python_are_skipped(tmp_path: Path) -> None:
    make = PrefixFactory(tmp_path / "env", python=None)
    item = many.audit_one(str(make.root), Depth(imports=5.0, cached=False))
    assert item.report is not None
    assert item.report.skipped == (("imports", "there is no Python in this environment"),)


def test_a_crash_counts_whatever_is_selected(make: PrefixFactory) -> None:
    def check(_context: AuditContext) -> tuple[Finding, ...]:
        raise RuntimeError("no")

    findings = engine.audit(AuditContext(read_snapshot(str(make.root))), [Check("mine", check)]).findings
    assert [finding.code for finding in Choice(["PS1"]).of(findings)] == ["PS902"]
    assert Choice(["PS1"], ["PS902"]).of(findings) == ()
    assert Choice(["check-crashed"]).of(findings) == findings


def test_a_check_may_skip_after_findings(make: PrefixFactory) -> None:
    def check(_context: AuditContext) -> Any:  # noqa: ANN401 - a generator
        yield Finding("X1", "note", "x", "x")
        raise Skipped("the rest is not here")

    report = engine.audit(AuditContext(read_snapshot(str(make.root))), [Check("mine", check)])
    assert [finding.code for finding in report.findings] == ["X1"]
    assert report.skipped == (("mine", "the rest is not here"),)
    assert decode_report(encode_report(report)) == report


def _report(make: PrefixFactory) -> engine.AuditReport:
    return engine.audit(AuditContext(read_snapshot(str(make.root))))


def _findings(item: many.Audited) -> tuple[Finding, ...]:
    assert item.report is not None
    return item.report.findings
