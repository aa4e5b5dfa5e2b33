"""Plans, settings, policy and verification where no pip is needed to see them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.beforehand import refused_beforehand
from conda_pipsafe.installer.install import Options
from conda_pipsafe.installer.pip_settings import clean_environment, config_files
from conda_pipsafe.installer.plan import Plan, constraint_lines, read_report
from conda_pipsafe.installer.policy import Request, judge
from conda_pipsafe.installer.verify import Difference, remember_files, verify
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from conda_pipsafe.render.plan import difference_json, difference_lines, plan_json, plan_lines, refusal_lines

SITE = "lib/python3.12/site-packages"


def add_dist(
    prefix: Path, name: str, version: str, *, conda: bool, files: tuple[str, ...] = (), metadata: bool = True
) -> None:
    info = f"{SITE}/{name}-{version}.dist-info"
    (prefix / info).mkdir(parents=True)
    written = [*files, f"{info}/INSTALLER", f"{info}/RECORD"]
    if metadata:
        written.append(f"{info}/METADATA")
        (prefix / info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (prefix / info / "INSTALLER").write_text("conda\n" if conda else "pip\n")
    for file in files:
        (prefix / file).parent.mkdir(parents=True, exist_ok=True)
        (prefix / file).write_text(name)
    (prefix / info / "RECORD").write_text("".join(f"{os.path.relpath(path, SITE)},,\n" for path in written))
    if conda:
        add_record(prefix, name, version, written)


def add_record(prefix: Path, name: str, version: str, files: list[str]) -> None:
    (prefix / "conda-meta").mkdir(exist_ok=True)
    record = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "files": files,
        "channel": "https://c/conda-forge",
    }
    (prefix / "conda-meta" / f"{name}-{version}-0.json").write_text(json.dumps(record))


def item(name: str, version: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    info = more.pop("download_info", {"url": f"https://x/{name}.whl", "archive_info": {"hashes": {"sha256": "ab"}}})
    requires = more.pop("requires", [])
    return {"metadata": {"name": name, "version": version, "requires_dist": requires}, "download_info": info, **more}


def plan_of(prefix: Path, *items: dict[str, Any], constrained: bool = True) -> tuple[Plan, Snapshot]:
    snapshot = read_snapshot(str(prefix))
    report = json.dumps({"version": "1", "pip_version": "24.0", "install": list(items)}).encode()
    return read_report(report, snapshot, constrained=constrained), snapshot


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.mkdir()
    add_record(path, "python", "3.12.1", [])
    return path


def test_constraints_pin_what_conda_owns_and_pip_can_read(prefix: Path) -> None:
    add_dist(prefix, "Al.Pha", "1.0+local", conda=True)
    add_dist(prefix, "mine", "1.0", conda=False)
    add_dist(prefix, "odd", "not-a-version", conda=True)
    add_dist(prefix, "twice", "1.0", conda=True)
    add_dist(prefix, "twice", "2.0", conda=True)
    add_dist(prefix, "husk", "1.0", conda=True, metadata=False)
    add_dist(prefix, "free", "1.0", conda=True)
    assert constraint_lines(read_snapshot(str(prefix)), {"free"}) == ["al-pha==1.0+local"]


def test_a_report_becomes_a_plan_without_credentials(prefix: Path) -> None:
    plan, _ = plan_of(
        prefix,
        item("a", "1", requested=True, requested_extras=["x"], is_yanked=True),
        item("b", "2", is_direct=True, download_info={"url": "https://u:s3cret@h/b", "vcs_info": {"commit_id": "c0"}}),
        item("c", "3", is_direct=True, download_info={"url": "file:///c", "dir_info": {"editable": True}}),
        item("d", "4", download_info={"url": "https://h/d.whl", "archive_info": {"hash": "sha256=cd"}}),
    )
    a, b, c, d = plan.dists
    assert (a.requested, a.extras, a.yanked, a.hash) == (True, ("x",), True, "sha256=ab")
    assert (b.url, b.revision, b.hash, b.is_direct) == ("https://h/b", "c0", None, True)
    assert c.editable
    assert d.hash == "sha256=cd"
    assert "s3cret" not in json.dumps(plan_json(plan))
    text = "\n".join(plan_lines(plan, "P"))
    assert "c  3  new, dependency, editable, file:///c" in text


@pytest.mark.parametrize(
    "report", [b"", b"[]", b'{"version": "2", "pip_version": "99", "install": []}', b'{"version": "1"}']
)
def test_a_report_that_is_none_is_an_error(prefix: Path, report: bytes) -> None:
    with pytest.raises(PipsafeError, match="report of what it would install"):
        read_report(report, read_snapshot(str(prefix)), constrained=True)


def test_who_asks_is_said_with_markers_and_extras_in_mind(prefix: Path) -> None:
    add_dist(prefix, "alpha", "1.0", conda=True)
    plan, snapshot = plan_of(
        prefix,
        item("Alpha", "2.0"),
        item("one", "1", requires=["ALPHA>=2 ; python_version >= '3.12'", "alpha>9; python_version < '3.12'", "!bad"]),
        item("two", "1", requires=["alpha<3; extra == 'x'"], requested_extras=["x"]),
        item("three", "1", requires=["alpha>5; extra == 'x'"]),
        constrained=False,
    )
    refusal = judge(plan, snapshot, Request({})).refusals[0]
    assert refusal.asked_by == ("one 1 needs Alpha>=2", "two 1 needs Alpha<3")
    assert refusal.message == "Alpha 2.0 would replace conda's Alpha 1.0 (conda-forge)"
    assert "'alpha>=2,<3'" in refusal.fixes[0]
    assert "refused" in refusal_lines([refusal], "x")[0]


def test_a_distribution_taken_over_at_its_version_is_still_condas(prefix: Path) -> None:
    add_dist(prefix, "alpha", "1.0", conda=True)
    (prefix / SITE / "alpha-1.0.dist-info" / "INSTALLER").write_text("pip\n")
    (prefix / SITE / "alpha-1.0.dist-info" / "REQUESTED").write_text("")
    plan, snapshot = plan_of(prefix, item("alpha", "2.0"))
    assert plan.dists[0].replaces[0].owner == "both"
    assert len(judge(plan, snapshot, Request({})).refusals) == 1
    assert judge(plan, snapshot, Request({}, allowed={"alpha"})).refusals == ()


def test_the_way_out_can_be_pasted_where_the_path_has_blanks(tmp_path: Path) -> None:
    prefix = tmp_path / "e n v"
    (prefix / "conda-meta").mkdir(parents=True)
    add_record(prefix, "python", "3.12.1", [])
    add_dist(prefix, "alpha", "1.0", conda=True)
    snapshot = read_snapshot(str(prefix))
    plan = read_report(
        json.dumps({"version": "1", "pip_version": "24.0", "install": []}).encode(), snapshot, constrained=True
    )
    (told,) = judge(plan, snapshot, Request({"alpha": ""}, upgrade=True)).warnings
    assert f"`conda update -p '{prefix}' alpha`" in told


def test_writing_condas_own_anew_names_its_very_package(prefix: Path) -> None:
    add_dist(prefix, "alpha", "1.0", conda=True)
    asked = item("one", "1", requires=["alpha<4,>=1"])
    plan, snapshot = plan_of(prefix, item("alpha", "1.0"), asked)
    (refusal,) = judge(plan, snapshot, Request({}, reinstall=True)).refusals
    record = next(record for record in snapshot.records if record.name == "alpha")
    assert f"--force-reinstall alpha=1.0={record.build}" in " ".join(refusal.fixes)
    assert "<" not in " ".join(refusal.fixes)


def test_pypis_conda_is_refused_before_its_setup_is_run(prefix: Path) -> None:
    snapshot = read_snapshot(str(prefix))
    refusal = refused_beforehand(snapshot, Options(), {"rich": "", "conda": "==4.3.16"})
    assert refusal is not None
    assert (refusal.reason, refusal.message) == ("conda-from-pypi", "conda from PyPI is not the conda that you know")
    assert refused_beforehand(snapshot, Options(allowed=frozenset({"conda"})), {"conda": ""}) is None
    assert refused_beforehand(snapshot, Options(), {"conda-pack": "", "rich": ""}) is None
    # One that is there already is only looked at.
    add_dist(prefix, "conda", "26.1", conda=True)
    assert refused_beforehand(read_snapshot(str(prefix)), Options(allow_base=True), {"conda": ""}) is None


def test_a_checkout_of_condas_own_source_is_not_pypis(prefix: Path) -> None:
    for url, refused in (
        ("file:///src/mamba/libmambapy", False),
        ("https://files.pythonhosted.org/packages/conda-4.2.7.tar.gz", True),
    ):
        plan, snapshot = plan_of(prefix, item("conda", "4.2.7", is_direct=True, download_info={"url": url}))
        assert bool(judge(plan, snapshot, Request({})).refusals) == refused, url


def test_a_yanked_version_is_told(prefix: Path) -> None:
    plan, snapshot = plan_of(prefix, item("a", "1", is_yanked=True))
    assert "a 1 was yanked" in " ".join(judge(plan, snapshot, Request({})).warnings)


def test_base_is_refused_unless_told(prefix: Path) -> None:
    assert refused_beforehand(read_snapshot(str(prefix)), Options()) is None
    add_record(prefix, "conda", "26.1", [])
    refusal = refused_beforehand(read_snapshot(str(prefix)), Options())
    assert refusal is not None
    assert (refusal.reason, refusal.facts["conda"]) == ("base", "26.1")
    assert "--allow-base" in refusal.fixes[-1]
    assert refused_beforehand(read_snapshot(str(prefix)), Options(allow_base=True)) is None


@pytest.mark.parametrize(("version", "refused"), [("26.7.1", True), ("4.3.16", False)])
def test_base_is_refused_where_conda_came_from_its_source(prefix: Path, version: str, refused: bool) -> None:
    add_dist(prefix, "conda", version, conda=False)
    refusal = refused_beforehand(read_snapshot(str(prefix)), Options())
    assert (refusal is not None and refusal.facts["conda"] == version) == refused


@pytest.mark.parametrize("name", ["pip", "setuptools", "wheel"])
def test_for_pip_and_setuptools_conda_is_offered(prefix: Path, name: str) -> None:
    add_dist(prefix, name, "20.0", conda=True)
    plan, snapshot = plan_of(prefix, item(name, "26.0", requested=True))
    assert judge(plan, snapshot, Request({})).refusals[0].fixes[0] == f"conda update -p {prefix} {name}"


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"message": 1}'])
def test_a_frozen_marker_counts_whatever_is_in_it(prefix: Path, content: str) -> None:
    assert refused_beforehand(read_snapshot(str(prefix)), Options()) is None
    (prefix / "conda-meta" / "frozen").write_text(content)
    refusal = refused_beforehand(read_snapshot(str(prefix)), Options())
    assert refusal is not None
    assert refusal.message.endswith("is frozen (conda-meta/frozen)")


def test_what_did_not_come_as_planned_is_told(prefix: Path) -> None:
    plan, before = plan_of(prefix, item("gone", "1.0"), item("other", "2.0"), item("torn", "1.0"))
    add_dist(prefix, "other", "1.0", conda=False)
    add_dist(prefix, "torn", "1.0", conda=False, files=(f"{SITE}/torn/__init__.py",))
    (prefix / SITE / "torn" / "__init__.py").unlink()
    found = verify(plan, before, read_snapshot(str(prefix)))
    assert [(item.kind, item.subject) for item in found] == [
        ("not-installed", "gone"),
        ("not-installed", "other"),
        ("files-missing", "torn"),
    ]
    assert "there is 1.0" in found[1].message
    assert all(item.failed for item in found)


def test_condas_files_that_went_with_an_old_version_are_told(prefix: Path) -> None:
    shared = f"{SITE}/ns/__init__.py"
    add_dist(prefix, "keeper", "1.0", conda=True, files=(shared,))
    add_dist(prefix, "mine", "1.0", conda=False, files=(shared,))
    plan, before = plan_of(prefix, item("mine", "2.0"))
    files_before = remember_files(plan, before)
    for path in sorted((prefix / SITE / "mine-1.0.dist-info").iterdir()):
        path.unlink()
    (prefix / SITE / "mine-1.0.dist-info").rmdir()
    (prefix / shared).unlink()
    add_dist(prefix, "mine", "2.0", conda=False)
    found = verify(plan, before, read_snapshot(str(prefix)), (), files_before)
    assert [(item.kind, item.paths, item.failed) for item in found] == [("removed-conda", (shared,), False)]
    assert found[0].fixes == (f"conda install -p {prefix} --force-reinstall keeper=1.0=0",)


def test_many_paths_are_shortened_unless_asked_for() -> None:
    difference = Difference("overwrote-conda", "x", "m", tuple(f"p{number}" for number in range(7)), ("do this",))
    assert difference_lines([difference])[-2:] == ["    … and 2 more (-v shows them)", "    way out: do this"]
    assert "    p6" in difference_lines([difference], every_path=True)
    assert difference_json(difference)["paths"] == list(difference.paths)


def test_variables_that_lead_elsewhere_are_dropped_and_others_kept(tmp_path: Path) -> None:
    given = {
        "PIP_TARGET": "x", "PIP_user": "1", "PIP_FORCE_REINSTALL": "1", "PYTHONPATH": "x", "PYTHONHOME": "x",
        "PIP_INDEX_URL": "https://i", "PIP_CERT": "c", "HTTPS_PROXY": "p", "PIP_CONSTRAINT": "k",
        "PIP_CONFIG_FILE": os.devnull,
    }  # fmt: skip
    variables, dropped = clean_environment(str(tmp_path), sys.executable, given)
    assert dropped == ("PIP_FORCE_REINSTALL", "PIP_TARGET", "PIP_user")
    assert variables == {
        "PIP_INDEX_URL": "https://i", "PIP_CERT": "c", "HTTPS_PROXY": "p", "PIP_CONSTRAINT": "k",
        "PIP_CONFIG_FILE": os.devnull, "PYTHONNOUSERSITE": "1", "PIP_REQUIRE_VIRTUALENV": "0",
    }  # fmt: skip


def test_configuration_is_only_taken_apart_when_it_leads_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    given = {**os.environ, "XDG_CONFIG_DIRS": str(tmp_path / "none"), "PIP_CONFIG_FILE": str(path)}
    path.write_text("[global]\nindex-url = https://me:s3cret@h/simple\n# target = no\n")
    variables, dropped = clean_environment(str(tmp_path), sys.executable, given)
    assert dropped == ()
    assert variables["PIP_CONFIG_FILE"] == str(path)
    path.write_text(path.read_text() + "[install]\ntarget = /elsewhere\nprogress_bar = off\n")
    given = {
        name: value for name, value in given.items() if name in {"PATH", "HOME", "PIP_CONFIG_FILE", "XDG_CONFIG_DIRS"}
    }
    variables, dropped = clean_environment(str(tmp_path), sys.executable, given)
    assert dropped == (f"target in {path}",)
    assert variables["PIP_CONFIG_FILE"] == os.devnull
    assert variables["PIP_INDEX_URL"] == "https://me:s3cret@h/simple"
    assert variables["PIP_PROGRESS_BAR"] == "off"
    assert "PIP_TARGET" not in variables


def test_settings_that_cannot_be_read_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[install]\ntarget = x\n")
    with pytest.raises(PipsafeError, match="cannot be read"):
        clean_environment(str(tmp_path), str(tmp_path / "no-python"), {"XDG_CONFIG_DIRS": str(tmp_path / "none")})


def test_the_files_that_pip_reads(tmp_path: Path) -> None:
    found = config_files(str(tmp_path), {"XDG_CONFIG_DIRS": "/a:/b", "PIP_CONFIG_FILE": "/mine"})
    assert {"/a/pip/pip.conf", "/b/pip/pip.conf", "/etc/pip.conf", str(tmp_path / "pip.conf"), "/mine"} <= set(found)
    assert config_files(str(tmp_path), {"PIP_CONFIG_FILE": os.devnull}) == []
