"""One run of pip that stops between its plan and its first write (`gate.py`), to be let through or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from conda_pipsafe.installer.arguments import stripped
from conda_pipsafe.installer.relay import Relay
from conda_pipsafe.installer.runner import Ended, Pip, interrupts, own_stderr, start

_PATIENCE = 10.0  # seconds for a pip that is to stop
_GATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate.py")


@dataclass(frozen=True, slots=True)
class Reached:
    """pip has its plan and its wheels, and waits.

    Attributes:
        report: Its report, as bytes.
        wheels: The absolute path of each wheel that it opened and that is there.
        paths: `sysconfig.get_paths()` of the environment's Python.
        python: Its version, as `3.12`.
        cache_tag: What its `.pyc` are named with, as `cpython-312`; None where it writes none.
    """

    report: bytes
    wheels: tuple[str, ...]
    paths: Mapping[str, str]
    python: str
    cache_tag: str | None


class GatedPip:
    """pip, started; leaving the context without `go` stops it before it writes anything.

    What it says on stderr before the gate is kept and shown only when it goes on or fails: pip's own words for a plan
    that conda's versions forbid would be a riddle.

    Args:
        pip: The environment's pip.
        words: Its arguments after `install`.
        report: Where it is to write its report.
        stdout_to_stderr: Keep our stdout free.
        secret: Among the words there are passwords, which pip might say.

    Attributes:
        pid: pip's process.
    """

    def __init__(
        self, pip: Pip, words: Sequence[str], report: str, *, stdout_to_stderr: bool, secret: bool = False
    ) -> None:
        heard, says = os.pipe()
        hears, answer = os.pipe()
        stdout = own_stderr() if stdout_to_stderr else None
        self._relays = _relays(stdout) if secret else ()
        errors = self._relays[1].end if self._relays else _stderr_descriptor()
        command = [_GATE, report, str(says), str(hears), str(errors), "--disable-pip-version-check", "install"]
        try:
            self._child = start(
                pip,
                ["-B", *command, "--report", report, *words],
                stdout=self._relays[0].end if self._relays else stdout,
                stderr=subprocess.PIPE,
                pass_fds=(says, hears, errors),
            )
        except BaseException:
            os.close(heard)
            os.close(answer)
            raise
        finally:
            for descriptor in {says, hears, errors, *(relay.end for relay in self._relays)}:
                os.close(descriptor)
        self.pid = self._child.pid
        self._report, self._heard, self._answer = report, heard, answer
        self._said: list[str] = []
        self._interrupted: int | None = None
        self._reached = False
        self._reader = threading.Thread(target=self._keep_errors, daemon=True)
        self._reader.start()

    def wait(self) -> Reached | Ended:
        """Wait until pip is at the gate, or has ended without getting there: it failed, or there is nothing to do."""
        with interrupts(self._child) as caught:
            told = b""
            while not told.endswith(b"\n"):
                more = os.read(self._heard, 65536)
                if not more:
                    break
                told += more
            if caught or not told.endswith(b"\n"):
                self._say_no()  # pip may have missed the signal, and wait
                self._interrupted = caught[0] if caught else None
                return self._end()
        self._reached = True
        data = json.loads(told)
        with open(self._report, "rb") as file:
            report = file.read()
        wheels = [path for path in data["wheels"] if os.path.isfile(path)]
        return Reached(report, tuple(wheels), data["paths"], data["python"], data["cache_tag"])

    def go(self, ended: str | None) -> Ended:
        """Let pip write, and wait for its end.

        Args:
            ended: A file that pip's exit code is to be written to; None for none.
        """
        sys.stderr.write("".join(self._said))
        sys.stderr.flush()
        self._said.clear()
        with interrupts(self._child) as caught:
            os.write(self._answer, (json.dumps({"go": True, "ended": ended}) + "\n").encode())
            self._child.wait()
        self._interrupted = caught[0] if caught else None
        return self._end()

    def __enter__(self) -> GatedPip:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say_no()
        if not self._reached and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_PATIENCE)
            self._child.terminate()  # it has written nothing yet
        self._end()

    def _say_no(self) -> None:
        """The other end gone means no."""
        for descriptor in (self._answer, self._heard):
            with suppress(OSError):
                os.close(descriptor)
        self._answer = self._heard = -1

    def _end(self) -> Ended:
        code = self._child.wait()
        self._reader.join()
        for relay in self._relays:
            relay.join()
        return Ended(code, "".join(self._said), self._interrupted)

    def _keep_errors(self) -> None:
        stream: IO[str] | None = self._child.stderr
        assert stream is not None  # noqa: S101 - asked for above
        with stream:
            for line in stream:
                self._said.append(stripped(line))


def _relays(stdout: IO[str] | int | None) -> tuple[Relay, ...]:
    """For pip's stdout and stderr; none where they go nowhere."""
    if isinstance(stdout, int) or isinstance(own_stderr(), int):
        return ()
    return Relay(stdout or sys.stdout), Relay(sys.stderr)


def _stderr_descriptor() -> int:
    found = own_stderr()
    if isinstance(found, int):
        return os.open(os.devnull, os.O_WRONLY)
    return os.dup(found.fileno())
