"""Folders with two names: through a symbolic link to a folder conda writes into the folder itself.

Such are `lib64`, the `lib/python3.13` of a free-threaded Python, and links that people make.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterable

from conda_pipsafe.prefix.files import is_below
from conda_pipsafe.prefix.paths import path_key


class Folders:
    """Finds the one name of a path's folder; each folder is looked at once.

    Args:
        prefix: Absolute path.
        gone: Keys of the paths that are taken away first: a link among them leads nowhere any more.
    """

    def __init__(self, prefix: str, gone: Container[str] = ()) -> None:
        self._prefix, self._gone = prefix, gone
        self._known = {"": ""}

    def key(self, path: str) -> str:
        """The key (`path_key`) of a prefix-relative path, its folder by its own name."""
        folder, slash, name = path.rpartition("/")
        if not slash:
            return path_key(path)
        real = self._known.get(folder)
        if real is None:
            real = self._find(folder)
        return path_key(f"{real}/{name}" if real else name)

    def keys(self, paths: Collection[str]) -> Iterable[str]:
        """The key of each path, in order.

        Nearly always every folder goes by its own name: then the paths are the keys, and nothing is made of them.
        """
        folders = {path.rpartition("/")[0] for path in paths}
        if os.name != "nt" and all(self._find(folder) == folder for folder in folders):
            return paths
        return map(self.key, paths)

    def written(self, path: str) -> str | None:
        """The key of the file that conda writes when it makes a script: through a link that is there, if one is.

        None when the link leads out of the prefix.
        """
        key = self.key(path)
        full = os.path.join(self._prefix, key)
        if not os.path.islink(full):
            return key
        real, root = os.path.realpath(full), os.path.realpath(self._prefix)
        return path_key(os.path.relpath(real, root).replace(os.sep, "/")) if is_below(real, root) else None

    def _find(self, folder: str) -> str:
        known = self._known.get(folder)
        if known is not None:
            return known
        parent, _, name = folder.rpartition("/")
        above = self._find(parent)
        here = f"{above}/{name}" if above else name
        full = os.path.join(self._prefix, here)
        if os.path.islink(full) and path_key(here) not in self._gone:
            here = self._target(full) or here
        self._known[folder] = here
        return here

    def _target(self, full: str) -> str | None:
        """Where a link leads, prefix-relative; None when that is no folder of the prefix."""
        real, root = os.path.realpath(full), os.path.realpath(self._prefix)
        if real == root or not is_below(real, root) or not os.path.isdir(real):
            return None
        return os.path.relpath(real, root).replace(os.sep, "/")
