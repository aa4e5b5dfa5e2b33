"""Compare files with the hashes that their owners recorded."""

from __future__ import annotations

import hashlib
import os
import stat
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, may_follow, read_bytes
from conda_pipsafe.prefix.record_csv import sha256_hex

_BUFFER = 1024 * 1024
# Neither a pipe nor a link is followed: O_NONBLOCK returns at once, O_NOFOLLOW fails.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
#: What stands in the place of a file: a link to nothing, a link that leads out, no file at all, one that is not ours.
DEAD_LINK, LINK, NO_FILE, FORBIDDEN = "a dead link", "a link that leads out", "not a file", "permission denied"
_URLSAFE = bytes.maketrans(b"+/", b"-_")


class Expected(NamedTuple):
    """A file and what its owner recorded; a tuple, since there are a hundred thousand of them.

    Attributes:
        path: Prefix-relative.
        sha256: In hex, or as a RECORD has it: `sha256=`, then urlsafe base64 without padding; several after commas.
    """

    path: str
    sha256: str

    def or_as(self, other: Expected) -> Expected:
        """As this one recorded it, or the other: one file that stands in two rows."""
        return self if other.sha256 == self.sha256 else Expected(self.path, f"{self.sha256},{other.sha256}")


class Altered(NamedTuple):
    """A file whose content is not what its owner recorded.

    Attributes:
        path: Prefix-relative.
        sha256: What it has, hex; else what stands in its place, one of `DEAD_LINK`, `LINK`, `NO_FILE`, `FORBIDDEN`.
        links: How many names the file has: more than one where other environments or the package cache share it.
        identity: Device and inode.
    """

    path: str
    sha256: str
    links: int
    identity: tuple[int, int]


def altered_files(prefix: str, expected: Iterable[Expected]) -> Iterator[tuple[int, Altered]]:
    """The files that are not as recorded, each with its number in `expected`; those that are not there are left out.

    Args:
        prefix: Absolute path of the environment.
        expected: What to compare.
    """
    buffer = memoryview(bytearray(_BUFFER))
    for number, each in enumerate(expected):
        altered = _compare(prefix, each, buffer)
        if altered is not None:
            yield number, altered


def _compare(prefix: str, expected: Expected, buffer: memoryview) -> Altered | None:
    try:
        descriptor = os.open(f"{prefix}/{expected.path}", _FLAGS)
    except (OSError, ValueError):
        return _no_plain_file(prefix, expected)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return Altered(expected.path, NO_FILE, 1, (info.st_dev, info.st_ino))
        digest = _digest(descriptor, info.st_size, buffer)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if _is_recorded(digest, expected.sha256):
        return None
    return Altered(expected.path, digest.hex(), info.st_nlink, (info.st_dev, info.st_ino))


def _no_plain_file(prefix: str, expected: Expected) -> Altered | None:
    """What stands in the place of a file that could not be opened, or is a link.

    A link that stays in the environment or leads to a package (conda's `always_softlink`) is as good as its target.
    """
    path = f"{prefix}/{expected.path}"
    try:
        info = os.lstat(path)
        identity = (info.st_dev, info.st_ino)
        if not stat.S_ISLNK(info.st_mode):
            said = FORBIDDEN if stat.S_ISREG(info.st_mode) else NO_FILE
            return None if said is FORBIDDEN and os.access(path, os.R_OK) else Altered(expected.path, said, 1, identity)
        if not os.path.exists(path):
            return Altered(expected.path, DEAD_LINK, 1, identity)
        if not may_follow(prefix, path):
            return Altered(expected.path, LINK, 1, identity)
        info = os.stat(path)
        digest = hashlib.sha256(read_bytes(prefix, expected.path, RECORD_LIMIT)).digest()
    except (OSError, ValueError, UnreadableError):
        return None
    if _is_recorded(digest, expected.sha256):
        return None
    # The link is one more name of it.
    return Altered(expected.path, digest.hex(), info.st_nlink + 1, (info.st_dev, info.st_ino))


def _is_recorded(digest: bytes, written: str) -> bool:
    """Whether a digest is the one that was written; what cannot be read as one tells nothing, so it counts as such."""
    if "," in written:
        return any(_is_recorded(digest, one) for one in written.split(","))
    if not written.startswith("sha256="):
        return digest.hex() == written
    # Ours is encoded, not theirs decoded: it takes half the time, and nearly all are alike.
    if b2a_base64(digest, newline=False).translate(_URLSAFE, b"=") == written[7:].encode("utf-8", "surrogateescape"):
        return True
    said = sha256_hex(written)
    return said is None or len(said) != 2 * len(digest) or said == digest.hex()


def _digest(descriptor: int, size: int, buffer: memoryview) -> bytes:
    if size < len(buffer):  # nearly every file: one read
        content = os.read(descriptor, size + 1)
        if len(content) == size:
            return hashlib.sha256(content).digest()
        digest = hashlib.sha256(content)
    else:
        digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        while read := file.readinto(buffer):
            digest.update(buffer[:read])
    return digest.digest()
