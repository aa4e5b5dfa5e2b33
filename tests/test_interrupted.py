"""conda fails, rolls back or is killed in a transaction: no hook runs at its end, and yet nothing is lost to view."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageFile, PackageSpec
from conda_pipsafe.ledger import PENDING
from conda_pipsafe.ledger.pending import read_pending, write_pending
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.prefix.files import MIB
from conftest import MakeEnv
from support.driving import Driver
from support.running import Finished, pip, run

# bash reads them with `.`, after the packages' files are linked: `$PPID` is conda.
SCRIPTS = {"failing": "exit 1\n", "killing": "kill -9 $PPID\n", "harmless": "exit 0\n"}


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Packages whose post-link script fails, or kills conda."""
    made = Channel(tmp_path_factory.mktemp("bombs"))
    made.add_all(
        PackageSpec(
            name=name,
            version="1.0",
            noarch="generic",
            files={f"bin/.{name}-post-link.sh": PackageFile(text.encode(), executable=True)},
        )
        for name, text in SCRIPTS.items()
    )
    return made


@pytest.fixture
def over_pip(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0, in an environment without conda's."""
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


def pipsafe(*words: str | Path) -> Finished:
    return run(sys.executable, "-m", "conda_pipsafe", *words)


def imports(prefix: Path) -> bool:
    done = run(prefix / "bin/python", "-c", "import alpha; alpha.__version__")
    return done.returncode == 0


def conda_events(prefix: Path) -> list[dict[str, object]]:
    return [dict(event.data) for event in open_ledger(str(prefix)).events() if event.kind == "conda"]


@pytest.mark.parametrize(("name", "code"), [("failing", 1), ("killing", -9)])
@pytest.mark.parametrize("then", ["conda list", "conda install", "pipsafe audit", "pipsafe history"])
def test_what_was_lost_is_told_at_the_next_look(
    driver: Driver, over_pip: Path, bombs: Channel, channel: Channel, name: str, code: int, then: str
) -> None:
    words: list[str | Path] = ["install", "-y", "-p", over_pip, "-c", bombs.url, "-c", channel.url, "alpha=1.0", name]
    # Before 25.5 conda shows no transaction: what is foreseen of it is what is known when the solver is done.
    driver.run(*words, "--download-only").ok()
    done = driver.run(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "conda-pipsafe: what" not in done.stderr
    assert (over_pip / PENDING).exists()
    tool, command = then.split()

    def look() -> Finished:
        if tool == "pipsafe":
            return pipsafe(command, "-p", over_pip)
        return driver.run(command, "-p", over_pip, *(["-y", "zeta"] if command == "install" else []))

    told = look()
    assert told.stderr.count("conda-pipsafe: what `conda install` of 2") == 1, told.stderr
    assert "which did not come to its end, did to Python packages in" in told.stderr
    assert "alpha 2.0 (installed by pip): conda" in told.stderr
    assert "please report it" not in told.stderr
    if name == "failing":
        assert not imports(over_pip), "the rollback deleted what it had written over"
        assert f'{over_pip}/bin/python -m pip install --force-reinstall --no-deps "alpha==2.0"' in told.stderr
    events = conda_events(over_pip)
    assert len(events) == 1
    assert "unfinished_since" in events[0]
    assert not (over_pip / PENDING).exists()
    assert "did not come to its end" not in look().stderr, "told once"


def test_the_way_back_after_a_rollback(
    driver: Driver, over_pip: Path, bombs: Channel, channel: Channel, wheelhouse: Path
) -> None:
    driver.run("install", "-y", "-p", over_pip, "-c", bombs.url, "-c", channel.url, "alpha=1.0", "failing")
    assert pipsafe("audit", "-p", over_pip).returncode == 3
    pip(over_pip, "install", "--find-links", wheelhouse, "--force-reinstall", "--no-deps", "alpha==2.0").ok()
    assert imports(over_pip)
    assert pipsafe("audit", "-p", over_pip).returncode == 0


def test_a_failure_that_touches_nothing_of_pip_s_is_no_news(
    driver: Driver, over_pip: Path, bombs: Channel, channel: Channel
) -> None:
    done = driver.run("install", "-y", "-p", over_pip, "-c", bombs.url, "-c", channel.url, "failing")
    assert done.returncode == 1
    then = driver.run("list", "-p", over_pip).ok()
    assert "conda-pipsafe" not in then.stderr
    assert not (over_pip / PENDING).exists()
    assert conda_events(over_pip) == []


def test_conda_s_own_refusal_is_no_news(driver: Driver, over_pip: Path) -> None:
    """`path_conflict: prevent` ends the command after our last look and before anything is written."""
    done = driver.run("install", "-y", "-p", over_pip, "alpha=1.0", env={"CONDA_PATH_CONFLICT": "prevent"})
    assert done.returncode == 1
    assert imports(over_pip)
    then = driver.run("list", "-p", over_pip).ok()
    assert "conda-pipsafe" not in then.stderr
    assert conda_events(over_pip) == []


@pytest.mark.parametrize("end", ["refused", "rolled back"])
def test_what_pip_put_back_since_is_no_news(
    driver: Driver, over_pip: Path, bombs: Channel, channel: Channel, wheelhouse: Path, end: str
) -> None:
    """It is pip that wrote the files last, whatever conda had in mind for them."""
    words: list[str | Path] = ["install", "-y", "-p", over_pip, "-c", bombs.url, "-c", channel.url, "alpha=1.0"]
    driver.run(*words, "--download-only").ok()
    if end == "refused":
        assert driver.run(*words, env={"CONDA_PATH_CONFLICT": "prevent"}).returncode == 1
    else:
        assert driver.run(*words, "failing").returncode == 1
    assert (over_pip / PENDING).exists()
    pip(over_pip, "install", "--find-links", wheelhouse, "--force-reinstall", "--no-deps", "alpha==2.0").ok()
    assert "did to Python packages" not in driver.run("list", "-p", over_pip).ok().stderr
    assert conda_events(over_pip) == []


def test_a_post_link_script_that_works_is_no_failure(
    driver: Driver, over_pip: Path, bombs: Channel, channel: Channel
) -> None:
    done = driver.run("install", "-y", "-p", over_pip, "-c", bombs.url, "-c", channel.url, "alpha=1.0", "harmless")
    assert done.ok().stderr.count("conda-pipsafe: what `conda install` did") == 1
    assert not (over_pip / PENDING).exists()
    assert "unfinished_since" not in conda_events(over_pip)[0]


class TestPending:
    """The note itself."""

    @pytest.fixture
    def prefix(self, tmp_path: Path) -> str:
        (tmp_path / "conda-meta").mkdir()
        return str(tmp_path)

    def test_one_of_a_running_command_is_left_alone(self, prefix: str) -> None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            assert write_pending(prefix, "install", "2026-01-01T00:00:00Z", {})
            note = Path(prefix, PENDING)
            value = json.loads(note.read_text())
            note.write_text(json.dumps({**value, "pid": other.pid}))
            assert read_pending(prefix) is None
            assert note.exists()
            other.communicate(b"\n")
        pending = read_pending(prefix)
        assert pending is not None
        assert pending["command"] == "install"

    def test_one_whose_number_another_user_s_process_has_is_left_alone(self, prefix: str) -> None:
        assert write_pending(prefix, "install", "2026-01-01T00:00:00Z", {})
        note = Path(prefix, PENDING)
        note.write_text(json.dumps({**json.loads(note.read_text()), "pid": 1}))
        assert read_pending(prefix) is None
        assert note.exists()

    def test_where_it_cannot_be_kept_the_command_goes_on(self, prefix: str) -> None:
        assert not write_pending(prefix, "install", "2026-01-01T00:00:00Z", {"large": "x" * 64 * MIB})
        Path(prefix, "conda-meta/pipsafe").write_text("in the way")
        assert not write_pending(prefix, "install", "2026-01-01T00:00:00Z", {})
        assert read_pending(prefix) is None

    @pytest.mark.parametrize(
        "text",
        [
            "", "[]", '{"v": 99}', "not JSON", '{"v": 1, "baseline": {}, "pid": 0}',
            f'{{"v": 1, "baseline": {{}}, "pid": {2**80}}}',
            '{"v": 1, "baseline": {"prefix": "", "python": null, "site": null, "watched": [], "stamps": []}}',
        ],
    )  # fmt: skip
    def test_one_that_cannot_be_read_stops_nobody(self, make_env: MakeEnv, text: str) -> None:
        prefix = make_env("python")
        (prefix / PENDING).parent.mkdir(parents=True, exist_ok=True)
        (prefix / PENDING).write_text(text)
        assert pipsafe("audit", "-p", prefix).returncode == 0
