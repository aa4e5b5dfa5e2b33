"""`--deep` and `--imports`: each harm beside its harmless twin."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conda_pipsafe.audit import hashing, sharing
from conda_pipsafe.audit.comparing import Comparison
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.deep import DeepReport, deep
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.importing import import_all
from conda_pipsafe.cli.app import main
from conda_pipsafe.cli.progress import ProgressLine
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.nobody import as_nobody
from support.prefixes import SITE, PrefixFactory, metadata
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def look(make: PrefixFactory, *others: Path) -> DeepReport:
    return deep(AuditContext(read_snapshot(str(make.root))), [str(other) for other in others])


def findings(make: PrefixFactory, *others: Path) -> tuple[Finding, ...]:
    return look(make, *others).findings


def test_file_of_conda_that_was_edited(make: PrefixFactory) -> None:
    make.record("foo", "1.0", {"lib/foo.so": "a", "share/foo.txt": "b", "etc/foo.conf": "c"})
    assert look(make) == DeepReport((), 4)  # with bin/python
    make.write("share/foo.txt", "edited")
    (finding,) = findings(make)
    assert (finding.code, finding.severity, finding.paths) == ("PS120", "note", ("share/foo.txt",))
    make.write("lib/foo.so", "edited")
    (finding,) = findings(make)
    assert (finding.severity, finding.paths) == ("warning", ("lib/foo.so", "share/foo.txt"))
    assert finding.message == "2 files of conda's foo 1.0 are not as installed."


def test_noarch_package_is_compared_too_though_its_paths_are_the_package_s(make: PrefixFactory) -> None:
    path = f"{SITE}/pure/__init__.py"
    record = make.record("pure", "1.0", {path: "x = 1\n"}, noarch="python")
    data = json.loads(record.read_text())
    data["paths_data"]["paths"][0]["_path"] = "site-packages/pure/__init__.py"
    record.write_text(json.dumps(data))
    assert findings(make) == ()
    make.write(path, "x = 2\n")
    assert [(item.code, item.paths) for item in findings(make)] == [("PS120", (path,))]


def test_file_of_pip_that_was_edited(make: PrefixFactory) -> None:
    make.pip_dist("mine", files={"mine/__init__.py": "x", "mine/data.txt": "y"})
    make.pip_dist("other", files={"other.py": "x"})
    assert findings(make) == ()
    make.write(f"{SITE}/mine/data.txt", "z")
    make.write(f"{SITE}/other.py", "longer")
    found = {item.subject: (item.code, item.severity) for item in findings(make)}
    assert found == {"mine": ("PS220", "note"), "other": ("PS220", "warning")}


def test_what_no_hash_tells_is_left_out(make: PrefixFactory) -> None:
    pyc, link, entry = f"{SITE}/__pycache__/a.cpython-312.pyc", "lib/liba.so", "bin/run"
    record = make.record("foo", "1.0", {pyc: "a", link: "b", entry: "#!/bin/sh\n", "lib/nohash": ""})
    data = json.loads(record.read_text())
    data["paths_data"]["paths"][2]["path_type"] = "unix_python_entry_point"
    del data["paths_data"]["paths"][3]["sha256"], data["paths_data"]["paths"][3]["sha256_in_prefix"]
    record.write_text(json.dumps(data))
    info = make.pip_dist("mine", files={"mine.py": "", "../../../bin/mine": "#!/bin/sh\n"})
    make.write(f"{SITE}/extra.py")
    with (info / "RECORD").open("a") as file:
        file.write("extra.py,md5=abc,1\nextra2.py,sha256=***,1\n")
        file.write(f"extra.py,sha256={'*' * 43},1\n")
    for path in (pyc, entry, "lib/nohash", "bin/mine"):
        make.write(path, "#!/bin/sh\nchanged")
    (make.root / link).rename(make.root / "lib/elsewhere")
    (make.root / link).symlink_to("elsewhere")
    assert findings(make) == ()


def test_what_other_findings_tell_is_not_told_again(make: PrefixFactory) -> None:
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/__init__.py": "conda"})
    make.pip_dist("opencv-python", "4.0", {"cv2/__init__.py": "pip"})
    make.conda_dist("twice", "1.0")
    make.pip_dist("twice", "2.0")
    assert findings(make) == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_blocks_nothing(make: PrefixFactory) -> None:
    make.record("foo", "1.0", {"lib/foo.so": "a"})
    (make.root / "lib/foo.so").unlink()
    os.mkfifo(make.root / "lib/foo.so")
    assert [(item.code, item.facts["sha256"]) for item in findings(make)] == [("PS120", {"lib/foo.so": "not a file"})]


@pytest.mark.parametrize("size", [0, 1, hashing._BUFFER - 1, hashing._BUFFER, hashing._BUFFER + 1, 3 * hashing._BUFFER])
def test_files_of_any_size(make: PrefixFactory, size: int) -> None:
    make.record("foo", "1.0", {"lib/foo.so": "x" * size})
    assert findings(make) == ()
    make.write("lib/foo.so", "x" * (size + 1))
    assert len(findings(make)) == 1


# In a process without threads, as the command is; what the tests run in may have some.
BY_PROCESSES = """
import json, os, signal, sys
from conda_pipsafe.audit import forking
from conda_pipsafe.audit.comparing import Comparison
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.deep import deep_report
from conda_pipsafe.prefix.snapshot import read_snapshot

