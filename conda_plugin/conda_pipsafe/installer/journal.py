"""An install that may not end: what it will change is kept before, so that it can be put back after.

`conda-meta/pipsafe/install.json` says that an install has begun, which paths it writes and which it replaces;
`conda-meta/pipsafe/vault/install/` holds the replaced files, as hard links where the filesystem can. pip replaces a
file by another one and never writes into it, so a link keeps the bytes, the mode and the time. The journal is written
when the copies are complete and before pip may write; it goes when the install has ended well or has been put back.
Putting back only looks at the disk, so it can be interrupted too, and begun again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.ledger import FOLDER
from conda_pipsafe.ledger.folder import LedgerError, ensure_folder, write_atomically
from conda_pipsafe.ledger.store import open_ledger, utc_now
from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, read_json
from conda_pipsafe.prefix.paths import clean_relative

JOURNAL = f"{FOLDER}/install.json"
KEPT = f"{FOLDER}/vault/install"
# How pip and uv name what they leave when they are killed.
STASHED = ("~", ".tmp")
_ENDED = "ended"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Changes:
    """What an install may change, prefix-relative.

    Attributes:
        replaced: Files that are there and may be replaced or removed.
        written: Files that are not there and may be written.
        fresh: Folders that are not there and may be made; no one is below another.
        stashes: Folders in which an installer may leave `~name` or `.tmpNAME`, with those that are there already.
    """

    replaced: tuple[str, ...]
    written: tuple[str, ...]
    fresh: tuple[str, ...]
    stashes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Journal:
    """An install that has begun.

    Attributes:
        processes: pid and start time of those who work on it.
        folders: The mode of each folder that a replaced file is in.
        expected: What was planned, as the ledger takes it.
    """

    prefix: str
    command: str
    time: str
    user: str | None
    processes: tuple[tuple[int, str | None], ...]
    changes: Changes
    folders: Mapping[str, int]
    expected: tuple[Mapping[str, Any], ...]

    @property
    def running(self) -> int | None:
        """The process that still works on it, or None."""
        return next((pid for pid, began in self.processes if _is_running(pid, began)), None)

    @property
    def ended_well(self) -> bool:
        """Whether pip came to its end, though nobody was there to see it."""
        with contextlib.suppress(OSError), open(os.path.join(self.prefix, KEPT, _ENDED), encoding="ascii") as file:
            return file.read(16) == "0"
        return False


def begin(
    prefix: str,
    changes: Changes,
    *,
    command: str,
    user: str | None,
    pip: int,
    expected: Iterable[Mapping[str, Any]] = (),
) -> str:
    """Keep what an install may replace, and note that it begins.

    Returns:
        The absolute path of the file that pip's exit code is to be written to.

    Raises:
        LedgerError: When it cannot be kept; nothing has begun then.
        PipsafeError: When another install is at work.
    """
    with open_ledger(prefix).locked():
        other = read_journal(prefix)
        if other is not None and other.running not in {None, os.getpid()}:
            raise busy(other)
        forget(prefix)
        folder = ensure_folder(prefix, KEPT)
        try:
            folders = _keep_all(prefix, changes.replaced, folder)
            processes = [(pid, _began(pid)) for pid in (os.getpid(), pip)]
            value = {
                "v": _VERSION, "command": command, "time": utc_now(), "user": user, "processes": processes,
                "changes": asdict(changes), "folders": folders, "expected": list(expected),
            }  # fmt: skip
            write_atomically(prefix, JOURNAL, json.dumps(value, separators=(",", ":")).encode("ascii"))
        except BaseException:  # a signal too: nothing has begun
            forget(prefix)
            raise
    return os.path.join(folder, _ENDED)


def _keep_all(prefix: str, paths: Iterable[str], folder: str) -> dict[str, int]:
    """Keep files; return the mode of each folder that one is in."""
    folders: dict[str, int] = {}
    try:
        for number, path in enumerate(paths):
            parent = os.path.dirname(path)
            if parent not in folders:
                folders[parent] = stat.S_IMODE(os.stat(os.path.join(prefix, parent)).st_mode)
            _keep(os.path.join(prefix, path), os.path.join(folder, str(number)))
    except OSError as error:
        raise LedgerError(f"{error.filename} cannot be kept: {error.strerror}") from error
    return folders


def read_journal(prefix: str) -> Journal | None:
    """The install that has begun and not ended; None when there is none, or none that can be read."""
    if not os.path.lexists(os.path.join(prefix, JOURNAL)):
        return None
    try:
        value = read_json(prefix, JOURNAL, RECORD_LIMIT)
        changes = value["changes"]
        every = [*changes["replaced"], *changes["written"], *changes["fresh"], *changes["stashes"]]
        if value["v"] != _VERSION or any(clean_relative(path) != path for path in every if path):
            return None
        return Journal(
            prefix,
            str(value["command"]),
            str(value["time"]),
            value["user"],
            tuple((int(pid), began) for pid, began in value["processes"]),
            Changes(
                tuple(changes["replaced"]),
                tuple(changes["written"]),
                tuple(changes["fresh"]),
                {folder: tuple(names) for folder, names in changes["stashes"].items()},
            ),
            {str(folder): int(mode) for folder, mode in value["folders"].items()},
            tuple(value["expected"]),
        )
    except (UnreadableError, KeyError, TypeError, ValueError, AttributeError):
        return None


def busy(journal: Journal) -> PipsafeError:
    """The error that says that another install is at work."""
    return PipsafeError(
        f"another install into {journal.prefix} has not ended (process {journal.running}): {journal.command}",
        hint="wait for it, then ask again",
    )


def forget(prefix: str) -> None:
    """The install has ended, well or put back: the journal first, then what was kept."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(os.path.join(prefix, JOURNAL))
    kept = os.path.join(prefix, KEPT)
    if os.path.isdir(kept) and not os.path.islink(kept):
        shutil.rmtree(kept, ignore_errors=True)


def _keep(path: str, copy: str) -> None:
    # A .pth or .egg-link may be written in place (easy-install.pth): these are copied.
    if not path.endswith((".pth", ".egg-link")):
        with contextlib.suppress(OSError, NotImplementedError):
            os.link(path, copy, follow_symlinks=False)
            return
    shutil.copy2(path, copy, follow_symlinks=False)


def _began(pid: int) -> str | None:
    """When a process started, in its system's words, so that another one with its number is not taken for it."""
    with (
        contextlib.suppress(OSError, IndexError),
        open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file,
    ):
        return file.read().rpartition(")")[2].split()[19]
    return None


def _is_dead(pid: int) -> bool:
    """Whether a process runs no more, though its number is not free yet: it is on its way out, or nobody asked."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return not file.read(1)  # its memory is gone
    return False


def _is_running(pid: int, began: str | None) -> bool:
    if pid <= 0 or sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    if _is_dead(pid):
        return False
    return began is None or _began(pid) in {None, began}
