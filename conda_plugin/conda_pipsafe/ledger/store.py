"""The ledger on disk: `conda-meta/pipsafe/ledger.jsonl`, one event a line, only ever appended to.

A crash at any moment leaves every finished line readable; what it tore is mended by the next writer, and told.
`docs/ledger.md` is the format's contract.
"""

from __future__ import annotations

import base64
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from conda_pipsafe.ledger import FOLDER
from conda_pipsafe.ledger.codec import Line, MalformedError, decode_line, encode_line
from conda_pipsafe.ledger.events import LEDGER_VERSION, DistState, Event
from conda_pipsafe.ledger.folded import Folded, fold, folded_data
from conda_pipsafe.ledger.folder import (
    LedgerError,
    append_whole,
    ensure_folder,
    not_recordable,
    open_for_append,
    sync_folder,
    why_not_writable,
    write_atomically,
)
from conda_pipsafe.prefix.files import MIB, Problem, UnreadableError, read_bytes

if TYPE_CHECKING:
    from filelock import BaseFileLock

LEDGER = f"{FOLDER}/ledger.jsonl"
LOCK_SECONDS = 10.0
# Past this size older events are folded into one; half of it may then be newer ones, kept as they are.
COMPACT_AT = 4 * MIB
KEPT_EVENTS = 1000
READ_LIMIT = 64 * MIB


class LedgerBusyError(LedgerError):
    """Another process holds the ledger's lock."""


def utc_now() -> str:
    """The time as the ledger writes it: UTC, ISO 8601 with seconds and `Z`."""
    return utc_text(time.time())