prefix, harm = sys.argv[1:]
assert forking.may_fork()
told = []
comparison = Comparison(AuditContext(read_snapshot(prefix)), lambda done, total: told.append((done, total)))
if harm == "no fork":
    def refused():
        raise BlockingIOError("no more processes")
    os.fork = refused
comparison.begin()
helper = comparison._helper
if harm == "killed":
    os.kill(helper._child, signal.SIGKILL)
report = deep_report(comparison._context, comparison)
comparison.close()
comparison.close()
try:
    left = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    left = None
descriptors = sorted(os.listdir("/proc/self/fd"), key=int)[:-1]
paths = [item.paths for item in report.findings]
print(json.dumps([helper is not None, report.hashed, paths, told, left, descriptors]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="two processes are for Linux, where a fork is safe")
@pytest.mark.parametrize("harm", ["", "killed", "no fork"])
def test_two_processes_find_what_two_threads_find(make: PrefixFactory, harm: str) -> None:
    make.record("foo", "1.0", {f"lib/{number}": str(number) for number in range(1500)})
    make.record("bar", "1.0", {"lib/bar": "x"})
    make.pip_dist("mine", files={f"mine/m{number}.py": str(number) for number in range(50)})
    edited = ["lib/3", "lib/700", "lib/1499"]
    for path in edited:
        make.write(path, "edited")
    make.write(f"{SITE}/mine/m49.py", "edited")
    done = run(sys.executable, "-c", BY_PROCESSES, make.root, harm).ok()
    helped, hashed, paths, told, left, descriptors = done.json()
    assert helped == (harm != "no fork")
    assert sorted(paths) == [sorted(edited), [f"{SITE}/mine/m49.py"]]
    # bin/python, foo, bar, and of mine INSTALLER, METADATA and so on as well.
    assert hashed == look(make).hashed
    total = told[-1][1]
    assert (told[-1], left, descriptors) == ([total, total], None, ["0", "1", "2"])
    assert 1500 < total < 1600
    assert len(told) > 2


@pytest.mark.skipif(sys.platform != "linux", reason="two processes are for Linux, where a fork is safe")
def test_a_helper_that_nobody_waits_for_ends(make: PrefixFactory) -> None:
    make.record("foo", "1.0", {f"lib/{number}": str(number) for number in range(1500)})
    script = (
        "import os, sys\n"
        "from conda_pipsafe.audit import engine, many\n"
        "def interrupted(context): raise KeyboardInterrupt\n"
        "engine.audit = interrupted\n"
        "try:\n"
        "    many.audit_one(sys.argv[1], many.Depth(deep=True))\n"
        "except KeyboardInterrupt:\n"
        "    os.waitpid(-1, 0)"
    )
    done = run(sys.executable, "-c", script, make.root)
    assert "No child processes" in done.stderr


def test_owners_of_many_files_are_parted(make: PrefixFactory) -> None:
    files = {f"lib/{number}": str(number) for number in range(2000)}
    make.record("large", "1.0", files)
    for number in range(100):
        make.record(f"small{number}", "1.0", {f"share/{number}": "x"})
    comparison = Comparison(AuditContext(read_snapshot(str(make.root))))
    tasks = comparison._tasks
    assert len(tasks) <= sharing.MOST_TASKS
    assert len({part.owner for task in tasks[:31] for part in task}) == 1
    assert {part for task in tasks for part in task} == {part for task in tasks for part in set(task)}
    make.write("lib/1999", "edited")
    make.write("lib/0", "edited")
    (one,) = [item for item in comparison.results() if item.altered]
    assert (one.files, [item.path for item in one.altered]) == (2000, ["lib/0", "lib/1999"])


def test_a_file_of_two_conda_packages_is_as_either_of_them_has_it(make: PrefixFactory) -> None:
    # As conda leaves it with `path_conflict: clobber`: both records have the path, the last one linked has the file.
    for name, content in (("alpha", "a"), ("beta", "b"), ("gamma", "c")):
        make.record(name, "1.0", {"share/both": content, f"share/{name}": "x"})
    for content in "abc":
        make.write("share/both", content)
        assert findings(make) == ()
    make.write("share/both", "d")
    assert [(item.code, item.subject, item.paths) for item in findings(make)] == [("PS120", "gamma", ("share/both",))]


def test_a_file_that_stands_in_two_rows_is_as_either_has_it(make: PrefixFactory) -> None:
    # meson-python's editable wheels bring a `direct_url.json`; pip writes its own over it, and lists both.
    info = make.pip_dist("mine", files={"mine-1.0.dist-info/direct_url.json": "meson-python's", "other.py": "x"})
    meson_row, other, *rest = (info / "RECORD").read_text().splitlines()
    pips = make.pip_dist("pips", files={"mine-1.0.dist-info/direct_url.json": "pip's"}) / "RECORD"
    pip_row = pips.read_text().splitlines()[0]
    pips.write_text("")
    for rows in ((pip_row, meson_row), (meson_row, pip_row)):
        (info / "RECORD").write_text("\n".join([*rows, other, other, *rest, ""]))
        assert [item for item in findings(make) if item.subject == "mine"] == []
    make.write(f"{SITE}/mine-1.0.dist-info/direct_url.json", "nobody's")
    make.write(f"{SITE}/other.py", "y")
    (found,) = [item for item in findings(make) if item.subject == "mine"]
    assert found.paths == (f"{SITE}/mine-1.0.dist-info/direct_url.json", f"{SITE}/other.py")


def test_a_hash_may_be_written_in_several_ways(make: PrefixFactory) -> None:
    info = make.pip_dist("mine", files={"a.py": "x", "b.py": "x", "c.py": "x"})
    rows = (info / "RECORD").read_text().splitlines()
    path, written, size = rows[0].split(",")
    rows[0] = f"{path},{written}=,{size}"  # padded
    rows[1] = f'"{rows[1].partition(",")[0]}",{written},{size}'  # quoted: no plain RECORD
    (info / "RECORD").write_text("\n".join([*rows, ""]))
    assert findings(make) == ()
    make.write(f"{SITE}/a.py", "y")
    make.write(f"{SITE}/b.py", "y")
    assert [(item.code, item.paths) for item in findings(make)] == [("PS220", (f"{SITE}/a.py", f"{SITE}/b.py"))]


def cached(make: PrefixFactory, tmp_path: Path, *, noarch: bool) -> tuple[Path, Path]:
    """A file that is one with the package cache's, and where both are."""
    path = f"{SITE}/foo.py" if noarch else "lib/foo.so"
    inner = "site-packages/foo.py" if noarch else path
    cache = tmp_path / "pkgs/foo-1.0-h0_0"
    make.record("foo", "1.0", {path: "as built"}, extracted_package_dir=str(cache), noarch="python" if noarch else None)
    (cache / inner).parent.mkdir(parents=True)
    os.link(make.root / path, cache / inner)
    return make.root / path, cache / inner


@pytest.mark.parametrize("noarch", [True, False])
def test_edit_in_place_reaches_the_package_cache_and_other_environments(
    make: PrefixFactory, tmp_path: Path, noarch: bool
) -> None:
    file, inner = cached(make, tmp_path, noarch=noarch)
    relative = file.relative_to(make.root)
    other, apart = tmp_path / "other", tmp_path / "apart"
    for root in (other, apart):
        (root / relative).parent.mkdir(parents=True)
    os.link(file, other / relative)
    (apart / relative).write_text("as built")
    assert findings(make, other, apart) == ()
    file.write_text("edited")
    (finding,) = findings(make, other, apart, make.root)
    assert (finding.code, finding.severity) == ("PS121", "error")
    assert finding.facts["shared_with"] == {str(relative): [str(inner), str(other / relative)]}
    assert finding.fixes[0] == f"First have conda unpack it anew: rm -r {tmp_path}/pkgs/foo-1.0-h0_0"


def test_edit_by_replacing_the_file_reaches_nobody(make: PrefixFactory, tmp_path: Path) -> None:
    file, _ = cached(make, tmp_path, noarch=False)
    file.unlink()
    file.write_text("edited")
    assert [item.code for item in findings(make)] == ["PS120"]


def test_command_that_calls_something_else(make: PrefixFactory) -> None:
    text = "#!/bin/sh\nfrom tool import {}\nsys.exit(main())\n"
    files = {"tool.py": "", "../../../bin/tool": text.format("main"),
             "tool-1.0.dist-info/entry_points.txt": "[console_scripts]\ntool = tool:main\n"}  # fmt: skip
    make.pip_dist("tool", files=files)
    assert findings(make) == ()
    make.write("bin/tool", text.format("other"))
    (finding,) = findings(make)
    assert (finding.code, finding.paths) == ("PS220", ("bin/tool",))


def conda_command(make: PrefixFactory, calls: str, **more: Any) -> Path:  # noqa: ANN401 - any field of a record
    """conda's command `tool`, which `tool` declares as `tool:main`, and its record of an hour ago."""
    info = f"{SITE}/tool-1.0.dist-info"
    files = {
        "bin/tool": f"#!{make.root}/bin/python\nfrom {calls} import main\nsys.exit(main())\n",
        f"{info}/METADATA": "Name: tool\nVersion: 1.0\n",
        f"{info}/INSTALLER": "conda\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntool = tool:main\n",
    }
    facts = [{"_path": path, **({"path_type": "unix_python_entry_point"} if "bin" in path else {})} for path in files]
    record = make.record("tool", "1.0", files, paths_data={"paths": facts}, **more)
    os.utime(record, (time.time() - 3600,) * 2)
    return record


@pytest.mark.parametrize(("calls", "expected"), [("tool", []), ("other", [("PS120", ("bin/tool",))])])
def test_command_of_conda_that_calls_something_else(
    make: PrefixFactory, calls: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    conda_command(make, calls)
    assert [(item.code, item.paths) for item in findings(make)] == expected


def test_command_that_conda_itself_wrote_otherwise_than_its_metadata_has_it(make: PrefixFactory) -> None:
    """As old as the record: conda-build's recipe says what is called."""
    record = conda_command(make, "other")
    os.utime(make.root / "bin/tool", (record.stat().st_mtime,) * 2)
    assert findings(make) == ()


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ('{"noarch": {"type": "python", "entry_points": ["tool = other:main", 7]}}', False),
        ('{"noarch": {"type": "python", "entry_points": ["tool = third:main"]}}', True),
        ('{"noarch": {"type": "python", "entry_points": "tool = other:main"}}', True),
        ('{"noarch": "python"}', True),
        ("[]", True),
        ("{", True),
        (None, True),
    ],
)
def test_what_conda_was_asked_to_write_stands_in_its_package(
    make: PrefixFactory, tmp_path: Path, link: str | None, told: bool
) -> None:
    if link is not None:
        (tmp_path / "tool-1.0-0/info").mkdir(parents=True)
        (tmp_path / "tool-1.0-0/info/link.json").write_text(link)
    conda_command(make, "other", extracted_package_dir=str(tmp_path / "tool-1.0-0"))
    assert [item.paths for item in findings(make)] == ([("bin/tool",)] if told else [])


