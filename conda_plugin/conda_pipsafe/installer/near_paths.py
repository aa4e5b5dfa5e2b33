"""Where a path that a wheel writes meets conda's though no file of conda's is spelled like it.

By a link on the way (`lib64/` for `lib/`), by a file where conda has a folder or the reverse, and by what `import`
takes first: a package `docopt/` hides a module `docopt.py` beside it, and a compiled module one in Python.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.files import is_below
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot

_COMPILED = (".so", ".pyd")
_MODULES = (".py", ".abi3.so", *_COMPILED)


class Folders:
    """The folders on the way to paths, as they are on disk; each is looked at once.

    Args:
        prefix: Absolute path of the environment.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._real = os.path.realpath(prefix)
        self._spelled: dict[str, str] = {"": ""}
        self._missing: set[str] = set()

    def spelled(self, path: str) -> str:
        """A prefix-relative path without links on the way to it."""
        folder, _, name = path.rpartition("/")
        spelled = self._folder(folder)
        return path if spelled == folder else posixpath.join(spelled, name)

    def is_there(self, folder: str) -> bool:
        """Whether a folder on the way to a path that was `spelled` is there."""
        return folder not in self._missing

    def _folder(self, folder: str) -> str:
        known = self._spelled.get(folder)
        if known is None:
            known = self._spelled[folder] = self._look(folder)
        return known

    def _look(self, folder: str) -> str:
        above, name = posixpath.split(folder)
        plain = posixpath.join(self._folder(above), name)
        if above in self._missing:
            self._missing.add(folder)
            return plain
        absolute = os.path.join(self._prefix, plain)
        try:
            if not stat.S_ISLNK(os.lstat(absolute).st_mode):
                return plain
        except (OSError, ValueError):
            self._missing.add(folder)
            return plain
        real = os.path.realpath(absolute)
        return os.path.relpath(real, self._real).replace(os.sep, "/") if is_below(real, self._real) else plain


def in_the_way(paths: Iterable[str], folders: Folders, snapshot: Snapshot) -> Iterator[tuple[Record, str]]:
    """conda's files where a path needs a folder, and conda's folders where it needs a file."""
    paths = list(paths)
    for folder in sorted(_with_parents({posixpath.dirname(path) for path in paths})):
        for record in snapshot.record_paths.get(path_key(folder), ()):
            if not os.path.isdir(os.path.join(snapshot.prefix, folder)):
                yield record, folder
    for path in paths:
        if folders.is_there(posixpath.dirname(path)) and os.path.isdir(os.path.join(snapshot.prefix, path)):
            below = f"{path_key(path)}/"
            yield from ((record, path) for record in snapshot.records if _has_any(record, below))


def hidden_by(path: str, snapshot: Snapshot) -> Iterator[tuple[Record, str]]:
    """conda's modules that Python would no longer import once a path is there."""
    folder, name = posixpath.split(path)
    stem, dot, ending = name.partition(".")
    others: tuple[str, ...] = _MODULES
    if stem == "__init__" and dot and f".{ending}".endswith((".py", *_COMPILED)):
        module = folder
    elif name.endswith(_COMPILED):
        module, others = posixpath.join(folder, stem), (".py",)
        if snapshot.record_paths.get(path_key(f"{module}/__init__.py")):
            return  # a package comes first: neither of the two is imported
    else:
        return
    if not any(module.startswith(f"{site.path}/") for site in snapshot.sites if site.current):
        return
    hidden = [(record, f"{module}{other}") for other in others
              for record in snapshot.record_paths.get(path_key(f"{module}{other}"), ())]  # fmt: skip
    if hidden and not snapshot.exists(path):  # else it is hidden already
        yield from hidden


def _with_parents(folders: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for folder in folders:
        above = folder
        while above and above not in found:
            found.add(above)
            above = posixpath.dirname(above)
    return found


def _has_any(record: Record, below: str) -> bool:
    return any(path_key(path).startswith(below) for path in record.files)
