"""Fixtures: a hermetic channel, environments from it, and a conda to drive."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import conda_environment, create_with_rattler, find_conda
from conda_pipsafe.demo.overlay import build_overlay
from conda_pipsafe.demo.python_package import ask_interpreter
from support.channel_cache import cached_channel, second_interpreter
from support.driving import Driver, Server
from support.packages import write_wheelhouse
from support.real_damage import conda_packages as rival_packages
from support.real_damage import write_wheels
from support.running import Conda, run

CHECKOUT = Path(__file__).resolve().parent.parent

MakeEnv = Callable[..., Path]

_conda_version = pytest.StashKey[str | None]()
_conda_ran = pytest.StashKey[list[str]]()
_exit_code = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Look for a conda once; and have Ctrl-C back, which a shell takes from what it starts in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    executable = find_conda()
    version = None
    if executable is not None:
        done = run(executable, "--version")
        version = done.stdout.strip() if done.returncode == 0 else None
    config.stash[_conda_version] = version
    config.stash[_conda_ran] = []


def pytest_report_header(config: pytest.Config) -> str:
    version = config.stash[_conda_version]
    return f"{version}: {find_conda()}" if version else "conda: none found, its tests are skipped"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use conda, so that `-m conda` and `-m "not conda"` select them."""
    for item in items:
        if "conda" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.conda)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Count the tests that really drove a conda."""
    if item.get_closest_marker("conda"):
        item.config.stash[_conda_ran].append(item.nodeid)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without the interpreter's end: py-rattler's threads now and then crash it (seen with 0.28)."""
    # A worker of pytest-xdist ends by itself: its results are with the controller by then.
    if (
        "rattler" in sys.modules
        and not hasattr(config, "workerinput")
        and config.stash.get(_exit_code, None) is not None
    ):
        sys.stdout.flush()
        sys.stderr.flush()
        if "coverage" in sys.modules:
            from coverage import Coverage

            # `coverage run` saves when pytest has returned; a process that it patched, by an atexit handler.
            if (measured := Coverage.current()) is not None:
                measured.stop()
                measured.save()
        atexit._run_exitfuncs()
        os._exit(config.stash[_exit_code])


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_exit_code] = int(exitstatus)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["conda_ran"] = session.config.stash[_conda_ran]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - pytest-xdist's, which is untyped
    """Add up, in the controller of pytest-xdist, what its workers ran."""
    node.config.stash[_conda_ran].extend(getattr(node, "workeroutput", {}).get("conda_ran", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ran, version = len(config.stash[_conda_ran]), config.stash[_conda_version]
    terminalreporter.write_line(f"{ran} tests ran a real conda ({version or 'none was found'})")


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home, cache and configuration of the run's own.

    The settings, notebook kernels and `~/.local` of whoever runs the tests change no result, and nothing is left there.
    """
    home = tmp_path_factory.mktemp("home", numbered=False)
    with pytest.MonkeyPatch.context() as patch:
        # Where the interpreters of a version manager are does not depend on this.
        patch.setenv("PYENV_ROOT", os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv"))
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "JUPYTER_DATA_DIR", "PYTHONUSERBASE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def second_python() -> str:
    """Short version of the channel's second Python, such as ``3.13``; skips where there is none."""
    executable = second_interpreter()
    if executable is None:
        pytest.skip("this machine has no second Python (3.10 or newer) with a bundled pip")
    return ask_interpreter(executable).short_version


@pytest.fixture(scope="session")
def channel(request: pytest.FixtureRequest) -> Channel:
    """The channel of all tests. Do not add to it: make another one, and name it to `make_env`."""
    cache = request.config.cache
    assert cache is not None, "the tests keep their channel in pytest's cache: drop -p no:cacheprovider"
    return cached_channel(cache.mkdir("pipsafe"), second_interpreter())


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny wheels for ``pip install --no-index --find-links``."""
    return write_wheelhouse(tmp_path_factory.mktemp("wheelhouse"))


@pytest.fixture(scope="session")
def rival_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheelhouse, and wheels that get in the way of conda packages."""
    return write_wheels(write_wheelhouse(tmp_path_factory.mktemp("rivals")))


@pytest.fixture(scope="session")
def rival_channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """A second channel, with conda packages that wheels get in the way of."""
    folder = tmp_path_factory.mktemp("rival-channel")
    (folder / "wheels").mkdir()
    made = Channel(folder / "channel")
    made.add_all(rival_packages(folder / "wheels", f"{sys.version_info[0]}.{sys.version_info[1]}"))
    return made


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches that all environments of a run share."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def make_env(channel: Channel, tmp_path: Path, work: Path) -> MakeEnv:
    """Return ``make_env(*specs, name="env", channels=None) -> prefix``, made by py-rattler.

    With the package cache warm this takes less than cloning would. Files are hard links into that
    cache: to change one in place, write a new file and replace it, as pip and conda do.
    """

    def make(*specs: str, name: str = "env", channels: list[Channel] | None = None) -> Path:
        prefix = tmp_path / name
        create_with_rattler(prefix, specs, channels or [channel], work)
        return prefix

    return make


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes the checkout a plugin of a conda, outside of conda's own installation."""
    return build_overlay(tmp_path_factory.mktemp("overlay"), code=False)


@pytest.fixture
def conda(request: pytest.FixtureRequest, channel: Channel, tmp_path: Path, work: Path) -> Conda:
    """The user's conda with our plugin; skips where there is none."""
    executable = find_conda()
    if executable is None or request.config.stash[_conda_version] is None:
        pytest.skip("no conda: neither CONDA_EXE nor PATH names one that runs")
    overlay: Path = request.getfixturevalue("overlay")
    own = tmp_path / "conda"
    variables = {
        **conda_environment(own, [channel]),
        # Extracted packages are shared by the tests of a run; all else is the test's own.
        "CONDA_PKGS_DIRS": str(work / "conda-pkgs"),
        "PYTHONPATH": os.pathsep.join([str(overlay), str(CHECKOUT / "conda_plugin")]),
    }
    return Conda(executable, own, variables)


@pytest.fixture(scope="session")
def conda_server() -> Iterator[Server]:
    """One process with conda loaded, for the whole run."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def driver(conda: Conda, conda_server: Server) -> Driver:
    """The user's conda with our plugin, each command in a fork: several times as fast as `conda`."""
    return Driver(conda_server, conda)
