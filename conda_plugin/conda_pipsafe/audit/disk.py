"""Which paths of a prefix are there, asked for thousands of them: one listing per folder, not one lstat per path."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence


class Disk:
    """Existence and times of paths of one prefix, each folder listed once.

    Args:
        prefix: Absolute path of the environment.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._folders: dict[str, frozenset[str] | None] = {}
        self._present: set[str] = set()
        self._links: set[str] = set()
        self._empty: set[str] = set()

    def exists(self, path: str) -> bool:
        """Whether a prefix-relative path is there; a dead symbolic link counts, and so does what may not be looked at.

        A folder that may not be listed makes no path missing: the audit claims only what it saw.
        """
        folder, _, name = path.rpartition("/")
        try:
            names = self._folders[folder]
        except KeyError:
            names = self._list(folder)
        return names is None or (name.lower() if os.name == "nt" else name) in names

    def missing(self, paths: Sequence[str], folders: Iterable[str]) -> list[str]:
        """Those of many paths that are not there, in order; as `exists`, in a fraction of its time.

        Args:
            paths: What is looked for.
            folders: The folders in which they lie.
        """
        for folder in folders:
            if folder not in self._folders:
                self._list(folder)
        present = self._present
        absent = [path for path in paths if path not in present]
        return [path for path in absent if not self.exists(path)] if absent else absent

    def names(self, folder: str) -> frozenset[str]:
        """The entries of a prefix-relative folder; none where it is missing or may not be listed."""
        if folder not in self._folders:
            self._list(folder)
        return self._folders[folder] or frozenset()

    @property
    def listed(self) -> frozenset[str]:
        """The folders whose entries were asked for so far, prefix-relative."""
        return frozenset(self._folders)

    def is_link(self, path: str) -> bool:
        """Whether a path is a symbolic link."""
        self.names(path.rpartition("/")[0])
        return path in self._links

    def links_among(self, paths: Iterable[str]) -> set[str]:
        """Those of paths that are symbolic links; their folders were asked for before."""
        return self._links.intersection(paths) if self._links else set()

    def empty_among(self, paths: Iterable[str], folders: Iterable[str]) -> set[str]:
        """Those of paths, which lie in these folders, that are files without content, bytecode aside."""
        self.missing((), folders)
        return self._empty.intersection(paths)

    def dead_links(self, paths: Iterable[str]) -> list[str]:
        """Those of paths that are links to nothing; what may not be looked at is not claimed to be."""
        return sorted(path for path in self.links_among(paths) if self._is_dead(path))

    def _is_dead(self, path: str) -> bool:
        try:
            os.stat(os.path.join(self._prefix, path))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except (OSError, ValueError) as error:
            return getattr(error, "errno", None) == errno.ELOOP
        return False

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder itself, not a link to one."""
        absolute = os.path.join(self._prefix, path)
        return os.path.isdir(absolute) and not os.path.islink(absolute)

    def no_folders(self, paths: Iterable[str]) -> list[str]:
        """What stands in the place of a folder of paths and is none."""
        found: set[str] = set()
        for folder in {path.rpartition("/")[0] for path in paths}:
            above = folder
            while above and not os.path.lexists(os.path.join(self._prefix, above)):
                above = above.rpartition("/")[0]
            if above and not os.path.isdir(os.path.join(self._prefix, above)):
                found.add(above)
        return sorted(found)

    def is_no_file(self, path: str) -> bool:
        """Whether a folder, a link to nothing, a pipe or the like has a file's place."""
        absolute = os.path.join(self._prefix, path)
        return os.path.lexists(absolute) and not os.path.isfile(absolute)

    def mode(self, path: str) -> int | None:
        """The mode of a file, links among its names followed; None when it cannot be asked."""
        try:
            return os.stat(os.path.join(self._prefix, path)).st_mode
        except (OSError, ValueError):
            return None

    def modified(self, path: str) -> float | None:
        """Seconds since the epoch when a path was last written; None when it cannot be asked."""
        try:
            return os.lstat(os.path.join(self._prefix, path)).st_mtime
        except (OSError, ValueError):
            return None

    def _list(self, folder: str) -> frozenset[str] | None:
        names: frozenset[str] | None
        start = f"{folder}/" if folder else ""
        try:
            listed = []
            with os.scandir(os.path.join(self._prefix, folder)) as entries:
                for entry in entries:
                    listed.append(entry.name)
                    if entry.is_symlink():  # as the listing says: no further question to the system
                        self._links.add(start + entry.name)
                    elif entry.name[-4:] != ".pyc" and _has_no_bytes(entry):
                        self._empty.add(start + entry.name)
            names = frozenset(name.lower() for name in listed) if os.name == "nt" else frozenset(listed)
        except (FileNotFoundError, NotADirectoryError):
            names = frozenset()
        except (OSError, ValueError):
            names = None
        self._folders[folder] = names
        if names:
            self._present.update([start + name for name in names])
        return names


def _has_no_bytes(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.stat(follow_symlinks=False).st_size
    except OSError:  # it vanished meanwhile, or may not be asked
        return False