def test_a_distribution_without_a_list_has_nothing_to_compare(make: PrefixFactory) -> None:
    info = make.pip_dist("mine", files={"mine.py": "x"})
    looked = look(make).hashed
    (info / "RECORD").unlink()
    make.write(f"{SITE}/mine.py", "y")
    assert (look(make).findings, look(make).hashed) == ((), looked - 3)


def test_files_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder, as_nobody(folder):
        make = PrefixFactory(Path(folder, "my env"))
        make.record("foo", "1.0", {"lib/foo.so": "a"})
        make.pip_dist("mine", files={"mine.py": "x"})
        assert findings(make) == ()
        for path in ("lib/foo.so", f"{SITE}/mine.py"):
            (make.root / path).chmod(0)
        mine, foo = findings(make)
    assert (mine.code, mine.subject, mine.paths) == ("PS901", "mine", (f"{SITE}/mine.py",))
    assert (foo.code, foo.subject, foo.paths) == ("PS901", "foo", ("lib/foo.so",))
    assert mine.message == "1 file of pip's mine 1.0 cannot be read: Permission denied."
    assert foo.message == "1 file of conda's foo 1.0 cannot be read: Permission denied."
    assert foo.fixes == (f"chmod u+r '{folder}/my env/lib/foo.so'",)


