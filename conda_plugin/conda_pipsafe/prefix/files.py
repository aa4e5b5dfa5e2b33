"""Bounded reading of files that may be anything: huge, binary, a pipe, a link that leads out."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import Any, Literal

ProblemKind = Literal[
    "unreadable", "not-a-file", "too-large", "link-outside", "invalid-text", "invalid-json", "invalid-record",
    "invalid-metadata", "invalid-path", "invalid-history",
]  # fmt: skip

MIB = 1024 * 1024
# The largest record of conda-forge (a few hundred thousand paths) has about 90 MiB.
RECORD_LIMIT = 256 * MIB
METADATA_LIMIT = 32 * MIB


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of the prefix that could not be read as what it should be.

    Attributes:
        kind: What is wrong with it.
        path: Prefix-relative, with forward slashes.
        detail: One sentence for people, without the file's content.
    """

    kind: ProblemKind
    path: str
    detail: str


class UnreadableError(Exception):
    """A file could not be read; `problem` says why, `missing` whether it simply is not there."""

    def __init__(self, problem: Problem, *, missing: bool = False) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.missing = missing


def read_bytes(prefix: str, relative: str, limit: int = METADATA_LIMIT) -> bytes:
    """Read one regular file of the prefix, never more than `limit` bytes, never blocking on a pipe.

    A symbolic link is followed when it stays in the prefix or leads into an extracted conda package
    (conda's softlinks into its package cache) or uv's cache; any other way out is refused.

    Raises:
        UnreadableError: With the problem, also when the file does not exist.
    """
    path = os.path.join(prefix, relative)
    try:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            if not may_follow(prefix, path):
                raise _refused("link-outside", relative, "a symbolic link that leads out of the environment")
            info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            raise _refused("not-a-file", relative, "not a regular file")
        if info.st_size > limit:
            size = info.st_size // MIB
            raise _refused("too-large", relative, f"{size} MiB, more than the {limit // MIB} MiB that is read")
        with open(path, "rb") as file:
            return file.read(limit)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "invalid file name"
        missing = isinstance(error, FileNotFoundError)
        raise UnreadableError(Problem("unreadable", relative, f"cannot be read: {reason}"), missing=missing) from error


def read_text(prefix: str, relative: str, limit: int = METADATA_LIMIT) -> str:
    """Read one file as UTF-8.

    Raises:
        UnreadableError: When it cannot be read or is not UTF-8.
    """
    try:
        return read_bytes(prefix, relative, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("invalid-text", relative, f"not UTF-8 text (byte {error.start})") from error


def read_json(prefix: str, relative: str, limit: int = METADATA_LIMIT) -> Any:  # noqa: ANN401 - JSON is any value
    """Read one file as JSON.

    Raises:
        UnreadableError: When it cannot be read or parsed.
    """
    data = read_bytes(prefix, relative, limit)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        detail = "empty" if not data.strip() else f"not valid JSON{where}"
        raise _refused("invalid-json", relative, detail) from error


def _refused(kind: ProblemKind, path: str, detail: str) -> UnreadableError:
    return UnreadableError(Problem(kind, path, detail))


def may_follow(prefix: str, path: str) -> bool:
    """Whether a link stays in the prefix or leads into an extracted conda package or uv's cache."""
    target = os.path.realpath(path)
    if is_below(target, os.path.realpath(prefix)):
        return True
    folder = os.path.dirname(target)
    while os.path.dirname(folder) != folder:
        if os.path.isfile(os.path.join(folder, "info", "index.json")):
            return True
        above, name = os.path.split(folder)
        # `uv pip install --link-mode symlink`
        if name.startswith("archive-v") and os.path.isfile(os.path.join(above, "CACHEDIR.TAG")):
            return True
        folder = above
    return False


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it; both absolute and already resolved."""
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
