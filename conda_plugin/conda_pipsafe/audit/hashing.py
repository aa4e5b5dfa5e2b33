"""Compare files with the hashes that their owners recorded, two at a time."""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import threading
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from conda_pipsafe.audit.forking import may_fork
from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, may_follow, read_bytes
from conda_pipsafe.prefix.record_csv import sha256_hex

_CHUNK = 64  # files that are taken at once
_NUMBER = 4  # bytes of a chunk's number
_MOST_CHUNKS = 1000  # whose numbers fit into the smallest of pipes, a page
_WORTH_A_FORK = 1000  # files
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
Progress = Callable[[int, int], None]


class Expected(NamedTuple):
    """A file and what its owner recorded; a tuple, since there are a hundred thousand of them.

    Attributes:
        path: Prefix-relative.
        sha256: In hex, or as a RECORD has it: `sha256=`, then urlsafe base64 without padding.
    """

    path: str
    sha256: str


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


def altered_files(prefix: str, expected: Sequence[Expected], progress: Progress | None = None) -> list[Altered]:
    """The files that are not as recorded, in the order given; those that are not there are left out.

    Args:
        prefix: Absolute path of the environment.
        expected: What to compare.
        progress: Called now and then with how many are done, and of how many; from one thread at a time.
    """
    found = None
    if len(expected) >= _WORTH_A_FORK and may_fork():
        found = _by_two_processes(_Work(prefix, expected, progress))
    if found is None:
        found = _by_two_threads(_Work(prefix, expected, progress))
    return [altered for _, altered in sorted(found, key=lambda item: item[0])]


class _Work:
    """Files to compare, and what was found."""

    def __init__(self, prefix: str, expected: Sequence[Expected], progress: Progress | None) -> None:
        self.found: list[tuple[int, Altered]] = []
        # Of so many files that the numbers of all chunks go into a pipe at once.
        self.chunk = max(_CHUNK, -(-len(expected) // _MOST_CHUNKS))
        self.chunks = range(-(-len(expected) // self.chunk))
        self._prefix = prefix
        self._expected = expected
        self.progress = progress

    def run(self, take: Callable[[], int | None]) -> None:
        """Compare the chunks that are taken, until there are none."""
        buffer = memoryview(bytearray(_BUFFER))
        while (number := take()) is not None:
            start = number * self.chunk
            self.say(start)
            for index in range(start, min(start + self.chunk, len(self._expected))):
                altered = _compare(self._prefix, self._expected[index], buffer)
                if altered is not None:
                    self.found.append((index, altered))

    def say(self, done: int | None = None) -> None:
        """Tell how many files are done; all of them by default."""
        if self.progress is not None:
            self.progress(len(self._expected) if done is None else done, len(self._expected))


def _by_two_threads(work: _Work) -> list[tuple[int, Altered]]:
    lock = threading.Lock()
    numbers = iter(work.chunks)

    def take() -> int | None:
        with lock:
            return next(numbers, None)

    other = threading.Thread(target=work.run, args=(take,), daemon=True)
    other.start()
    work.run(take)
    other.join()
    work.say()
    return work.found


def _by_two_processes(work: _Work) -> list[tuple[int, Altered]] | None:
    """As two threads, which hold each other up: most files are so small that nearly all of the work is Python's.

    Returns:
        None when the other process did not come to its end.
    """
    tasks, write = os.pipe()
    os.write(write, b"".join(number.to_bytes(_NUMBER, "big") for number in work.chunks))
    os.close(write)
    answer, write = os.pipe()

    def take() -> int | None:
        number = os.read(tasks, _NUMBER)
        return int.from_bytes(number, "big") if number else None

    child = os.fork()
    if child == 0:  # pragma: no cover - not seen from here
        _answer(work, take, write)
    os.close(write)
    try:
        with open(answer, "rb") as file:
            work.run(take)
            said = file.read()
    finally:
        # Nobody reads any more: the other one cannot wait for us.
        os.close(tasks)
        _, status = os.waitpid(child, 0)
    if status != 0:
        return None
    work.say()
    return work.found + [(index, Altered(*fields)) for index, fields in marshal.loads(said)]  # noqa: S302 - our own


def _answer(work: _Work, take: Callable[[], int | None], write: int) -> NoReturn:  # pragma: no cover - as above
    """What the other process does; it ends here, whatever happens, and nothing of the parent's ends with it."""
    code = 1
    try:
        work.progress = None
        work.run(take)
        with open(write, "wb") as file:
            file.write(marshal.dumps([(index, tuple(altered)) for index, altered in work.found]))
        code = 0
    finally:
        os._exit(code)


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
