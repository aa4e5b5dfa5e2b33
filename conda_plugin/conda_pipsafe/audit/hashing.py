"""Compare files with the hashes that their owners recorded, with two threads."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from conda_pipsafe.prefix.record_csv import sha256_hex

THREADS = 2
_CHUNK = 64  # files that a thread takes at once
_BUFFER = 1024 * 1024
# Neither a pipe nor a link is followed: O_NONBLOCK returns at once, O_NOFOLLOW fails.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_URLSAFE = bytes.maketrans(b"+/", b"-_")
Progress = Callable[[int, int], None]


class Expected(NamedTuple):
    """A file and what its owner recorded; a tuple, since there are a hundred thousand of them.

    Attributes:
        path: Prefix-relative.
        sha256: In hex, or as a RECORD has it: `sha256=`, then urlsafe base64 without padding.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Altered:
    """A file whose content is not what its owner recorded.

    Attributes:
        path: Prefix-relative.
        sha256: What it has, hex.
        links: How many names the file has: more than one where other environments or the package cache share it.
        identity: Device and inode.
    """

    path: str
    sha256: str
    links: int
    identity: tuple[int, int]


def altered_files(prefix: str, expected: Sequence[Expected], progress: Progress | None = None) -> list[Altered]:
    """The files that are not as recorded, in the order given; those that cannot be read, and links, are left out.

    Args:
        prefix: Absolute path of the environment.
        expected: What to compare.
        progress: Called now and then with how many are done, and of how many; from one thread at a time.
    """
    work = _Work(prefix, expected, progress)
    threads = [threading.Thread(target=work.run, daemon=True) for _ in range(THREADS - 1)]
    for thread in threads:
        thread.start()
    work.run()
    for thread in threads:
        thread.join()
    return [found for _, found in sorted(work.found, key=lambda item: item[0])]


class _Work:
    """What the threads share: the next file, and what was found."""

    def __init__(self, prefix: str, expected: Sequence[Expected], progress: Progress | None) -> None:
        self.found: list[tuple[int, Altered]] = []
        self._prefix = prefix
        self._expected = expected
        self._progress = progress
        self._lock = threading.Lock()
        self._next = 0

    def run(self) -> None:
        buffer = memoryview(bytearray(_BUFFER))
        while True:
            with self._lock:
                start = self._next
                self._next += _CHUNK
                if self._progress is not None:
                    self._progress(min(start, len(self._expected)), len(self._expected))
            if start >= len(self._expected):
                return
            for index in range(start, min(start + _CHUNK, len(self._expected))):
                altered = _compare(self._prefix, self._expected[index], buffer)
                if altered is not None:
                    self.found.append((index, altered))


def _compare(prefix: str, expected: Expected, buffer: memoryview) -> Altered | None:
    try:
        descriptor = os.open(f"{prefix}/{expected.path}", _FLAGS)
    except (OSError, ValueError):
        return None
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return None
        digest = _digest(descriptor, info.st_size, buffer)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if _is_recorded(digest, expected.sha256):
        return None
    return Altered(expected.path, digest.hex(), info.st_nlink, (info.st_dev, info.st_ino))


def _is_recorded(digest: bytes, written: str) -> bool:
    """Whether a digest is the one that was written; what cannot be read as one tells nothing, so it counts as such."""
    if not written.startswith("sha256="):
        return digest.hex() == written
    # Ours is encoded, not theirs decoded: it takes half the time, and nearly all are alike.
    if b2a_base64(digest, newline=False).translate(_URLSAFE, b"=") == written[7:].encode("utf-8", "surrogateescape"):
        return True
    said = sha256_hex(written)
    return said is None or len(said) != 2 * len(digest) or said == digest.hex()


def _digest(descriptor: int, size: int, buffer: memoryview) -> bytes:
    if size < len(buffer):  # nearly every file: one read
        content = os.read(descriptor, len(buffer))
        if len(content) == size:
            return hashlib.sha256(content).digest()
        digest = hashlib.sha256(content)
    else:
        digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        while read := file.readinto(buffer):
            digest.update(buffer[:read])
    return digest.digest()