class TestRelocated:
    """An environment that was moved has its new path where the package has a placeholder."""

    PLACE = "/opt/" + 24 * "placehold_"

    def record(self, make: PrefixFactory, packaged: bytes, here: bytes, **entry: object) -> None:
        make.record("foo", "1.0", {"lib/foo": ""}, paths_data={"paths": [{
            "_path": "lib/foo", "path_type": "hardlink", "prefix_placeholder": self.PLACE,
            "sha256": hashlib.sha256(packaged.replace(b"PLACE", self.PLACE.encode())).hexdigest(),
            "sha256_in_prefix": hashlib.sha256(b"where it was before").hexdigest(), **entry,
        }]})  # fmt: skip
        make.write("lib/foo", here.replace(b"HERE", bytes(make.root)))

    @pytest.mark.parametrize(
        ("here", "told"), [(b"root = HERE\n", False), (b"root = HERE/else\n", True), (b"root = /there\n", True)]
    )
    def test_text(self, make: PrefixFactory, here: bytes, told: bool) -> None:
        self.record(make, b"root = PLACE\n", here)
        assert bool(findings(make)) is told

    @pytest.mark.parametrize("edited", [False, True])
    def test_binary(self, make: PrefixFactory, edited: bool) -> None:
        lost = len(self.PLACE) - len(str(make.root))
        assert lost > 0
        here = b"\x7fELF HERE/lib:HERE/share\0" + b"\0" * 2 * lost + (b"less" if edited else b"more")
        self.record(make, b"\x7fELF PLACE/lib:PLACE/share\0more", here, file_mode="binary")
        assert bool(findings(make)) is edited

    def test_binary_with_less_room_than_conda_leaves(self, make: PrefixFactory) -> None:
        self.record(make, b"\x7fELF PLACE/lib\0more", b"\x7fELF HERE/lib\0more", file_mode="binary")
        assert [item.code for item in findings(make)] == ["PS120"]

    def test_a_path_for_which_no_package_has_room(self, make: PrefixFactory) -> None:
        self.record(make, b"\x7fELF /p\0", b"\x7fELF HERE\0", file_mode="binary", prefix_placeholder="/p")
        assert [item.code for item in findings(make)] == ["PS120"]

    @pytest.mark.parametrize("sha256", [{}, {"sha256": None}])
    def test_no_file_any_more(self, make: PrefixFactory, sha256: dict[str, None]) -> None:
        self.record(make, b"", b"", **sha256)
        (make.root / "lib/foo").unlink()
        (make.root / "lib/foo").mkdir()
        assert [(item.code, item.facts["sha256"]) for item in findings(make)] == [("PS120", {"lib/foo": "not a file"})]

    def test_a_record_whose_lists_differ(self, make: PrefixFactory) -> None:
        self.record(make, b"root = PLACE\n", b"root = HERE\n")
        (file,) = (make.root / "conda-meta").glob("foo-*.json")
        file.write_text(json.dumps({**json.loads(file.read_text()), "files": ["lib/foo", "lib/bar"]}))
        make.write("lib/bar")
        assert [item.paths for item in findings(make)] == [("lib/foo",)]


