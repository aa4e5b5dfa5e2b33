"""Run uv so that it installs into one environment and nowhere else.

uv's settings: https://docs.astral.sh/uv/reference/environment/ and https://docs.astral.sh/uv/reference/settings/
(`[pip]`). A `--python` on the command line goes before UV_PYTHON, UV_SYSTEM_PYTHON and CONDA_PREFIX; nothing takes back
a `target` or `prefix` of a uv.toml, so these are refused.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.arguments import Word
from conda_pipsafe.installer.pip_settings import PYTHON_VARIABLES
from conda_pipsafe.installer.runner import Ended, interrupts, own_stderr, path_folders, python_of, without_guard
from conda_pipsafe.prefix.paths import scripts_dir
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

# Where an install goes, whether it is one, and the notes that tell who installed.
_DROPPED = frozenset(
    {"UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_NO_INSTALLER_METADATA", "UV_PROJECT_ENVIRONMENT"}
)
_ELSEWHERE = lazy(rb"^[ \t]*[\w.]*(?:target|prefix|python[-_]version|python[-_]platform)[ \t]*=", re.MULTILINE)
_SETTING = lazy(r"^ *(target|prefix|python_version|python_platform): Some\(", re.MULTILINE)
_PROGRESS = lazy(r"^\s*(Downloading|Downloaded|Building|Built|Updating|Updated) ")


@dataclass(frozen=True, slots=True)
class Uv:
    """A uv for one environment, ready to run.

    Attributes:
        prefix: Absolute path of the environment.
        python: Its interpreter.
        path: uv's executable.
        environment: The variables that it runs with.
        dropped: The settings that were left out because they would install elsewhere, for people.
        constraints: What UV_CONSTRAINT named: an option on the command line would hide it.
        cacheless: UV_NO_CACHE was set.
    """

    prefix: str
    python: str
    path: str
    environment: Mapping[str, str]
    dropped: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    cacheless: bool = False


def find_uv(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Uv:
    """Find a uv: the environment's own, or the one on PATH.

    Args:
        snapshot: The environment, as read from disk.
        environ: The variables to start from; `os.environ` when None.

    Raises:
        PipsafeError: Without uv, or without a Python to install for; says how to get one.
    """
    variables = dict(os.environ if environ is None else environ)
    prefix = snapshot.prefix
    python = python_of(prefix)
    if python is None:
        raise PipsafeError(
            f"the environment {prefix} has no Python, so nothing can be installed with uv",
            hint=f"conda install -p {shlex.quote(prefix)} python",
        )
    folders = os.pathsep.join([*path_folders(prefix), variables.get("PATH", os.defpath)])
    path = shutil.which("uv", path=folders)
    if path is None:
        raise PipsafeError(
            f"there is no uv on PATH nor in {os.path.join(prefix, scripts_dir())}; "
            "without --backend uv the environment's pip does it",
            hint=f"conda install -p {shlex.quote(prefix)} uv",
        )
    dropped = sorted(name for name in variables if name in _DROPPED)
    for name in (*dropped, *PYTHON_VARIABLES):
        variables.pop(name, None)
    variables = without_guard(prefix, variables)
    constraints = variables.pop("UV_CONSTRAINT", "").split()
    variables["PATH"] = folders
    variables["PYTHONNOUSERSITE"] = "1"
    cacheless = variables.pop("UV_NO_CACHE", "").lower() not in {"", "0", "false", "no", "off"}
    return Uv(prefix, python, path, variables, tuple(dropped), tuple(constraints), cacheless)


def cache_folder(uv: Uv, words: Iterable[Word]) -> str | None:
    """uv's cache, as far as options and variables tell; None where there is none that can be written."""
    given = [word.value for word in words if word.option == "--cache-dir"]
    home = uv.environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = given[-1] if given else uv.environment.get("UV_CACHE_DIR") or os.path.join(home, "uv")
    return os.path.abspath(path) if os.path.isdir(path) and os.access(path, os.W_OK) else None


def refuse_elsewhere(uv: Uv, words: Sequence[str]) -> None:
    """Refuse a uv whose configuration files would lead the install elsewhere; uv itself says which value holds.

    Raises:
        PipsafeError: When a `target`, `prefix`, `python-version` or `python-platform` is set (exit 4).
    """
    suspects = [path for path in config_files(uv.environment) if _mentions(path)]
    if not suspects:
        return
    command = [uv.path, "pip", "install", "--show-settings", "--python", uv.python, *words]
    done = subprocess.run(command, env=dict(uv.environment), capture_output=True, text=True, check=False)
    found = sorted({name.replace("_", "-") for name in _SETTING.findall(done.stdout)})
    if done.returncode == 0 and found:
        raise PipsafeError(
            f"uv's configuration sets {', '.join(found)} ({' or '.join(suspects)}): it would install elsewhere",
            hint="take it out of there, or add --no-config; for installs elsewhere use uv itself",
            exit_code=Exit.REFUSED,
        )


