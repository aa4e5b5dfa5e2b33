"""Which of many paths of a prefix are there: each folder is listed once, in place of a look for each path."""

from __future__ import annotations

import os
import posixpath


class Present:
    """What is there at one moment; ask it at once.

    Args:
        prefix: Absolute path of the environment.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[str, frozenset[str] | None] = {}

    def __call__(self, path: str) -> bool:
        """Whether a prefix-relative path is there (a dead symbolic link counts)."""
        folder, name = posixpath.split(path)
        if folder not in self._names:
            self._names[folder] = self._listed(folder)
        names = self._names[folder]
        if names is None or name in names:
            return names is not None
        # Names may be spelled in another way, and a folder need not show them.
        return os.path.lexists(os.path.join(self._prefix, path))

    def _listed(self, folder: str) -> frozenset[str] | None:
        try:
            return frozenset(os.listdir(os.path.join(self._prefix, folder)))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except OSError:
            return frozenset()
