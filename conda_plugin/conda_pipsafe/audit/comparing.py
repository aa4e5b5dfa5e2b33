"""Compare the files of every owner with the hashes that they recorded, beside the checks and without what they know.

What only the checks find out (contested paths, packages that pip replaced) is left out by `deep`, which asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.forking import may_fork
from conda_pipsafe.audit.hashing import Altered, Expected, altered_files
from conda_pipsafe.audit.overlap import is_bytecode
from conda_pipsafe.audit.sharing import MOST_TASKS, Helper, by_two_threads
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import scripts_dir

_NO_HASH = {"unix_python_entry_point", "windows_python_entry_point_script", "windows_python_entry_point_exe",
            "pyc_file", "softlink", "directory"}  # fmt: skip
_WORTH_A_FORK = 1000  # files
_ROW = 100  # bytes of a RECORD's row, about
_LEAST = 64  # files of a task
_PARTED = 8  # tasks' worth of files, from which on several share an owner: whoever has a part reads the whole list
Owner = Record | Distribution
Progress = Callable[[int, int], None]


class Compared(NamedTuple):
    """What became of one owner's files.

    Attributes:
        files: How many had a hash to compare with.
        altered: Those that are not as recorded, in the order of its list.
    """

    owner: Owner
    files: int
    altered: tuple[Altered, ...]


class _Part(NamedTuple):
    """A share of an owner's files: each `of`-th one, from `first` on."""

    owner: int
    first: int = 0
    of: int = 1


class Comparison:
    """Every owner's files, compared; to be closed, whatever happens.

    Args:
        context: What is looked at.
        progress: Called now and then with how many files are done, and of how many; from one thread at a time.
    """

    def __init__(self, context: AuditContext, progress: Progress | None = None) -> None:
        self._context = context
        self._progress = progress
        self._helper: Helper | None = None
        self._last: tuple[int, list[Expected]] = (-1, [])

    def close(self) -> None:
        """End the helper, if one was begun and still runs."""
        if self._helper is not None:
            self._helper.close()

    def begin(self) -> Comparison:
        """Let a helper begin, where that is worth it; where it fails `results` does without."""
        if sum(self._sizes) >= _WORTH_A_FORK and may_fork():
            try:
                self._helper = Helper(len(self._tasks), self._compare)
            except OSError:
                self._helper = None
        return self

    def results(self) -> Iterator[Compared]:
        """What became of the files of each owner that has any, in the order of the owners."""
        done = self._helper.finish(self._tell) if self._helper else None
        if done is None:
            done = by_two_threads(len(self._tasks), self._compare, self._tell)
        self._tell(len(self._tasks))
        files = [0] * len(self._owners)
        found: list[list[tuple[int, Altered]]] = [[] for _ in files]
        for owner, count, altered in done:
            files[owner] += count
            found[owner] += [(row, Altered(*fields)) for row, fields in altered]
        for number, owner in enumerate(self._owners):
            if files[number]:
                yield Compared(owner, files[number], tuple(altered for _, altered in sorted(found[number])))

    @cached_property
    def _owners(self) -> Sequence[Owner]:
        return _owners(self._context)

    @cached_property
    def _sizes(self) -> Sequence[int]:
        """About how many files each owner has."""
        prefix = self._context.snapshot.prefix
        return [
            len(owner.files) if isinstance(owner, Record) else _bytes(f"{prefix}/{owner.path}/RECORD") // _ROW + 1
            for owner in self._owners
        ]

    @cached_property
    def _tasks(self) -> Sequence[Sequence[_Part]]:
        """Parts of about the same number of files; those of the largest owners first, so that none is left for last."""
        most = max(_LEAST, sum(self._sizes) // (MOST_TASKS // 2) + 1)
        tasks: list[list[_Part]] = []
        filled = most
        for owner in sorted(range(len(self._sizes)), key=self._sizes.__getitem__, reverse=True):
            size = self._sizes[owner]
            if size > _PARTED * most:
                of = size // most
                tasks += ([_Part(owner, first, of)] for first in range(of))
                continue
            if filled >= most:
                tasks.append([])
                filled = 0
            tasks[-1].append(_Part(owner))
            filled += size
        return tasks

    def _tell(self, task: int) -> None:
        if self._progress is not None:
            total = sum(self._sizes)
            self._progress(total * task // max(1, len(self._tasks)), total)

    def _compare(self, task: int) -> list[tuple[int, int, list[Any]]]:
        """One task: for each part its owner, how many files it has, and those that are altered."""
        prefix = self._context.snapshot.prefix
        done = []
        for owner, first, of in self._tasks[task]:
            rows = self._expected(owner)[first::of]
            altered = [(first + row * of, tuple(found)) for row, found in altered_files(prefix, rows)]
            done.append((owner, len(rows), altered))
        return done

    def _expected(self, number: int) -> list[Expected]:
        """What an owner recorded; kept for its next part."""
        last, rows = self._last
        if last != number:
            rows = _expected(self._context, self._owners[number])
            self._last = number, rows
        return rows


def compared_among(context: AuditContext, paths: Container[str]) -> Iterator[Compared]:
    """What became of some files alone, for each owner that recorded a hash of any.

    Args:
        context: What is looked at.
        paths: Prefix-relative.
    """
    for owner in _owners(context):
        rows = [each for each in _expected(context, owner) if each.path in paths]
        if rows:
            altered = altered_files(context.snapshot.prefix, rows)
            yield Compared(owner, len(rows), tuple(found for _, found in altered))


def _owners(context: AuditContext) -> Sequence[Owner]:
    return (*context.recorded, *context.snapshot.records)


def _expected(context: AuditContext, owner: Owner) -> list[Expected]:
    """What an owner recorded; a path that is listed twice counts once, and may be as either row has it.

    meson-python's editable wheels bring a `direct_url.json`, pip writes its own over it, and its RECORD lists both.
    """
    rows: dict[str, Expected] = {}
    for each in _of_record(owner) if isinstance(owner, Record) else _of_dist(context, owner):
        other = rows.setdefault(each.path, each)
        if other is not each:
            rows[each.path] = other.or_as(each)
    return list(rows.values())


def _bytes(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def _of_dist(context: AuditContext, dist: Distribution) -> Iterator[Expected]:
    commands = f"{scripts_dir()}/"
    for path, written in context.hashes(dist):
        if written.startswith("sha256=") and not is_bytecode(path) and not path.startswith(commands):
            yield Expected(path, written)


def _of_record(record: Record) -> Iterator[Expected]:
    signed = sys.platform == "darwin"
    for fact in record.path_facts():
        if fact.sha256 is None or fact.path_type in _NO_HASH or is_bytecode(fact.path):
            continue
        if not (signed and fact.rewritten):
            yield Expected(fact.path, fact.sha256)
