"""Checks on prefixes written by hand: each harm beside its harmless twin."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from conda_pipsafe.audit import catalogue, engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check
from conda_pipsafe.audit.records import KeptCopy
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.prefixes import SITE, PrefixFactory, metadata


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def findings(make: PrefixFactory, kept: tuple[KeptCopy, ...] = ()) -> tuple[Finding, ...]:
    return engine.audit(AuditContext(read_snapshot(str(make.root)), kept)).findings


def codes(make: PrefixFactory) -> list[str]:
    return [finding.code for finding in findings(make)]


def only(make: PrefixFactory) -> Finding:
    (finding,) = findings(make)
    return finding


def test_empty_environment_is_clean(tmp_path: Path) -> None:
    assert findings(PrefixFactory(tmp_path / "env", python=None)) == ()


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("lib/libfoo.so.1", "error"),
        ("bin/foo", "error"),
        ("share/foo.txt", "warning"),
        ("share/__pycache__/a.pyc", None),
    ],
)
def test_missing_file_of_conda(make: PrefixFactory, path: str, severity: str | None) -> None:
    make.record("foo", "1.0", {path: "x", "share/stays.txt": "y"})
    assert findings(make) == ()
    (make.root / path).unlink()
    found = findings(make)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(finding.code == "PS103" and finding.paths == (path,) for finding in found)


def test_dead_link_is_there_where_the_package_has_a_link(make: PrefixFactory) -> None:
    record = make.record("foo", "1.0", {"lib/libfoo.so": "x", "lib/loop.so": "x"})
    for name, target in (("libfoo.so", "gone"), ("loop.so", "loop.so")):
        (make.root / "lib" / name).unlink()
        (make.root / "lib" / name).symlink_to(target)
    (found,) = findings(make)
    assert (found.code, found.paths) == ("PS103", ("lib/libfoo.so", "lib/loop.so"))
    assert "2 dead links in their place" in found.message
    data = json.loads(record.read_text())
    for entry in data["paths_data"]["paths"]:
        entry["path_type"] = "softlink"
    record.write_text(json.dumps(data))
    assert findings(make) == ()


def test_vendored_metadata_is_no_distribution(make: PrefixFactory) -> None:
    vendored = f"{SITE}/setuptools/_vendor/packaging-1.0.dist-info/METADATA"
    make.record("setuptools", "70", {vendored: metadata("packaging", "1.0"), f"{SITE}/setuptools/__init__.py": ""})
    make.pip_dist("packaging", "24.0")
    assert findings(make) == ()


def test_conda_packages_that_clobber_each_other_are_conda_s_matter(make: PrefixFactory) -> None:
    make.record("one", "1.0", {f"{SITE}/ns/__init__.py": "1"})
    make.record("two", "1.0", {f"{SITE}/ns/__init__.py": "2"})
    assert findings(make) == ()


def test_conda_over_a_distribution_of_another_name(make: PrefixFactory) -> None:
    make.pip_dist("opencv-python", "4.0", {"cv2/__init__.py": "pip"})
    assert findings(make) == ()
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/__init__.py": "conda"})
    finding = only(make)
    assert (finding.code, finding.subject) == ("PS204", "opencv-python")
    assert finding.facts["content"] == {f"{SITE}/cv2/__init__.py": "conda"}
    make.write(f"{SITE}/cv2/__init__.py", "edited")
    finding = only(make)
    assert (finding.code, list(finding.facts["content"].values())) == ("PS105", ["neither"])


def test_contested_path_whose_content_nobody_knows_is_a_warning(make: PrefixFactory) -> None:
    make.pip_dist("tool-pip", files={"tool_pip.py": "", "../../../bin/tool": "pip's"})
    entry = {"_path": "bin/tool", "path_type": "unix_python_entry_point"}
    make.record("tool", files={"bin/tool": "conda's"}, paths_data={"paths": [entry]})
    finding = only(make)
    assert (finding.code, finding.severity) == ("PS105", "warning")
    assert list(finding.facts["content"].values()) == ["unknown"]


@pytest.mark.parametrize(("name", "severity"), [("x/data.txt", "warning"), ("x/mod.py", "error")])
def test_missing_file_of_pip(make: PrefixFactory, name: str, severity: str) -> None:
    make.pip_dist("x", files={name: "", "x/__init__.py": ""})
    assert findings(make) == ()
    (make.root / SITE / name).unlink()
    finding = only(make)
    assert (finding.code, finding.severity, finding.paths) == ("PS202", severity, (f"{SITE}/{name}",))


def test_the_only_file_of_a_package_is_missing(make: PrefixFactory) -> None:
    make.record("one", "1.0", {"lib/one.so": ""})
    make.pip_dist("single", files={"single.py": ""})
    make.pip_dist("pair", files={"pair.py": "", "pear.py": ""})
    for path in ("lib/one.so", f"{SITE}/single.py", f"{SITE}/pear.py"):
        (make.root / path).unlink()
    assert sorted(item.message for item in findings(make)) == [
        "1 of the 2 files of pip's pair 1.0 is missing.",
        "The only file of conda's one 1.0 is missing.",
        "The only file of pip's single 1.0 is missing.",
    ]


def test_missing_file_is_told_with_the_revision_that_removed_it(make: PrefixFactory) -> None:
    make.pip_dist("x")
    (make.root / SITE / "x/__init__.py").unlink()
    make.history(
        ("2026-01-01 00:00:00", "create", ["+c::x-1.0-0"]), ("2026-01-02 00:00:00", "remove x", ["-c::x-1.0-0"])
    )
    finding = only(make)
    assert finding.code == "PS202"
    assert finding.message.endswith("conda removed its own x in revision 1.")


def test_bytecode_and_metadata_of_pip_may_be_missing(make: PrefixFactory) -> None:
    info = make.pip_dist("x", files={"x/__init__.py": "", "x/__pycache__/__init__.cpython-312.pyc": ""})
    (make.root / SITE / "x/__pycache__/__init__.cpython-312.pyc").unlink()
    (info / "INSTALLER").unlink()
    assert findings(make) == ()


def test_files_that_pip_put_below_a_target(make: PrefixFactory) -> None:
    """`pip install --target`: RECORD is as if site-packages was `lib/python`, and all lies below it."""
    make.pip_dist("tool", files={"tool.py": "", "../../bin/tool": ""})
    assert codes(make) == []
    (make.root / "lib/bin/tool").rename(make.write(f"{SITE}/bin/tool"))
    finding = only(make)
    assert (finding.code, finding.paths) == ("PS202", ("lib/bin/tool", f"{SITE}/bin/tool"))
    assert finding.message.endswith(f"; `pip install --target` put 1 file below {SITE} instead.")
    assert finding.fixes[0] == f"rm -r {make.root}/{SITE}/bin/tool"
    make.record("owner", "1.0", {f"{SITE}/bin/tool": ""})
    assert [found.paths for found in findings(make) if found.code == "PS202"] == [("lib/bin/tool",)]


def test_missing_file_of_pip_in_a_folder_that_the_python_record_declares(tmp_path: Path) -> None:
    make = PrefixFactory(tmp_path / "env", python=None)
    make.record("python", "3.12.4", {"bin/python": ""}, python_site_packages_path="app/site-packages")
    make.pip_dist("tool", files={"tool.py": "", "../../bin/tool": ""}, site="app/site-packages")
    assert codes(make) == []
    (make.root / "bin/tool").rename(make.write("app/site-packages/bin/tool"))
    assert (only(make).code, only(make).paths) == ("PS202", ("bin/tool",))


@pytest.mark.parametrize("kept", ["1.0", "2.0"])
def test_two_records_of_one_package(make: PrefixFactory, kept: str) -> None:
    """What a conda that was killed leaves: the files are those of one of them."""
    for version in ("1.0", "2.0"):
        make.conda_dist("lib", version)
    gone = "2.0" if kept == "1.0" else "1.0"
    shutil.rmtree(make.root / SITE / f"lib-{gone}.dist-info")
    (finding,) = (found for found in findings(make) if found.code == "PS513")
    assert finding.subject == "lib"
    assert finding.message.startswith(f"conda has two records of lib: {gone} h0_0 and {kept} h0_0;")
    assert f"the files are those of {kept} h0_0" in finding.message
    assert finding.fixes[0] == f"rm -r {make.root}/conda-meta/lib-{gone}-h0_0.json"


@pytest.mark.parametrize("newer", ["1.0", "2.0"])
def test_of_two_records_that_are_whole_the_newer_one_counts(make: PrefixFactory, newer: str) -> None:
    for version in ("1.0", "2.0"):
        record = make.record("lib", version, {"lib/lib.so": ""})
        os.utime(record, (10, 20 if version == newer else 10))
    (finding,) = (found for found in findings(make) if found.code == "PS513")
    assert f"the files are those of {newer} h0_0" in finding.message


def test_stranded(make: PrefixFactory) -> None:
    old = "lib/python3.11/site-packages"
    make.pip_dist("left", "1.0", {"left.py": "", "../../../bin/left": "#!"}, site=old)
    make.pip_dist("again", "1.0", {"again.py": "", "../../../bin/again": "#!"}, site=old)
    make.pip_dist("again", "2.0", {"again.py": ""})
    finding = only(make)
    assert finding.code == "PS301"
    assert finding.fixes[0].endswith("-m pip install left==1.0")
    assert finding.fixes[1] == f"rm -r {make.root}/{old} {make.root}/bin/again"
    assert finding.facts["scripts"] == ["bin/again", "bin/left"]


def test_what_is_stranded_is_installed_again_from_where_it_came(make: PrefixFactory) -> None:
    old = "lib/python3.11/site-packages"
    info = make.pip_dist("mine", site=old)
    (info / "direct_url.json").write_text('{"url": "file:///my%20work", "dir_info": {"editable": true}}')
    make.pip_dist("plain", site=old)
    make.write(f"{old}/link.egg-link", "/checkout\n.")
    assert only(make).fixes[0] == f"{make.root}/bin/python -m pip install -e '/my work' plain==1.0"


@pytest.mark.twin("PS301")
def test_conda_package_for_another_python_is_not_stranded(make: PrefixFactory) -> None:
    path = "lib/python3.11/site-packages/x-1.0.dist-info/METADATA"
    make.record("x", "1.0", {path: metadata("x", "1.0")})
    assert findings(make) == ()


def test_requires_python(make: PrefixFactory) -> None:
    make.pip_dist("fits", headers="Requires-Python: >=3.8")
    make.pip_dist("odd", headers="Requires-Python: what?")
    assert findings(make) == ()
    make.pip_dist("old", headers="Requires-Python: <3.12")
    finding = only(make)
    assert (finding.code, finding.severity, finding.subject) == ("PS302", "warning", "old")


def test_phantom(make: PrefixFactory) -> None:
    make.write(f"{SITE}/ghost-1.0.dist-info/REQUESTED")
    finding = only(make)
    assert (finding.code, finding.subject, finding.fixes) == (
        "PS502", "ghost", (f"rm -r {make.root}/{SITE}/ghost-1.0.dist-info",)
    )  # fmt: skip


def test_conda_package_without_metadata_file_is_no_phantom(make: PrefixFactory) -> None:
    make.record("odd", "1.0", {f"{SITE}/odd-1.0.dist-info/INSTALLER": "conda"})
    assert findings(make) == ()


@pytest.mark.damage("PS503", by_hand="no tool leaves one without a RECORD: it is copied so, or half removed")
def test_distribution_without_record(make: PrefixFactory) -> None:
    info = make.pip_dist("x")
    (info / "RECORD").unlink()
    assert [(finding.code, finding.severity) for finding in findings(make)] == [("PS503", "warning")]


@pytest.mark.parametrize(
    ("tail", "cut"), [("", False), ("x/__init__.py,,", False), ("x/__init__.py,sha256=ab", True), ("x/__in", True)]
)
def test_record_that_is_cut_off(make: PrefixFactory, tail: str, cut: bool) -> None:
    record = make.pip_dist("x") / "RECORD"
    record.write_text(record.read_text() + tail)
    assert codes(make) == (["PS503"] if cut else [])
    record.write_text("")
    assert codes(make) == ["PS503"]


@pytest.mark.parametrize(
    ("files", "husk"),
    [
        (["__pycache__/__init__.cpython-312.pyc"], True),
        (["sub/__pycache__/mod.cpython-312.pyc"], True),
        (["mine.py", "__pycache__/mine.cpython-312.pyc"], False),
        (["mine.py"], False),
        (["__init__.py", "__pycache__/gone.cpython-312.pyc"], False),
        (["data.txt"], False),
        ([], False),
    ],
)
def test_husk(make: PrefixFactory, files: Iterable[str], husk: bool) -> None:
    (make.root / SITE / "left").mkdir()
    for file in files:
        make.write(f"{SITE}/left/{file}")
    assert codes(make) == (["PS504"] if husk else [])


def test_leftover_of_a_package_that_conda_removed_is_a_husk(make: PrefixFactory) -> None:
    make.write(f"{SITE}/alpha/only_2_0.py")
    assert codes(make) == []
    make.history(("2026-01-02 00:00:00", "remove alpha", ["-c::alpha-1.0-0"]))
    assert codes(make) == ["PS504"]


def test_conda_depends(make: PrefixFactory) -> None:
    make.record("lib", "1.5")
    make.record("user", "1.0", depends=["lib >=1.0,<2.0a0", "__glibc >=2.17", "python"], constrains=["absent <1"])
    assert findings(make) == ()
    make.record("strict", "1.0", depends=["lib 1.4.*"])
    finding = only(make)
    assert (finding.code, finding.severity) == ("PS512", "warning")
    assert finding.message == "conda's strict 1.0 needs lib 1.4.*, but 1.5 h0_0 is there."


def test_conda_constrains(make: PrefixFactory) -> None:
    make.record("lib", "1.5")
    make.record("user", "1.0", constrains=["lib <1.5"])
    assert codes(make) == ["PS512"]


def test_conda_dependency_that_pip_provides(make: PrefixFactory) -> None:
    make.record("user", "1.0", depends=["lib >=1.0"])
    assert only(make).message == "conda's user 1.0 needs lib >=1.0, but it is not installed."
    make.pip_dist("lib", "1.2")
    assert findings(make) == ()
    make.record("strict", "1.0", depends=["lib >=2"])
    finding = only(make)
    assert (finding.code, finding.subject) == ("PS110", "lib")
    assert finding.fixes[1] == f"conda install -p {make.root} 'lib>=2'"


def test_spec_that_is_not_understood_is_said_to_be_skipped(make: PrefixFactory) -> None:
    make.record("user", "1.0", depends=["lib[version='>=1']"])
    finding = only(make)
    assert (finding.code, finding.severity) == ("PS903", "note")


def test_conda_s_own_unmet_metadata_is_no_harm(make: PrefixFactory) -> None:
    make.conda_dist("lib", "1.0")
    make.conda_dist("user", "1.0", requires=["lib>=9", "absent", "optional; extra == 'x'"])
    assert findings(make) == ()


def test_what_conda_met_and_pip_broke_is_found_from_metadata(make: PrefixFactory) -> None:
    make.conda_dist("user", "1.0", requires=["lib<2"])
    make.conda_dist("lib", "1.0")
    info = make.root / SITE / "lib-1.0.dist-info"
    for path in info.iterdir():
        path.unlink()
    info.rmdir()
    make.pip_dist("lib", "2.0")
    found = findings(make)
    assert [finding.code for finding in found] == ["PS101", "PS110"]
    assert found[1].message == "conda's user 1.0 needs lib<2, but pip put lib 2.0 there."


@pytest.mark.parametrize(
    ("requirement", "broken"),
    [
        ("lib>=1; python_version < '3'", False),
        ("absent; sys_platform == 'win32'", False),
        ("absent; sys_platform == 'linux'", True),
        ("absent; python_full_version >= '3.12.4'", True),
        ("absent; extra == 'x'", False),
        ("absent; extra == 'x' or python_version > '3'", True),
        ("lib (>=1.0)", False),
        ("lib (>=3)", True),
        ("lib @ https://x.test/lib.whl", False),
        ("lib[extra]", True),
        ("LIB.", False),
        ("lib==1.*", False),
        ("lib>=0.dev0", False),
    ],
)
def test_requirements_of_pip(make: PrefixFactory, requirement: str, broken: bool) -> None:
    make.pip_dist("lib", "1.0", requires=["needed-for-extra; extra == 'extra'"])
    make.pip_dist("user", "1.0", requires=[requirement])
    assert [code for code in codes(make) if code != "PS903"] == (["PS510"] if broken else [])


def test_extra_is_told_with_who_asked(make: PrefixFactory) -> None:
    make.pip_dist("lib", "1.0", requires=["more>=2; extra == 'all'"])
    make.pip_dist("user", "1.0", requires=["lib[all]"])
    assert only(make).message == "pip's user 1.0 needs more>=2 (for lib[all]) (not installed)."


def test_an_extra_that_several_ask_for_is_told_once(make: PrefixFactory) -> None:
    make.pip_dist("lib", "1.0", requires=["more>=2; extra == 'all'", "lib[all]; extra == 'all'"])
    make.pip_dist("first", "1.0", requires=["lib[all]; python_version > '3'"])
    make.pip_dist("second", "1.0", requires=["lib[all]; python_version > '3'", "lib; python_version < '3'"])
    assert only(make).message == "pip's first 1.0 needs more>=2 (for lib[all]) (not installed)."
    make.pip_dist("more", "2.0")
    assert codes(make) == []


def test_conda_package_without_python_metadata_meets_a_requirement(make: PrefixFactory) -> None:
    make.record("lib", "1.5", {f"{SITE}/lib.py": ""})
    make.pip_dist("user", requires=["lib>=1"])
    assert findings(make) == ()
    make.pip_dist("other", requires=["lib>=2"])
    assert [(finding.code, finding.subject) for finding in findings(make)] == [("PS210", "other")]


@pytest.mark.parametrize("text", ["lib >= banana", "!!", "lib; nonsense == 1", "lib; python_version ~~ '3'"])
@pytest.mark.damage("PS903", by_hand="no pip of today installs these")
def test_requirement_that_is_not_understood(make: PrefixFactory, text: str) -> None:
    make.pip_dist("lib")
    make.pip_dist("user", requires=[text])
    finding = only(make)
    assert (finding.code, finding.severity) == ("PS903", "note")


def test_markers_are_the_environment_s(tmp_path: Path) -> None:
    windows = PrefixFactory(tmp_path / "env", python=None)
    windows.record("python", "3.9.1", subdir="win-64", build="h1_pypy39")
    seen = AuditContext(read_snapshot(str(windows.root))).marker_environment
    assert (seen["os_name"], seen["sys_platform"], seen["platform_machine"]) == ("nt", "win32", "AMD64")
    assert (seen["python_version"], seen["implementation_name"]) == ("3.9", "pypy")
    assert seen["platform_release"] == "" or sys.platform == "win32"


def test_lost_record_from_history_that_went_on(make: PrefixFactory) -> None:
    info = make.pip_dist("alpha", "2.0")
    linked, gone = "+https://c.test/ch/noarch::alpha-1.0-py_0", "-https://c.test/ch/noarch::alpha-1.0-py_0"
    make.history(("2020-01-01 00:00:00", "create", [linked]), ("2026-01-02 00:00:00", "install click", [gone]))
    os.utime(info, (1, 1))
    finding = only(make)
    assert finding.code == "PS106"
    assert finding.fixes[1] == f"conda install -p {make.root} -c https://c.test/ch alpha=1.0=py_0"
    make.pip_dist("alpha", "2.0")
    os.utime(info)  # installed after conda had removed the package
    assert findings(make) == ()


def test_other_version_by_a_tool_without_history_is_no_loss(make: PrefixFactory) -> None:
    make.history(("2020-01-01 00:00:00", "create", ["+c::alpha-1.0-0", "+c::vanished-1.0-0"]))
    make.record("alpha", "2.0")
    assert findings(make) == ()


def test_kept_copy_names_the_distribution(make: PrefixFactory) -> None:
    make.pip_dist("Py-Alpha", "2.0")
    copy = KeptCopy("alpha-conda", "1.0", "py_0", ("py-alpha",), "2026-01-01T00:00:00Z", "conda-meta/x", "conda-forge")
    (finding,) = findings(make, (copy,))
    assert (finding.code, finding.subject, finding.facts["kept_copy"]) == ("PS106", "alpha-conda", "conda-meta/x")


@pytest.mark.damage("PS901", by_hand="what full disks and failed copies leave")
def test_unreadable_files_are_findings_and_hide_nothing(make: PrefixFactory) -> None:
    make.write("conda-meta/broken-1.0-0.json", "{")
    make.write(f"{SITE}/bin-1.0.dist-info/METADATA", b"\xff\xfe")
    info = make.pip_dist("x")
    (info / "RECORD").write_text("../../../../../etc/passwd,,\nx/__init__.py,,\na,b,c,d\n")
    make.pip_dist("y", requires=["absent"])
    found = findings(make)
    assert [finding.code for finding in found if finding.severity == "error"] == ["PS901", "PS901", "PS510"]
    assert sorted({finding.paths[0] for finding in found if finding.code == "PS901"}) == [
        "conda-meta/broken-1.0-0.json", f"{SITE}/bin-1.0.dist-info/METADATA", f"{SITE}/x-1.0.dist-info/RECORD",
    ]  # fmt: skip


@pytest.mark.damage("PS902", by_hand="about the audit itself")
@pytest.mark.parametrize(
    ("name", "command"), [("lib-1.0-0", "--force-reinstall -c conda-forge lib=1.0=0"), ("lib", None)]
)
def test_the_way_out_of_a_record_that_cannot_be_read(make: PrefixFactory, name: str, command: str | None) -> None:
    make.history(("2026-01-01 00:00:00", "conda create", ["+conda-forge/linux-64::lib-1.0-0"]))
    make.write(f"conda-meta/{name}.json", "{")
    (finding,) = (found for found in findings(make) if found.code == "PS901")
    assert finding.paths == (f"conda-meta/{name}.json",)
    if command is None:
        assert finding.fixes == ("Have the installer of the package write it again (--force-reinstall).",)
    else:
        record = f"{make.root}/conda-meta/{name}.json"
        assert finding.fixes == (f"rm -r {record}", f"conda install -p {make.root} {command}")


def test_a_check_that_crashes_stops_no_other(make: PrefixFactory) -> None:
    def crash(context: AuditContext) -> Iterable[Finding]:
        yield catalogue.make("PS903", "before", f"{len(context.current)} seen")
        raise RuntimeError("boom")

    make.pip_dist("y", requires=["absent"])
    report = engine.audit(AuditContext(read_snapshot(str(make.root))), [Check("mine", crash)])
    assert [finding.code for finding in report.findings] == ["PS510", "PS902", "PS903"]
    assert "mine crashed (RuntimeError: boom)" in report.findings[1].message


@pytest.mark.damage("PS902", by_hand="about the audit itself")
@pytest.mark.twin("PS902")
def test_other_packages_add_checks(make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "plugins"
    for name, points in {
        "good": "[conda_pipsafe.checks]\ngood = pipsafe_good\n",
        "bad": "[conda_pipsafe.checks]\nbad = pipsafe_not_there\n",
        "raises": "[conda_pipsafe.checks]\nraises = pipsafe_raises\n",
        "garbled": "conda_pipsafe.checks\n[[[",
    }.items():
        (site / f"{name}-1.dist-info").mkdir(parents=True)
        (site / f"{name}-1.dist-info/entry_points.txt").write_text(points)
    head = "from conda_pipsafe.audit.hookspec import Check, hookimpl\n\n@hookimpl\ndef conda_pipsafe_checks():\n"
    (site / "pipsafe_good.py").write_text(head + "    return [Check('good', lambda context: [])]\n")
    (site / "pipsafe_raises.py").write_text(head + "    raise ValueError('no')\n")
    monkeypatch.syspath_prepend(str(site))
    report = engine.audit(AuditContext(read_snapshot(str(make.root))))
    assert "good" in report.checks
    assert sorted(finding.subject for finding in report.findings) == ["pipsafe_not_there", "pipsafe_raises"]
    assert {finding.code for finding in report.findings} == {"PS902"}


def test_every_code_is_complete_and_unique() -> None:
    assert len({entry.code for entry in catalogue.ENTRIES}) == len({entry.name for entry in catalogue.ENTRIES})
    for entry in catalogue.ENTRIES:
        assert entry.meaning.endswith(".")
        assert entry.causes.endswith(".")
        assert entry.way_out.endswith(".")
