"""What an audit meets rarely: other systems, what vanishes while it looks, tools that are odd."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from conda_pipsafe.audit import configuration, engine, forking, hashing, many, remembered
from conda_pipsafe.audit.checks import interpreters, targets
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.deep import deep
from conda_pipsafe.audit.disk import Disk
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.fixes import pip, quote
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.audit.importing import import_all
from conda_pipsafe.audit.many import Depth, audit_one
from conda_pipsafe.audit.overview import overview
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.ledger import seen
from conda_pipsafe.ledger.events import DistState, Source
from conda_pipsafe.ledger.vault import keep_records
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.prefixes import SITE, PrefixFactory


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def context(make: PrefixFactory) -> AuditContext:
    return AuditContext(read_snapshot(str(make.root)))


def found(make: PrefixFactory, *codes: str) -> list[Finding]:
    return [finding for finding in engine.audit(context(make)).findings if not codes or finding.code in codes]


def test_words_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        assert [quote(word) for word in ("plain", "a b", "a&b")] == ["plain", '"a b"', '"a&b"']


def test_the_environment_s_pip_on_windows(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    python = os.path.join(make.root, "python.exe")
    make.write("Lib/site-packages/pip/__init__.py")
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        commands = [pip(str(make.root), "install", "six")]
        make.write("Lib/EXTERNALLY-MANAGED")
        commands.append(pip(str(make.root), "install", "six"))
    assert commands == [f"{python} -m pip install six", f"{python} -m pip install --break-system-packages six"]


def test_paths_of_windows(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/data.txt": ""})
    make.pip_dist("opencv-python", "4.0", {"cv2/data.txt": ""})
    there = context(make)
    assert len(there.foreign) == 1
    owned = there.snapshot.record_paths
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        assert list(interpreters.check(there)) == []  # an .exe hides its interpreter
        shared = there.contested
    assert f"{SITE}/cv2/data.txt" in owned
    assert list(shared.values()) == [(f"{SITE}/cv2/data.txt",)]


def test_places_of_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    home = os.path.expanduser("~")
    assert targets.user_kernels({"JUPYTER_DATA_DIR": "/jupyter"}) == "/jupyter/kernels"
    with monkeypatch.context() as mac:
        mac.setattr(sys, "platform", "darwin")
        assert targets.user_kernels({}) == f"{home}/Library/Jupyter/kernels"
        assert not forking.may_fork()
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        kernels = targets.user_kernels({"APPDATA": "/roaming"})
        folder = targets.user_site_folder("3.12", {"APPDATA": "/roaming"})
    assert (kernels, folder) == ("/roaming/jupyter/kernels", "/roaming/Python/Python312/site-packages")


def test_a_user_site_that_hides(make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.pip_dist("mine", "1.0")
    make.pip_dist("same", "1.0")
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "base"))
    site = tmp_path / "base/lib/python3.12/site-packages"
    for name in ("same-1.0.dist-info", "other-1.0.dist-info", "~mine-3.0.dist-info", "mine.py"):
        (site / name).mkdir(parents=True)
    assert [(item.code, item.severity) for item in found(make)] == [("PS403", "note")]
    (site / "mine-2.0-py3.12.egg-info").mkdir()
    (finding,) = found(make)
    assert finding.severity != "note"
    assert finding.facts["shadowed"]["mine"] == {"there": "2.0", "environment": "1.0"}
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert found(make) == []


def test_settings_that_pip_cannot_read_and_that_are_off(make: PrefixFactory) -> None:
    make.write("pip.conf", "no section\n")
    assert found(make) == []
    make.write("pip.conf", "[global]\nuser = no\n[install]\n--target = /elsewhere\n")
    assert [(item.code, item.facts["option"]) for item in found(make)] == [("PS405", "target")]


def test_a_kernel_of_its_own_is_no_harm(make: PrefixFactory) -> None:
    make.write("share/jupyter/kernels/k/kernel.json", json.dumps({"argv": [str(make.root / "bin/python")]}))
    assert found(make) == []


def test_what_the_disk_cannot_answer(make: PrefixFactory) -> None:
    disk = Disk(str(make.root))
    assert disk.modified("not/there") is None
    assert disk.exists("nul\0/x")  # nothing is said to be missing that could not be looked for
    assert disk.names("nul\0") == frozenset()


def test_the_same_finding_is_told_once(make: PrefixFactory) -> None:
    make.write(f"{SITE}/~ip/x")
    report = engine.audit(context(make))
    assert engine.with_findings(report, report.findings, "again").findings == report.findings


def test_a_ledger_and_a_vault_that_cannot_be_had(make: PrefixFactory) -> None:
    make.write("conda-meta/pipsafe/ledger.jsonl", "{}\n" * 3)
    vault = "conda-meta/pipsafe/vault/records"
    make.write(f"{vault}/x-1.0-0.json", "{}")
    (make.root / "conda-meta/history").unlink()
    gathered = gather(str(make.root))
    assert gathered.context.kept == ()
    assert overview(gathered.context).events == ()


def test_more_of_a_record_than_its_files(make: PrefixFactory) -> None:
    """Records of other tools: `depends` without words, scripts without facts, files in an odd number."""
    make.conda_dist("alpha", depends=["", "beta", "beta >=1"])
    make.conda_dist("beta")
    assert context(make).dependents == {"beta": ("alpha",)}
    data = json.loads(make.record("tool", "1.0", {"bin/tool": "#!/other/bin/python\n"}).read_text())
    data["paths_data"]["paths"] = []
    make.write("conda-meta/tool-1.0-h0_0.json", json.dumps(data))
    assert [finding.code for finding in found(make)] == ["PS903"]  # the words that are none


def test_a_replaced_package_under_another_name(make: PrefixFactory) -> None:
    """What another package depends on was replaced by a distribution that has another name."""
    make.record("py-lib", "1.0", {f"{SITE}/lib-1.0.dist-info/METADATA": "", f"{SITE}/lib/a.py": "", "x/y": ""})
    make.record("app", "1.0", {"x/z": ""}, depends=["py-lib <2"])
    (make.root / SITE / "lib-1.0.dist-info/METADATA").unlink()
    (make.root / SITE / "lib-1.0.dist-info").rmdir()
    make.pip_dist("lib", "3.0", {"lib/a.py": ""})
    assert "PS110" in {finding.code for finding in found(make)}


def test_two_distributions_without_conda(make: PrefixFactory) -> None:
    make.pip_dist("mine", "1.0")
    make.pip_dist("mine", "2.0")
    assert [item.code for item in found(make)] == ["PS501"]
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_an_editable_checkout_behind_a_package(make: PrefixFactory) -> None:
    make.conda_dist("mine", "1.0")
    info = make.pip_dist("mine", "2.0", {"__editable__.mine-2.0.pth": "/checkout\n"})
    (info / "direct_url.json").write_text('{"url": "file:///checkout", "dir_info": {"editable": true}}')
    (finding,) = found(make, "PS203")
    assert "file:///checkout" in finding.message
    assert "conda remove" in finding.fixes[0]


def test_a_checkout_beside_a_package_of_its_name_is_told_once(make: PrefixFactory) -> None:
    """As two distributions of one name, not once more by its modules."""
    make.conda_dist("mine", "1.0")
    root = checkout(make, "mine/__init__.py")
    (finding,) = found(make, "PS203")
    assert finding.paths == (f"{SITE}/mine-1.0.dist-info", f"{SITE}/mine-2.0.dist-info")
    assert f"file://{root}" in finding.message


def checkout(make: PrefixFactory, *modules: str, url: str | None = None) -> str:
    """A project installed in place, with a `.pth` that leads to its modules, and a file that is none."""
    root = f"{make.root}/src"
    for module in modules:
        make.write(f"src/{module}")
    info = make.pip_dist("mine", "2.0", {"__editable__.mine.pth": f"{root}\n", "mine_notes.txt": ""})
    data = {"url": f"file://{root}" if url is None else url, "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(data))
    return root


@pytest.mark.parametrize(
    ("modules", "owned", "hidden"),
    [
        (["pkg/__init__.py"], f"{SITE}/pkg/__init__.py", True),
        (["pkg/__init__.py"], f"{SITE}/pkg.cpython-312-x86_64-linux-gnu.so", True),
        (["pkg.py"], f"{SITE}/pkg.py", True),
        (["pkg.py"], f"{SITE}/other.py", False),
        (["pkg.py"], f"{SITE}/pkgs.so", False),
    ],
)
def test_an_editable_checkout_that_a_package_of_another_name_hides(
    make: PrefixFactory, modules: list[str], owned: str, hidden: bool
) -> None:
    root = checkout(make, *modules)
    make.record("other", "1.0", {owned: ""})
    told = found(make, "PS203")
    assert [(item.subject, item.paths[0]) for item in told] == ([("other", owned)] if hidden else [])
    if hidden:
        assert f"conda's other 1.0 hides mine, which is installed in place (file://{root})." in told[0].message


def test_what_conda_s_record_has_and_is_not_there_hides_nothing(make: PrefixFactory) -> None:
    checkout(make, "pkg.py")
    make.record("other", "1.0", {f"{SITE}/pkg.py": ""})
    (make.root / SITE / "pkg.py").unlink()
    assert found(make, "PS203") == []


def test_a_checkout_that_came_from_an_address(make: PrefixFactory) -> None:
    """Where it lies, the `.pth` alone says."""
    root = checkout(make, "pkg.py", url="https://x.test/mine.git")
    assert found(make, "PS203", "PS205") == []
    (make.root / "src/pkg.py").unlink()
    (make.root / "src").rmdir()
    (finding,) = found(make, "PS205")
    assert root in finding.message


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_module_that_is_a_link_into_a_cache_that_was_cleared(
    make: PrefixFactory, tmp_path: Path, *, elsewhere: bool
) -> None:
    """What METADATA leads to tells what the cache was: a link to a file of another name tells nothing."""
    cache = tmp_path / "cache/archive"
    info = make.pip_dist("tool", files={"tool.py": "", "mine.py": ""})
    (make.root / SITE / "tool.py").unlink()
    (make.root / SITE / "tool.py").symlink_to(cache / "tool.py")
    (info / "METADATA").unlink()
    (info / "METADATA").symlink_to(cache / ("NOTES" if elsewhere else "tool-1.0.dist-info/METADATA"))
    told = [item for item in found(make, "PS502") if f"links into {cache}" in item.message]
    assert [item.paths for item in told] == ([] if elsewhere else [(f"{SITE}/tool-1.0.dist-info", f"{SITE}/tool.py")])


def test_a_distribution_that_left_and_did_not_say_when_it_was_written(make: PrefixFactory) -> None:
    """What lies there of its name may then be younger: nothing is claimed."""
    make.write(f"{SITE}/stray.py")
    for written, told in (("2100-01-01T00:00:00Z", ["PS507"]), (None, []), ("once", []), ("2000-01-01T00:00:00Z", [])):
        state = DistState("stray", "stray", "1.0", f"{SITE}/stray-1.0.dist-info", "pip", True, "pip",
                          Source("unknown"), written=written)  # fmt: skip
        looked = AuditContext(read_snapshot(str(make.root)), forgotten=(state,))
        assert [finding.code for finding in engine.audit(looked).findings] == told


@pytest.mark.parametrize("later", [False, True])
def test_who_came_later(make: PrefixFactory, *, later: bool) -> None:
    record = make.conda_dist("mine", "1.0")
    info = make.pip_dist("mine", "2.0")
    os.utime(record, (10, 30 if later else 10))
    os.utime(info, (20, 20))
    assert [item.code for item in found(make)] == ["PS201" if later else "PS107"]


def test_a_frozen_environment_whose_mark_vanishes(make: PrefixFactory) -> None:
    make.pip_dist("mine")
    seen_before = context(make)
    make.write("conda-meta/frozen", "{}")
    assert "frozen" in seen_before.disk.names("conda-meta")
    (make.root / "conda-meta/frozen").unlink()
    assert engine.audit(seen_before).findings == ()


def test_a_python_that_does_not_start(make: PrefixFactory) -> None:
    make.pip_dist("mine")
    (finding,) = import_all(context(make), 1.0)
    assert "does not run" in finding.facts["error"]


def test_a_python_that_says_something_else(make: PrefixFactory) -> None:
    make.pip_dist("mine")
    python = make.write("bin/python", '#!/bin/sh\necho "not JSON"\necho \'["mine", ""]\'\n')
    python.chmod(0o755)
    assert list(import_all(context(make), 5.0)) == []


def test_a_file_that_another_environment_has_not(make: PrefixFactory, tmp_path: Path) -> None:
    make.record("foo", "1.0", {"lib/foo.so": "a"}, extracted_package_dir=str(tmp_path / "gone"))
    os.link(make.root / "lib/foo.so", tmp_path / "second name")
    make.write("lib/foo.so", "b")
    (finding,) = deep(context(make), [str(tmp_path / "nowhere")]).findings
    assert finding.code == "PS120"


def test_python_without_a_toml_parser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)  # what Python itself notes of a module that is not there
    (tmp_path / "pyproject.toml").write_text("[tool.conda-pipsafe]\n")
    note = configuration.find_configuration(str(tmp_path)).note
    assert note is not None
    assert "has no TOML parser" in note
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'conda-pipsafe'\n")
    assert configuration.find_configuration(str(tmp_path)).note is None


def test_a_memory_forgets_folders_without_end(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST_WALKED", 3)
    monkeypatch.setattr(seen, "RACY_NS", 0)
    make.write(f"{SITE}/own/a/b/c/d/e/x.py")
    make.write(f"{SITE}/link.egg-link", "/somewhere\n.\n")
    audit_one(str(make.root), Depth())
    assert audit_one(str(make.root), Depth()).report is not None


def test_a_report_that_is_no_json_is_not_kept(make: PrefixFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 0)
    report = engine.audit(context(make))
    odd = report._replace(findings=(Finding("X1", "note", "x", "x", facts={"loop": object()}),))
    assert not remembered.remember(context(make), odd, 2**62)


def test_checks_of_others_bring_their_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, points in {
        "brings": "[conda_pipsafe.checks]\nb = pipsafe_brings\n",
        "says": "# conda_pipsafe.checks\n",
    }.items():
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info/entry_points.txt").write_text(points)
    (tmp_path / "pipsafe_brings.py").write_text(
        "from conda_pipsafe.audit.catalogue import Entry\n"
        "from conda_pipsafe.audit.hookspec import Check, hookimpl\n"
        "ENTRY = Entry('X100', 'one', 'note', 'leftover', 'Title.', 'Meaning.', 'Causes.', 'Way out.')\n"
        "@hookimpl\ndef conda_pipsafe_checks():\n    return [Check('brings', lambda context: [], (ENTRY,))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert engine.entries()["X100"].name == "one"


def test_an_audit_that_crashes_in_another_process_hides_no_other() -> None:
    assert "crashed (ValueError" in str(many._guarded("no\0path", Depth()).error)


def test_what_cannot_be_recorded_and_read_is_said(make: PrefixFactory) -> None:
    make.pip_dist("mine")
    make.write("conda-meta/pipsafe", "a file where the folder should be")
    gathered = gather(str(make.root))
    assert "is not recorded" in gathered.problems[0]
    assert overview(gathered.context).events == ()


def test_kept_copies_of_records_that_conda_lost(make: PrefixFactory) -> None:
    make.conda_dist("mine", "1.0")
    make.conda_dist("there", "1.0")
    snapshot = read_snapshot(str(make.root))
    keep_records(str(make.root), snapshot.records)
    (make.root / "conda-meta/mine-1.0-h0_0.json").unlink()
    make.history(("2026-01-01 00:00:00", "create", ["+c::mine-1.0-h0_0"]))
    assert [finding.code for finding in engine.audit(gather(str(make.root)).context).findings] == ["PS106"]
    (copy,) = gather(str(make.root)).context.kept
    assert (copy.name, copy.keys) == ("mine", ("mine",))
    (make.root / str(copy.where)).write_text("damaged")
    (copy,) = gather(str(make.root)).context.kept
    assert (copy.keys, copy.channel) == ((), "")


def test_a_replaced_package_that_still_fits(make: PrefixFactory) -> None:
    make.conda_dist("lib", "1.0")
    make.record("app", "1.0", {"x/z": ""}, depends=["lib >=1"])
    info = make.root / SITE / "lib-1.0.dist-info"
    for file in info.iterdir():
        file.unlink()
    info.rmdir()
    make.pip_dist("lib", "3.0")
    assert [finding.code for finding in found(make)] == ["PS101"]


def test_husks_of_many_files_and_of_what_is_told_already(make: PrefixFactory) -> None:
    for number in range(250):
        make.write(f"{SITE}/big/d{number}/__pycache__/__init__.cpython-312.pyc")
    make.write(f"{SITE}/told/__pycache__/__init__.cpython-312.pyc")
    make.write(f"{SITE}/told-1.0.dist-info/RECORD", "")
    make.write(f"{SITE}/plain")
    husks = [finding.subject for finding in found(make, "PS504")]
    assert husks == ["big"]


def test_commands_of_nobody_known(make: PrefixFactory) -> None:
    """A contested command that calls what neither owner declares; contested files that cannot be compared."""
    text = "#!/bin/sh\nfrom third import main\nsys.exit(main())\n"
    make.record("tool", "1.0", {"bin/tool": text, "lib/a.txt": "a", "lib/gone.txt": "a"})
    info = make.pip_dist("tool-pip", "1.0", {
        "../../../bin/tool": text, "../../../lib/a.txt": "a", "../../../lib/gone.txt": "a",
    })  # fmt: skip
    (info / "entry_points.txt").write_text("[console_scripts]\ntool = second:main\n")
    data = json.loads((make.root / "conda-meta/tool-1.0-h0_0.json").read_text())
    for fact in data["paths_data"]["paths"]:
        fact.pop("sha256")
        fact.pop("sha256_in_prefix")
    make.write("conda-meta/tool-1.0-h0_0.json", json.dumps(data))
    record = (info / "RECORD").read_text().splitlines()
    rows = [line.split(",")[0] + ",," if "a.txt" in line else line for line in record]
    (info / "RECORD").write_text("\n".join([*rows, ""]))
    (make.root / "lib/gone.txt").unlink()
    (make.root / "lib/gone.txt").mkdir()
    codes = {finding.code for finding in found(make)}
    assert "PS105" in codes
    assert "PS108" not in codes


def test_two_commands_of_one_foreign_python(make: PrefixFactory, tmp_path: Path) -> None:
    text = f"#!{tmp_path}/other/bin/python\nimport sys\nfrom mine import main\nsys.exit(main())\n"
    (tmp_path / "other/bin").mkdir(parents=True)
    (tmp_path / "other/bin/python").touch()
    make.pip_dist("mine", "1.0", {"../../../bin/a": text, "../../../bin/b": text})
    (finding,) = found(make, "PS109")
    assert (len(finding.paths), len(finding.fixes)) == (2, 1)


def test_requirements_after_conda_removed_and_linked_again(make: PrefixFactory) -> None:
    make.pip_dist("user", requires=["gone>=1", "old>=2"])
    make.conda_dist("old", "1.0")
    make.history(
        ("2026-01-01 00:00:00", "create", ["+c::gone-1.0-h0_0", "+c::back-1.0-h0_0", "+odd"]),
        ("2026-01-02 00:00:00", "remove", ["-c::gone-1.0-h0_0", "-c::back-1.0-h0_0", "-odd"]),
        ("2026-01-03 00:00:00", "install", ["+c::back-1.0-h0_0", "+odd"]),
    )
    (finding,) = found(make, "PS210")
    assert "'gone>=1' 'old>=2'" in finding.fixes[0]


def test_requirements_that_another_finding_tells(make: PrefixFactory) -> None:
    """A package that is there twice, or whose files are gone, is told by itself; conda's own were met by conda's."""
    make.conda_dist("twice", "1.0")
    make.pip_dist("twice", "3.0")
    make.conda_dist("app", "1.0", ["twice<1", "lib<0.5"])
    make.conda_dist("lib", "1.0")
    info = make.root / SITE / "lib-1.0.dist-info"
    for file in info.iterdir():
        file.unlink()
    info.rmdir()
    make.pip_dist("lib", "3.0")
    # conda's lib never met what the metadata of app asks for: no harm that pip did.
    assert "PS110" not in {finding.code for finding in found(make)}


def test_a_kernel_of_the_user_is_watched(make: PrefixFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 0)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    kernel = tmp_path / "jupyter/kernels/k/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text("{}")
    audit_one(str(make.root), Depth())
    time.sleep(0.02)
    audit_one(str(make.root), Depth())
    assert remembered.recall(str(make.root)) is not None
    kernel.write_text("[]")
    assert remembered.recall(str(make.root)) is None


def test_files_that_cannot_be_hashed(make: PrefixFactory) -> None:
    if os.path.exists("/proc/self/mem"):  # an I/O error, and a file that is larger than it says
        odd = [hashing.Expected("mem", "x"), hashing.Expected("status", "x")]
        assert [item.path for _, item in hashing.altered_files("/proc/self", odd)] == ["status"]
    expected = [hashing.Expected("nul\0", "x"), hashing.Expected("not/there", "x")]
    assert list(hashing.altered_files(str(make.root), expected)) == []


def test_a_fault_of_the_ledger_or_the_vault_stops_no_audit(
    make: PrefixFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Observing fails open, also where a fault is ours: here one is put in."""

    def fault(*_words: object) -> None:
        raise LookupError("a fault")

    for place in ("reconcile.reconcile", "vault.kept_records", "store.open_ledger"):
        monkeypatch.setattr(f"conda_pipsafe.ledger.{place}", fault)
    gathered = gather(str(make.root))
    assert [problem.partition(" (")[0] for problem in gathered.problems] == [
        "the ledger could not be brought up to date",
        "the vault could not be read",
    ]
    assert overview(gathered.context).events == ()