def test_on_macos_binaries_that_were_signed_anew_are_left_out(
    make: PrefixFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make.record("foo", "1.0", {"lib/foo.dylib": "a", "lib/bar.dylib": "b"})
    data = json.loads(record.read_text())
    data["paths_data"]["paths"][0]["prefix_placeholder"] = "/placeholder"
    record.write_text(json.dumps(data))
    make.write("lib/foo.dylib", "signed")
    assert len(findings(make)) == 1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert findings(make) == ()


def test_deep_as_a_user_runs_it(make: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    make.record("foo", "1.0", {"lib/foo.so": "a"})
    make.write("lib/foo.so", "b")
    words = ["audit", "--json", "-p", str(make.root)]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words, "--deep"]) == 3
    value: Any = json.loads(capsys.readouterr().out)
    assert [item["code"] for item in value["findings"]] == ["PS120"]
    assert value["summary"]["checks"][-1] == "deep"
    assert value["summary"]["hashed"] == 2
    assert main([*words, "--imports", "--import-limit", "0"]) == 2


def test_progress_is_drawn_for_a_terminal_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        line = ProgressLine("hashing")
        line(0, 0)
        line(500, 1000)
        line(501, 1000)  # too soon to draw again
        line.end()
        line.end()
        text = stream.getvalue()
        assert ("hashing [###############...............] 500 of 1,000 files" in text) == drawn
        assert text.count("500") == int(drawn)
        assert text.endswith(" \r") == drawn


