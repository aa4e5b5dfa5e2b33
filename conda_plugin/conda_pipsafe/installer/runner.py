"""Run the environment's own pip, and nothing that could make it install elsewhere.

`python -I` alone is not enough: pip's build backends are children that inherit the environment, and a backend run
with `--no-build-isolation` would import from PYTHONPATH. So the variables are removed as well, and `-I` is there for
what no variable does: a folder `pip/` in the working directory, the user's site-packages.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, NoReturn

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import stripped
from conda_pipsafe.installer.pip_settings import clean_environment
from conda_pipsafe.prefix.paths import scripts_dir
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

# `--report` in its stable form, with hashes (https://pip.pypa.io/en/stable/reference/installation-report/).
OLDEST_PIP = (23, 0)
_LEADING = lazy(r"\d+")


@dataclass(frozen=True, slots=True)
class Pip:
    """The pip of one environment, ready to run.

    Attributes:
        prefix: Absolute path of the environment.
        python: Its interpreter.
        version: pip's version, as its metadata has it.
        environment: The variables that it runs with.
        dropped: The settings that were left out because they would install elsewhere, for people.
    """

    prefix: str
    python: str
    version: str
    environment: Mapping[str, str]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of pip ended.

    Attributes:
        code: pip's exit code; negative for the signal that killed it.
        errors: What it wrote on stderr, where that was kept.
        interrupted: The signal that reached us meanwhile (SIGINT, SIGTERM), or None.
    """

    code: int
    errors: str = ""
    interrupted: int | None = None


def _conda_install(snapshot: Snapshot, *specs: str) -> str:
    """The command that brings them; where conda believes that they are there, it has to be made to."""
    believed = [spec for spec in specs if snapshot.record_named(spec)]
    return shlex.join(["conda", "install", "-p", snapshot.prefix, *(["--force-reinstall"] if believed else []), *specs])


