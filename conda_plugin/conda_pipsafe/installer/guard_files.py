"""Read and replace single files of an environment: its pip.conf, its variables."""

from __future__ import annotations

import contextlib
import os
import stat

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.files import UnreadableError, read_bytes

_LIMIT = 1024 * 1024


def read(prefix: str, path: str, *, may_write: bool = False) -> bytes | None:
    """A file of the prefix; None where there is none, or it cannot be read and only a look is wanted."""
    try:
        if may_write and os.path.islink(os.path.join(prefix, path)):
            raise PipsafeError(
                f"{path} in {prefix} is a symbolic link: what is changed there would count elsewhere too",
                hint="put a copy in its place, then try again",
            )
        return read_bytes(prefix, path, _LIMIT)
    except UnreadableError as error:
        if may_write and not error.missing:
            raise PipsafeError(f"{path} in {prefix}: {error.problem.detail}") from error
        return None


def read_text(prefix: str, path: str) -> str | None:
    """A file of the prefix as text that can be written back whatever its bytes; None where it cannot be read."""
    data = read(prefix, path)
    return None if data is None else data.decode("utf-8", "surrogateescape")


def read_file(path: str) -> bytes | None:
    """Any file; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_LIMIT)
    except OSError:
        return None


def replace(prefix: str, name: str, before: bytes | None, content: bytes | None) -> None:
    """Put a file in the place of another, whole or not at all, with the other's permissions: it may hold a password.

    Raises:
        PipsafeError: When it cannot be done; the file is then as it was.
    """
    if content == before:
        return
    path = os.path.join(prefix, *name.split("/"))
    temporary = f"{path}.pipsafe-{os.getpid()}"
    try:
        if content is None:
            os.unlink(path)
            return
        mode = stat.S_IMODE(os.stat(path).st_mode) if before is not None else 0o644
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _share(path, temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise PipsafeError(f"{path} cannot be written: {error.strerror or error}") from error


def _share(path: str, temporary: str, mode: int) -> None:
    """The permissions and, written by root, the owner of the file that it takes the place of, or of its folder."""
    owner = os.stat(path if os.path.exists(path) else os.path.dirname(path))
    with contextlib.suppress(OSError, AttributeError):
        os.chown(temporary, owner.st_uid if os.geteuid() == 0 else -1, owner.st_gid)
    os.chmod(temporary, mode)