def test_progress_counts_to_the_end(make: PrefixFactory) -> None:
    make.record("foo", "1.0", {f"lib/{number}": str(number) for number in range(300)})
    seen: list[tuple[int, int]] = []
    deep(AuditContext(read_snapshot(str(make.root))), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 301)
    assert seen[-1] == (301, 301)


def broken_imports(prefix: Path, limit: float) -> dict[str, str]:
    context = AuditContext(read_snapshot(str(prefix)))
    return {item.facts["module"]: item.facts["error"] for item in import_all(context, limit)}


@pytest.mark.damage("PS520", by_hand="modules that die and hang")
def test_imports(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    assert broken_imports(prefix, 60) == {}
    site = next(prefix.glob("lib/python3.*/site-packages"))
    modules = {
        "noisy": 'print(\'["noisy", "x"]\')',
        "absent": "import not_there",
        "dies": "import os; os._exit(3)",
        "exits": "raise SystemExit(1)",
        "hangs": "import time; time.sleep(99)",
        "zlast": "import also_not_there",
    }
    info = site / "made-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata("made", "1.0"))
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)
    names = [
        "_private.py",
        "tests/__init__.py",
        "made/deep/mod.py",
        "gone.py",
        "data.txt",
        *(f"{name}.py" for name in modules),
    ]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    found = broken_imports(prefix, 2)
    assert found == {
        "absent": "ModuleNotFoundError: No module named 'not_there'",
        "dies": "Python died (exit code 3)",
        "exits": "SystemExit: 1",
        "hangs": "no answer in 2 s",
        "zlast": "ModuleNotFoundError: No module named 'also_not_there'",
    }
    assert main(["audit", "-p", str(prefix), "--imports", "--select", "PS520", "--import-limit", "2"]) == 3


def test_imports_that_need_an_extra_or_a_process_of_their_own(make_env: MakeEnv, tmp_path: Path) -> None:
    """As black's `blackd`, and setuptools where something imported distutils before."""
    prefix = make_env("pip")
    modules = {
        "first.py": "",
        "optional.py": "import gamma",
        "proud.py": "import sys\nassert 'first' not in sys.modules\n",
        "zneeds.py": "import zeta",
    }
    spec = WheelSpec("made", "1.0", modules, requires_dist=["zeta"], extras={"more": ["gamma>=1"]})
    pip(prefix, "install", "--no-deps", write_wheel(spec, tmp_path)).ok()
    found = import_all(AuditContext(read_snapshot(str(prefix))), 60)
    assert [(item.facts["module"], item.severity) for item in found] == [("optional", "note"), ("zneeds", "warning")]


def test_imports_without_a_python(make: PrefixFactory) -> None:
    make.pip_dist("mine")
    (found,) = broken_imports(make.root, 5).values()
    assert found.startswith("the environment's Python does not run")
