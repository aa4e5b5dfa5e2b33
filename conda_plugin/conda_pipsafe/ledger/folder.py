"""The folder `conda-meta/pipsafe`: whether it may be written, and how a file in it is written safely."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.ledger import FOLDER
from conda_pipsafe.prefix.files import is_below

# Not on Windows, where creating a symbolic link is a privilege.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class LedgerError(PipsafeError):
    """The ledger or the vault could not be written; the message says why, and nothing was half written."""


def not_recordable(prefix: str, reason: str) -> LedgerError:
    """The error that says why nothing can be recorded in a prefix."""
    return LedgerError(f"nothing can be recorded in {prefix}: {reason}")


def why_not_writable(prefix: str, *names: str) -> str | None:
    """Why nothing can be written below `conda-meta/pipsafe`, as a sentence; None when it can.

    Args:
        prefix: Absolute path of the environment.
        names: Files of the folder that have to be writable where they exist.
    """
    meta, folder = os.path.join(prefix, "conda-meta"), os.path.join(prefix, FOLDER)
    if not os.path.isdir(meta):
        return f"{prefix} has no conda-meta folder"
    if not is_below(os.path.realpath(meta), os.path.realpath(prefix)):
        return "conda-meta leads out of the environment through a symbolic link"
    if not os.path.lexists(folder):
        return None if _may_write(meta) else "no permission to write in conda-meta"
    if os.path.islink(folder) or not os.path.isdir(folder):
        return f"{FOLDER} is not a folder"
    if not _may_write(folder):
        return f"no permission to write in {FOLDER}"
    return next(filter(None, (_why_not_file(folder, name) for name in names)), None)


def _why_not_file(folder: str, name: str) -> str | None:
    path = os.path.join(folder, name)
    if not os.path.lexists(path):
        return None
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return f"{FOLDER}/{name} is not a regular file"
    return None if _access(path, os.W_OK) else f"no permission to write {FOLDER}/{name}"


def _may_write(folder: str) -> bool:
    return _access(folder, os.W_OK | os.X_OK)


def _access(path: str, mode: int) -> bool:
    # The effective user is the one who writes; access() alone asks for the real one.
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def ensure_folder(prefix: str, relative: str = FOLDER) -> str:
    """Make a folder below `conda-meta/pipsafe` with conda-meta's permissions; return its absolute path.

    Raises:
        LedgerError: When it cannot be made, or leads out of the environment.
    """
    reason = why_not_writable(prefix)
    if reason is not None:
        raise not_recordable(prefix, reason)
    path = os.path.join(prefix, "conda-meta")
    for part in relative.removeprefix("conda-meta/").split("/"):
        path = os.path.join(path, part)
        try:
            os.mkdir(path)
        except FileExistsError:
            if os.path.islink(path) or not os.path.isdir(path):
                raise not_recordable(prefix, f"{path} is not a folder") from None
        except OSError as error:
            raise _failed(path, error) from error
        else:
            _share(prefix, path, stat.S_IMODE(os.stat(os.path.join(prefix, "conda-meta")).st_mode))
    return path


def open_for_append(prefix: str, name: str) -> int:
    """Open a file of `conda-meta/pipsafe` to append to, made if need be, never through a symbolic link.

    Returns:
        A file descriptor.

    Raises:
        LedgerError: When it cannot be opened or is not a regular file.
    """
    path = os.path.join(ensure_folder(prefix), name)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NOFOLLOW | _BINARY
    try:
        reason = _why_not_file(os.path.dirname(path), name)
        if reason is not None:
            raise not_recordable(prefix, reason)
        made = not os.path.exists(path)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise _failed(path, error) from error
    if made:
        _share(prefix, path, _file_mode(prefix))
    return descriptor


def append_whole(descriptor: int, data: bytes) -> None:
    """Append with one write and have it on the disk; on failure the file is as long as it was.

    Raises:
        OSError: When it cannot be written, or only a part of it.
    """
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, data)
        if written == len(data):
            os.fsync(descriptor)
            return
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    os.ftruncate(descriptor, size)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_atomically(prefix: str, relative: str, data: bytes) -> None:
    """Write one file below `conda-meta/pipsafe`: after a crash it is there as it was before, or whole.

    Args:
        prefix: Absolute path of the environment.
        relative: Prefix-relative path of the file; its folder is made if need be.
        data: Its content.

    Raises:
        LedgerError: When it cannot be written; the file is then as it was before.
    """
    folder, name = relative.rsplit("/", 1)
    path = os.path.join(ensure_folder(prefix, folder), name)
    # A fixed name, so that what a killed process left is taken away by the next: writers hold the lock.
    temporary = f"{path}.new"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        _share(prefix, temporary, _file_mode(prefix))
        os.replace(temporary, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise _failed(path, error) from error


def sync_folder(path: str) -> None:
    """Have a folder's entries written out; not every filesystem or system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _file_mode(prefix: str) -> int:
    # Who may write records may write here: an environment shared by a group has one ledger.
    return (os.stat(os.path.join(prefix, "conda-meta")).st_mode & 0o666) | 0o600


def _share(prefix: str, path: str, mode: int) -> None:
    """Give a new file or folder conda-meta's permissions and group; written by root, also its owner."""
    owner = os.stat(os.path.join(prefix, "conda-meta"))
    with contextlib.suppress(OSError, AttributeError):
        os.chown(path, owner.st_uid if os.geteuid() == 0 else -1, owner.st_gid)
    with contextlib.suppress(OSError):
        os.chmod(path, mode)


def _failed(path: str, error: OSError) -> LedgerError:
    return LedgerError(f"{path} cannot be written: {error.strerror or error}")