def utc_text(seconds: float) -> str:
    """A POSIX time as the ledger writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Ledger:
    """The ledger of one prefix. Making one reads nothing; reading needs no lock and never raises.

    Attributes:
        prefix: Absolute path of the environment.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = os.path.abspath(prefix)
        self._lines: tuple[Line, ...] | None = None
        self._problems: list[Problem] = []
        self._folded: Folded | None = None
        self._lock: BaseFileLock | None = None

    @property
    def writable(self) -> bool:
        """Whether events can be appended."""
        return self.why_not is None

    @property
    def why_not(self) -> str | None:
        """Why nothing can be appended, as a sentence; None when it can."""
        reason = why_not_writable(self.prefix, "ledger.jsonl", "lock")
        if reason is None:
            newest = max((line.version for line in self.lines()), default=LEDGER_VERSION)
            if newest > LEDGER_VERSION:
                return f"a newer conda-pipsafe wrote {LEDGER} (format {newest}; this one writes {LEDGER_VERSION})"
            reason = next((problem.detail for problem in self._problems if problem.kind != "invalid-json"), None)
        return reason

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read of it."""
        self.lines()
        return tuple(self._problems)

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded."""
        return os.path.lexists(os.path.join(self.prefix, LEDGER))

    def lines(self) -> tuple[Line, ...]:
        """Every readable line in order, also those of which only a later version knows the meaning."""
        if self._lines is None:
            self._problems = []
            self._lines = tuple(line for line, _ in self._parse(self._read()) if line is not None)
        return self._lines

    def events(self) -> list[Event]:
        """Every event that is understood, oldest first."""
        return [line.event for line in self.lines() if line.event is not None]

    def folded(self) -> Folded:
        """What the events add up to."""
        if self._folded is None:
            self._folded = fold(self.events())
        return self._folded

    def state(self) -> dict[str, DistState]:
        """Every distribution that conda does not own, by the path of its metadata, as the last event left it."""
        return dict(self.folded().state)

    def reload(self) -> None:
        """Forget what was read: another process may have appended."""
        self._lines = self._folded = None

    @contextlib.contextmanager
    def locked(self, wait: float = LOCK_SECONDS) -> Iterator[None]:
        """Hold the ledger against other writers; may be entered again by the one who holds it.

        Args:
            wait: How long to wait for another writer, in seconds.

        Raises:
            LedgerBusyError: When another process holds it longer than that.
            LedgerError: When it cannot be written or locked.
        """
        import filelock

        if self._lock is None:
            reason = self.why_not
            if reason is not None:
                raise not_recordable(self.prefix, reason)
            folder = ensure_folder(self.prefix)
            os.close(open_for_append(self.prefix, "lock"))
            self._lock = filelock.FileLock(os.path.join(folder, "lock"))
        try:
            self._lock.acquire(timeout=wait)
        except filelock.Timeout as error:
            raise LedgerBusyError(
                f"the ledger of {self.prefix} has been in use by another process for {wait:g} seconds",
                hint="wait until the other conda-pipsafe has ended, then try again",
            ) from error
        except (OSError, NotImplementedError) as error:
            raise LedgerError(f"{folder_of(self.prefix)}/lock cannot be locked: {error}") from error
        try:
            yield
        finally:
            self._lock.release()

    def append(self, events: Sequence[Event], *, wait: float = LOCK_SECONDS) -> None:
        """Append events, all with one write, and have them on the disk when this returns.

        The first event of a new ledger is preceded by one that says which environment it is of.

        Raises:
            LedgerBusyError: When another process holds the ledger longer than `wait` seconds.
            LedgerError: When it cannot be written.
            ValueError: When an event's data is not JSON.
        """
        if not events:
            return
        with self.locked(wait):
            self.reload()
            data = self._read()
            sound, mended = self._mended(data)
            created = () if sound.strip() else (self._created(),)
            added = b"".join(encode_line(event) for event in (*created, *mended, *events))
            if mended or self._is_shared():
                write_atomically(self.prefix, LEDGER, sound + added)
            else:
                self._append_bytes(added)
            if len(sound) + len(added) > COMPACT_AT:
                self._compact(sound + added)
            self.reload()

    def _created(self) -> Event:
        return Event(utc_now(), "created", "recorded", "certain", data={"prefix": os.path.realpath(self.prefix)})

    def _read(self) -> bytes:
        try:
            return read_bytes(self.prefix, LEDGER, READ_LIMIT)
        except UnreadableError as error:
            if not error.missing:
                self._problems.append(error.problem)
                if self._lock is not None and self._lock.is_locked:
                    raise LedgerError(f"{LEDGER} in {self.prefix}: {error.problem.detail}") from error
            return b""

    def _parse(self, data: bytes) -> Iterator[tuple[Line | None, bytes]]:
        for number, raw in enumerate(data.split(b"\n"), 1):
            if not raw.strip():
                continue
            try:
                line = decode_line(raw)
            except MalformedError as error:
                self._problems.append(Problem("invalid-json", LEDGER, f"line {number} is {error}"))
                yield None, raw
                continue
            if line.event is None:
                self._problems.append(Problem("invalid-json", LEDGER, f"line {number} is of a kind that is not known"))
            yield line, raw

    def _mended(self, data: bytes) -> tuple[bytes, tuple[Event, ...]]:
        """The ledger's content up to what a crash tore off, and the event that keeps what was torn."""
        if not data:
            return data, ()
        body = data[:-1] if data.endswith(b"\n") else data
        start = body.rfind(b"\n") + 1
        last = body[start:]
        try:
            decode_line(last)
        except MalformedError:
            if last.strip() or not data.endswith(b"\n"):
                return data[:start], (_mending(start, last),)
        # A line whose end alone is missing is whole.
        return (data, ()) if data.endswith(b"\n") else (data + b"\n", (_mending(len(data), b""),))

    def _is_shared(self) -> bool:
        """Whether the file has another name, as in an environment that was cloned by hard links."""
        try:
            return os.lstat(os.path.join(self.prefix, LEDGER)).st_nlink > 1
        except OSError:
            return False

    def _append_bytes(self, added: bytes) -> None:
        new = not self.exists
        descriptor = open_for_append(self.prefix, os.path.basename(LEDGER))
        try:
            append_whole(descriptor, added)
        except OSError as error:
            raise LedgerError(f"{LEDGER} in {self.prefix} cannot be written: {error.strerror}") from error
        finally:
            os.close(descriptor)
        if new:
            sync_folder(folder_of(self.prefix))

    def _compact(self, data: bytes) -> None:
        """Fold older events into one; what is not fully understood is kept as it is."""
        lines = list(self._parse(data))
        kept = _newest([raw for _, raw in lines])
        old, new = lines[: len(lines) - kept], [raw for _, raw in lines[len(lines) - kept :]]
        # They come before the summary, whose state is then the one that counts.
        foreign = [raw for line, raw in old if line is None or not line.whole]
        events = [line.event for line, _ in old if line is not None and line.event is not None]
        if len(foreign) == len(old) or sum(map(len, foreign)) > COMPACT_AT // 4:
            return  # it would not get smaller
        total = fold(events)
        gone = [line.event for line, _ in old if line is not None and line.event is not None and line.whole]
        count = total.folded + sum(event.kind != "compacted" for event in gone)
        summary = Event(
            utc_now(),
            "compacted",
            "recorded",
            "certain",
            revision=total.revision,
            data=folded_data(total, count, events[-1].time),
        )
        content = [*foreign, encode_line(summary).rstrip(b"\n"), *new, b""]
        write_atomically(self.prefix, LEDGER, b"\n".join(content))


def open_ledger(prefix: str) -> Ledger:
    """The ledger of a prefix, whether it has one or not; never raises."""
    return Ledger(prefix)


def folder_of(prefix: str) -> str:
    """Absolute path of the folder that the ledger lies in."""
    return os.path.join(prefix, FOLDER)


def _mending(offset: int, torn: bytes) -> Event:
    kept = {"torn": base64.b64encode(torn).decode("ascii")} if torn else {}
    return Event(utc_now(), "mended", "observed", "certain", data={"offset": offset, "bytes": len(torn), **kept})


def _newest(lines: Sequence[bytes]) -> int:
    """How many of the last lines stay as they are."""
    count = size = 0
    while count < min(KEPT_EVENTS, len(lines)) and size <= COMPACT_AT // 2:
        count += 1
        size += len(lines[-count]) + 1
    return count if size <= COMPACT_AT // 2 else count - 1