def find_pip(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Pip:
    """Find the pip that belongs to the environment.

    Args:
        snapshot: The environment, as read from disk; pip's version is taken from it.
        environ: The variables to start from; `os.environ` when None.

    Raises:
        PipsafeError: Without Python, without pip, or with a pip older than 23.0; says how to get one.
    """
    prefix = snapshot.prefix
    python = python_of(prefix)
    if python is None:
        raise PipsafeError(
            f"the environment {prefix} has no Python, so nothing can be installed with pip",
            hint=_conda_install(snapshot, "python", "pip"),
        )
    installed = [dist for dist in snapshot.distributions_named("pip") if dist.site.current and dist.has_metadata]
    if not installed:
        raise PipsafeError(
            f"the environment {prefix} has no pip",
            hint=f"{_conda_install(snapshot, 'pip')}\n  or, without a channel:\n  {shlex.quote(python)} -m ensurepip",
        )
    version = installed[0].version
    if _release(version) < OLDEST_PIP:
        raise PipsafeError(
            f"pip {version} in {prefix} is too old: it cannot say beforehand what it would install (pip 23.0 can)",
            hint=_conda_install(snapshot, "pip>=23.0"),
        )
    variables, dropped = clean_environment(prefix, python, os.environ if environ is None else environ)
    variables = without_guard(prefix, variables)
    variables["PATH"] = os.pathsep.join([*path_folders(prefix), variables.get("PATH", os.defpath)])
    return Pip(prefix, python, version, variables, dropped)


def without_guard(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Variables that the guard does not bind: it is for raw pip; here the policy decides, and says why."""
    if "UV_CONSTRAINT" not in variables and not any(
        os.path.lexists(os.path.join(prefix, name)) for name in ("pip.conf", "pip.ini")
    ):
        return dict(variables)  # nothing of the guard's has to be loaded
    from conda_pipsafe.installer.guard import unguarded

    return unguarded(prefix, variables)


def plan_with_pip(pip: Pip, words: Sequence[str], *, verbose: bool = False) -> Ended:
    """Run `pip install --dry-run` so that only what goes wrong is said, and kept instead of shown.

    stdout stays on our stderr: a question for a password must reach the person.
    """
    quiet = [] if verbose else ["--quiet"]
    # -B: a plan leaves nothing in the environment, not even pip's own .pyc. The version notice would advise
    # `pip install --upgrade pip`, which is how conda's pip gets broken.
    command = ["-B", "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", *quiet, *words]
    child = start(pip, command, stdout=own_stderr(), stderr=subprocess.PIPE)
    with child, interrupts(child) as caught:
        _, errors = child.communicate()
    return Ended(child.returncode, stripped(errors or ""), caught[0] if caught else None)


def start(
    pip: Pip,
    words: Sequence[str],
    *,
    stdout: IO[str] | int | None,
    stderr: int | None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[str]:
    """Start the environment's Python.

    Args:
        pip: Which one.
        words: Its own flags, what to run, and the arguments of that.
        stdout: As in `subprocess`.
        stderr: As in `subprocess`.
        pass_fds: File descriptors that it may use.

    Raises:
        PipsafeError: When it cannot be run.
    """
    sys.stdout.flush()
    try:
        return subprocess.Popen(
            [pip.python, "-I", *words],
            env=dict(pip.environment),
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="backslashreplace",
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise PipsafeError(
            f"the environment's Python cannot be run: {pip.python}: {error.strerror}",
            hint=f"conda install -p {shlex.quote(pip.prefix)} --force-reinstall python",
        ) from error


@contextmanager
def _handling(handler: Callable[[int, object], None], *numbers: int) -> Iterator[None]:
    """Let a handler have some signals; where this is not the main thread, who called us has them."""
    try:
        before = {number: signal.signal(number, handler) for number in numbers}
    except ValueError:
        before = {}
    try:
        yield
    finally:
        for number, other in before.items():
            signal.signal(number, other)


@contextmanager
def interrupts(child: subprocess.Popen[str]) -> Iterator[list[int]]:
    """While pip runs, a signal to end is pip's to handle: it puts back what it has half replaced, and we record it.

    Yields the signals that came.
    """
    caught: list[int] = []

    def forward(number: int, _frame: object) -> None:
        caught.append(number)
        # Ctrl-C on a terminal reaches pip by itself; a second one would interrupt its roll-back.
        if not (number == signal.SIGINT and _terminal_tells_child()) and child.poll() is None:
            child.send_signal(signal.SIGINT)

    with _handling(forward, signal.SIGINT, signal.SIGTERM):
        yield caught


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came: what was begun is ended as on Ctrl-C."""

    exit_code = 143


class _InterruptedError(KeyboardInterrupt):
    """SIGINT came. After a bare KeyboardInterrupt inside of an `exec` Python would kill itself in place of our exit."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM end what is done here, whatever it makes of that: an import may raise another error of it.

    Raises:
        KeyboardInterrupt: When one came.
    """
    caught: list[int] = []

    def error() -> KeyboardInterrupt:
        return TerminatedError() if caught[0] == signal.SIGTERM else _InterruptedError()

    def end(number: int, _frame: object) -> NoReturn:
        caught.append(number)
        raise error()

    try:
        with _handling(end, signal.SIGINT, signal.SIGTERM):
            yield
    except BaseException:
        if not caught:
            raise
    if caught:
        raise error()


@contextmanager
def ended_by_terminate() -> Iterator[None]:
    """Let SIGTERM end what is done here in order, with nothing left behind; outside it just kills."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise TerminatedError

    with _handling(end, signal.SIGTERM):
        yield


def _terminal_tells_child() -> bool:
    if os.name == "nt":
        return True
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def own_stderr() -> IO[str] | int:
    """Our stderr as something that a child can write to."""
    try:
        sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return subprocess.DEVNULL  # captured in memory: there is no terminal to ask on
    return sys.stderr


def python_of(prefix: str) -> str | None:
    """The environment's interpreter; None where there is none."""
    path = os.path.join(prefix, "python.exe") if os.name == "nt" else os.path.join(prefix, "bin", "python")
    return path if os.path.isfile(path) else None


def path_folders(prefix: str) -> list[str]:
    """What activation puts on PATH: build backends look for their tools there, Windows for OpenSSL's library."""
    folders = [scripts_dir()]
    if os.name == "nt":
        folders = ["", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", *folders, "bin"]
    return [os.path.normpath(os.path.join(prefix, folder)) for folder in folders]


def _release(version: str) -> tuple[int, int]:
    numbers = [int(number) for number in _LEADING.findall(version)[:2]]
    return (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else (0, 0)
