"""An install that does not end leaves the prefix as it was: on files, and with a real pip killed at many moments."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.gate import write_end
from conda_pipsafe.installer.journal import JOURNAL, KEPT, Changes, Journal, begin, forget, read_journal
from conda_pipsafe.installer.undo import put_back
from conda_pipsafe.ledger.folder import LedgerError
from conftest import MakeEnv
from support.prefixes import SITE, PrefixFactory
from support.states import contents, wait_for

Capture = pytest.CaptureFixture[str]
DEAD = 2**22 + 1  # above Linux's largest process number


def begun(prefix: Path, changes: Changes, pid: int = DEAD) -> Journal:
    begin(str(prefix), changes, command="c", user="u", pip=pid)
    journal = read_journal(str(prefix))
    assert journal is not None
    return journal


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    factory = PrefixFactory(tmp_path / "env")
    factory.pip_dist("old", "1.0", {"old/__init__.py": "1", "old/deep/m.py": "1", "single.py": "1"})
    factory.write(f"{SITE}/easy-install.pth", "/a\n")
    (tmp_path / "env" / SITE / "old/link").symlink_to("__init__.py")
    os.chmod(tmp_path / "env" / SITE / "old/deep", 0o750)  # noqa: S103 - a mode of its own
    return tmp_path / "env"


def changes(prefix: Path) -> Changes:
    replaced = sorted(
        str(path.relative_to(prefix)) for path in (prefix / SITE).rglob("*") if path.is_symlink() or not path.is_dir()
    )
    written = (f"{SITE}/new.py", "share/new/d.txt", f"{SITE}/old/more.py")
    stashes: dict[str, tuple[str, ...]] = {SITE: ("~before",)}
    return Changes(tuple(replaced), written, (f"{SITE}/new", "share"), stashes)


def harm_nothing(_: Path) -> None:
    pass


def harm_replaced(prefix: Path) -> None:
    for name in ("old/__init__.py", "single.py"):
        (prefix / SITE / name).unlink()
        (prefix / SITE / name).write_text("2")


def harm_removed(prefix: Path) -> None:
    import shutil

    shutil.rmtree(prefix / SITE / "old")
    shutil.rmtree(prefix / SITE / "old-1.0.dist-info")


def harm_written(prefix: Path) -> None:
    for name in (f"{SITE}/new.py", f"{SITE}/new/sub/x.py", f"{SITE}/new/__pycache__/x.pyc", "share/new/d.txt",
                 f"{SITE}/old/more.py", f"{SITE}/~ld/x.py", f"{SITE}/~ingle.py",
                 f"{SITE}/old-1.0.dist-info/RECORDabc.tmp"):  # fmt: skip
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text("new")


def harm_in_place(prefix: Path) -> None:
    with open(prefix / SITE / "easy-install.pth", "a") as file:
        file.write("/b\n")


def harm_by_a_folder(prefix: Path) -> None:
    (prefix / SITE / "single.py").unlink()
    (prefix / SITE / "single.py").mkdir()
    (prefix / SITE / "single.py" / "x").write_text("x")


HARMS = [harm_nothing, harm_replaced, harm_removed, harm_written, harm_in_place, harm_by_a_folder]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("links", [True, False])
def test_what_was_changed_is_put_back(prefix: Path, harm: Callable[[Path], None], links: bool) -> None:
    before = contents(prefix)
    journal = begun(prefix, changes(prefix))
    if not links:  # as on a filesystem that has none
        for copy in (prefix / KEPT).iterdir():
            if not copy.is_symlink():
                data, info = copy.read_bytes(), copy.stat()
                copy.unlink()
                copy.write_bytes(data)
                os.utime(copy, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert contents(prefix) == before
    harm(prefix)
    assert put_back(journal) == []
    assert contents(prefix) == before
    assert not (prefix / JOURNAL).exists()
    assert not (prefix / KEPT).exists()


def test_someone_elses_file_beside_ours_stays(prefix: Path) -> None:
    journal = begun(prefix, changes(prefix))
    (prefix / "share/new").mkdir(parents=True)
    (prefix / "share/new/d.txt").write_text("ours")
    (prefix / "share/new/theirs.txt").write_text("theirs")
    (prefix / SITE / "~before").mkdir()
    (prefix / SITE / "another.py").write_text("theirs")
    put_back(journal)
    assert not (prefix / "share/new/d.txt").exists()
    assert (prefix / "share/new/theirs.txt").exists()
    assert (prefix / SITE / "~before").exists()
    assert (prefix / SITE / "another.py").exists()


def test_a_folder_in_the_way_of_a_planned_file_is_not_ours_to_remove(prefix: Path) -> None:
    (prefix / "lib" / "taken").mkdir()
    before = contents(prefix)
    assert put_back(begun(prefix, Changes((), ("lib/taken",), (), {}))) == []
    assert contents(prefix) == before
    assert read_journal(str(prefix)) is None


def test_putting_back_can_be_cut_off_and_begun_again(prefix: Path) -> None:
    before = contents(prefix)
    journal = begun(prefix, changes(prefix))
    harm_removed(prefix)
    harm_written(prefix)
    child = os.fork()
    if child == 0:
        left = [3]

        def cut_off(event: str, _: object) -> None:
            left[0] -= event == "os.rename"
            if not left[0]:
                os._exit(9)

        sys.addaudithook(cut_off)
        put_back(journal)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert contents(prefix) != before
    again = read_journal(str(prefix))
    assert again is not None
    assert put_back(again) == []
    assert contents(prefix) == before


def test_what_cannot_be_put_back_is_said_and_the_journal_stays(prefix: Path) -> None:
    journal = begun(prefix, changes(prefix))
    harm_replaced(prefix)
    number = journal.changes.replaced.index(f"{SITE}/single.py")
    (prefix / KEPT / str(number)).unlink()
    failed = put_back(journal)
    assert failed == [f"{SITE}/single.py: {os.strerror(errno.ENOENT)}"]
    assert (prefix / JOURNAL).exists()


def test_two_installs_at_once(prefix: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        path = prefix / JOURNAL
        begin(str(prefix), changes(prefix), command="first", user=None, pip=other.pid)
        value = json.loads(path.read_text())
        value["processes"] = value["processes"][1:]
        path.write_text(json.dumps(value))
        journal = read_journal(str(prefix))
        assert journal is not None
        assert journal.running == other.pid
        with pytest.raises(PipsafeError, match=f"process {other.pid}"):
            begin(str(prefix), changes(prefix), command="second", user=None, pip=DEAD)
        # Another process that has the number by now.
        value["processes"][0][1] = "1"
        path.write_text(json.dumps(value))
        reused = read_journal(str(prefix))
        assert reused is not None
        assert reused.running is None
        other.kill()


@pytest.mark.parametrize("damage", ["", "{}", "[]", "path"])
def test_a_journal_that_cannot_be_read_or_leads_out_is_none(prefix: Path, damage: str) -> None:
    begun(prefix, changes(prefix))
    text = (prefix / JOURNAL).read_text()
    (prefix / JOURNAL).write_text(text.replace(f"{SITE}/new.py", "../../precious") if damage == "path" else damage)
    assert read_journal(str(prefix)) is None
    forget(str(prefix))
    assert not (prefix / JOURNAL).exists()


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only /proc tells a dead process that nobody asked about"
)
def test_a_dead_process_that_nobody_has_asked_about_does_not_work_on_it(prefix: Path) -> None:
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    begin(str(prefix), changes(prefix), command="c", user="u", pip=child)
    journal = read_journal(str(prefix))
    assert journal is not None
    assert wait_for(lambda: replace(journal, processes=journal.processes[1:]).running is None)
    os.waitpid(child, 0)


def test_where_nothing_can_be_kept_nothing_begins(prefix: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be kept"):
        begin(str(prefix), Changes(("no/such",), (), (), {}), command="c", user=None, pip=DEAD)
    assert not (prefix / JOURNAL).exists()
    assert not (prefix / KEPT).exists()


# --- with a real pip -------------------------------------------------------------------------------------------------

FILES = 2000


def wide(version: str, files: int = FILES, more: dict[str, str | bytes] | None = None) -> WheelSpec:
    """A wheel that takes pip a while: many files, some data, a script."""
    modules: dict[str, str | bytes] = {"wide/__init__.py": f"V = {version!r}\n", f"only_{version[0]}.py": ""}
    modules |= {f"wide/p{number % 20}/m{number}.py": f"X = {version!r}\n" for number in range(files)}
    return WheelSpec(
        "wide", version, {**modules, **(more or {})}, data={f"share/wide/{version}.txt": version},
        console_scripts=["wide-cli = wide:main"],
    )  # fmt: skip


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_ROOT_USER_ACTION": "ignore",
                "PIP_NO_COMPILE": "1", "HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path)}  # fmt: skip
    for name in set(os.environ) - set(clean_environment(settings)):
        monkeypatch.delenv(name)
    for name, value in clean_environment(settings).items():
        monkeypatch.setenv(name, value)
    return folder


def install(prefix: Path, *words: str) -> int:
    return main(["install", "-p", str(prefix), *words])


def started(prefix: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "conda_pipsafe", "install", "-p", str(prefix), *words]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def last_event(prefix: Path) -> dict[str, object]:
    lines = (prefix / "conda-meta/pipsafe/ledger.jsonl").read_text().splitlines()
    value: dict[str, object] = json.loads(lines[-1])
    return value


def pip_of(prefix: Path) -> int:
    journal = read_journal(str(prefix))
    assert journal is not None
    return journal.processes[1][0]


@pytest.mark.slow
@pytest.mark.parametrize("who", ["pip", "both", "ctrl-c", "term"])
@pytest.mark.parametrize("version", ["fresh", "upgrade"])
def test_killed_in_the_middle(make_env: MakeEnv, wheels: Path, who: str, version: str) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    if version == "upgrade":
        write_wheel(wide("1.0", 60), wheels)
        assert install(prefix, "wide") == 0
    write_wheel(wide("2.0"), wheels)
    before = contents(prefix)
    for delay in (0.0, 0.1):
        assert killed(prefix, who, delay) == {"pip": 1, "both": -9, "ctrl-c": 130, "term": 143}[who]
        if who == "both":
            assert (prefix / JOURNAL).exists()
            assert install(prefix, "--dry-run", "alpha") == 0
        assert not (prefix / JOURNAL).exists()
        assert not (prefix / KEPT).exists()
        assert contents(prefix) == before
        assert last_event(prefix)["kind"] == "failed"
        assert last_event(prefix)["data"]["put_back"] is True  # type: ignore[index]


def test_when_we_are_killed_pip_ends_its_work_and_the_next_command_records_it(make_env: MakeEnv, wheels: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    write_wheel(wide("2.0"), wheels)
    assert killed(prefix, "us", 0.02) == -9
    assert read_journal(str(prefix)) is not None
    assert install(prefix, "--dry-run", "alpha") == 0
    event = last_event(prefix)
    assert (event["kind"], event["how"], event["command"]) == ("installed", "recorded", "pipsafe install wide==2.0")
    assert not (prefix / JOURNAL).exists()


def test_an_audit_of_several_finishes_it_too_and_says_where(prefix: Path, capfd: Capture) -> None:
    begin(str(prefix), changes(prefix), command="pipsafe install x", user="u", pip=DEAD)
    (prefix / SITE / "new.py").write_text("half")
    path = prefix / JOURNAL
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "processes": [[DEAD, None]]}))
    (prefix / "conda-meta" / "history").touch()
    assert main(["audit", "--below", str(prefix.parent)]) in {0, 3}
    err = capfd.readouterr().err
    assert f"into {prefix} was cut off (pipsafe install x); what it had changed was put back" in err
    assert not path.exists()
    assert not (prefix / SITE / "new.py").exists()
    main(["audit", "--below", str(prefix.parent)])
    assert "cut off" not in capfd.readouterr().err


def test_killed_before_pip_writes_nothing_happens(make_env: MakeEnv, wheels: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    write_wheel(wide("2.0"), wheels)
    before = contents(prefix)
    for delay in (0.3, 0.6, 0.9):
        with started(prefix, "wide==2.0", "--dry-run") as child:
            time.sleep(delay)
            child.kill()
            child.communicate(timeout=60)
        assert contents(prefix) == before


def killed(prefix: Path, who: str, delay: float) -> int:
    """Begin an install, kill one or both while pip writes; return our exit code."""
    site = next(prefix.glob("lib/python3*/site-packages"))
    names = set(os.listdir(site))
    with started(prefix, "wide==2.0") as child:
        assert wait_for(lambda: set(os.listdir(site)) != names or child.poll() is not None)
        time.sleep(delay)
        pip = pip_of(prefix)
        signals = {"pip": (), "ctrl-c": (signal.SIGINT,), "term": (signal.SIGTERM,)}
        for number in signals.get(who, (signal.SIGKILL,)):
            child.send_signal(number)
        if who in {"pip", "both"}:
            os.kill(pip, signal.SIGKILL)
        _, err = child.communicate(timeout=120)
        assert wait_for(lambda: not os.path.exists(f"/proc/{pip}"))
    assert (who in {"both", "us"}) or "the environment is as it was before" in err, err
    return child.returncode


@pytest.mark.parametrize("command", ["list", "audit", "history", "status"])
def test_who_looks_next_is_told_once(make_env: MakeEnv, wheels: Path, command: str, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    write_wheel(wide("2.0"), wheels)
    before = contents(prefix)
    assert killed(prefix, "both", 0.02) == -9
    assert main([command, "-p", str(prefix)]) == 0
    out, err = capfd.readouterr()
    assert err.count("was cut off (pipsafe install wide==2.0); what it had changed was put back") == 1
    assert "put back" not in out or command == "history"
    assert contents(prefix) == before
    assert main([command, "-p", str(prefix)]) == 0
    assert "cut off" not in capfd.readouterr().err
    assert main(["history", "-p", str(prefix)]) == 0
    assert (
        "failed      an install of wide==2.0 did not end well; what it had changed was put back"
        in capfd.readouterr().out
    )


def test_no_space(make_env: MakeEnv, wheels: Path) -> None:
    """The limit on a file's size stands for a full disk: a write fails in the middle of the install."""
    prefix = make_env("python", "pip")
    write_wheel(wide("1.0", 20), wheels)
    assert install(prefix, "wide") == 0
    write_wheel(wide("2.0", 20, {"wide/zz.bin": b"\0" * 5_000_000}), wheels)
    before = contents(prefix)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000));"
        "from conda_pipsafe.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "install", "-p", str(prefix), "wide==2.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert os.strerror(errno.EFBIG) in done.stderr
    assert "the environment is as it was before" in done.stderr
    assert contents(prefix) == before
    assert install(prefix, "wide==2.0") == 0
    assert (next(prefix.glob("lib/python3*/site-packages")) / "only_2.py").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_no_space_for_the_note_of_the_end_is_no_error_of_its_own(tmp_path: Path) -> None:
    write_end("/dev/full", 1)
    write_end(str(tmp_path / "gone" / "ended"), 1)
    write_end(str(tmp_path / "ended"), 7)
    assert (tmp_path / "ended").read_text() == "7"


def test_a_second_package_that_fails_takes_the_first_back(make_env: MakeEnv, wheels: Path) -> None:
    prefix = make_env("python", "pip")
    write_wheel(WheelSpec("first", "1.0", {"first.py": ""}), wheels)
    # A module where the other one has a folder of that name.
    write_wheel(WheelSpec("wrong", "1.0", {"first.py/x.py": ""}, requires_dist=["first"]), wheels)
    before = contents(prefix)
    assert install(prefix, "wrong") == 1
    assert contents(prefix) == before