def config_files(environ: Mapping[str, str]) -> list[str]:
    """The configuration files that uv may read: the project's, the user's, the machine's."""
    if environ.get("UV_CONFIG_FILE"):
        return [environ["UV_CONFIG_FILE"]]
    folder = os.getcwd()
    found = []
    while True:
        found += [os.path.join(folder, name) for name in ("uv.toml", "pyproject.toml")]
        if os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder)
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    machine = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    found += [os.path.join(place, "uv", "uv.toml") for place in (home, *machine, "/etc")]
    return [path for path in dict.fromkeys(found) if os.path.isfile(path)]


def _mentions(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _ELSEWHERE.search(file.read(1024 * 1024)) is not None
    except OSError:
        return False


def version_of(uv: Uv) -> str:
    """What it says of itself, as `uv 0.13.9`; `uv` where it does not."""
    done = subprocess.run([uv.path, "--version"], env=dict(uv.environment), capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()[:2]) or "uv"


def run_uv(
    uv: Uv,
    words: Sequence[str],
    *,
    tell: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
    stdin: str = "",
) -> Ended:
    """Run uv to its end; what it says is kept, and its progress told.

    Args:
        uv: Which one.
        words: After `uv`.
        tell: Gets each line about a download or a build, as it comes.
        meanwhile: What to do while it works.
        stdin: What it reads.

    Raises:
        PipsafeError: When it cannot be run.
    """
    child = _start(uv, [uv.path, *words], stderr=subprocess.PIPE)
    said: list[str] = []
    assert child.stdin is not None and child.stderr is not None  # noqa: S101, PT018 - asked for
    with child, interrupts(child) as caught:
        child.stdin.write(stdin)
        child.stdin.close()
        meanwhile()
        for line in child.stderr:
            said.append(line)
            if _PROGRESS.match(line):
                tell(line.rstrip())
        code = child.wait()
    return Ended(code, "".join(said), caught[0] if caught else None)


class AskedUv:
    """A uv that is at work on a question while we go on; leaving the context waits for it.

    Args:
        uv: Which one.
        words: After `uv`.
        stdin: What it reads.

    Raises:
        PipsafeError: When it cannot be run.
    """

    def __init__(self, uv: Uv, words: Sequence[str], stdin: str = "") -> None:
        self._child = _start(uv, [uv.path, *words], stderr=subprocess.DEVNULL)
        assert self._child.stdin is not None  # noqa: S101 - asked for
        with suppress(BrokenPipeError):
            self._child.stdin.write(stdin)
            self._child.stdin.flush()

    def code(self) -> int:
        """Wait for its end; its exit code."""
        self._child.communicate()
        return self._child.returncode

    def __enter__(self) -> AskedUv:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.code()


class WaitingUv:
    """A uv that is about to install, as soon as it is told to: its process is there before it writes.

    Leaving the context without `go` ends it with nothing written. The waiting is done by a shell that becomes uv, so
    that a journal can name the process beforehand.

    Args:
        uv: Which one.
        words: After `uv`.
        done_with: Absolute paths of folders that may be removed while it works and after.

    Attributes:
        pid: uv's process.
    """

    def __init__(self, uv: Uv, words: Sequence[str], done_with: Sequence[str] = ()) -> None:
        self._done_with = done_with
        self._removing: subprocess.Popen[bytes] | None = None
        waiting = ["/bin/sh", "-c", 'read -r answer && exec "$@"', "uv", uv.path, *words]
        self._child = _start(uv, waiting, stderr=None)
        self.pid = self._child.pid

    def go(self, _ended: str | None) -> Ended:
        """Let uv write, and wait for its end. Nobody writes its exit code down should we be gone by then."""
        assert self._child.stdin is not None  # noqa: S101 - asked for
        sys.stderr.flush()
        with interrupts(self._child) as caught:
            self._child.stdin.write("go\n")
            self._child.stdin.close()
            self._remove()
            code = self._child.wait()
        return Ended(code, "", caught[0] if caught else None)

    def __enter__(self) -> WaitingUv:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.stdin is not None and not self._child.stdin.closed:
            self._child.stdin.close()
        self._child.wait()
        if self._removing is not None:
            self._removing.wait()

    def _remove(self) -> None:
        if not self._done_with:
            return
        nowhere = subprocess.DEVNULL
        with suppress(OSError):  # whoever made the folders removes them at the end
            self._removing = subprocess.Popen(
                [shutil.which("rm") or "rm", "-rf", "--", *self._done_with],
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
            )


def _start(uv: Uv, command: Sequence[str], *, stderr: int | None) -> subprocess.Popen[str]:
    sys.stdout.flush()
    try:
        # uv itself says nothing on stdout; what a build says is no result either.
        return subprocess.Popen(
            command,
            env=dict(uv.environment),
            stdin=subprocess.PIPE,
            stdout=own_stderr(),
            stderr=stderr if stderr is not None else own_stderr(),
            text=True,
            errors="backslashreplace",
        )
    except OSError as error:
        raise PipsafeError(f"uv cannot be run: {uv.path}: {error.strerror}") from error
