"""What of pip's a copy of an environment lacks though no package of conda's has its path.

`create --clone` and `rename` copy what no record owns, with exceptions (`walk_prefix`, `untracked` and `clone_env` in
conda's `misc.py`, the same from 24.1 to 26.7), and link conda's packages over that.
"""

from __future__ import annotations

import os
import sys

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot

#: Of the environment's own folder conda passes over these.
_TOP = frozenset({
    "pkgs", "envs", "conda-bld", "conda-meta", ".conda_lock", "users", "LICENSE.txt", "info", "conda-recipes", ".index",
    ".unionfs", ".nonadmin", *(("python.app", "Launcher.app") if sys.platform == "darwin" else ()),
})  # fmt: skip
_SCRIPTS = frozenset({"bin/conda", "bin/activate", "bin/deactivate"})
_ENDS = ("~", ".DS_Store") if sys.platform == "darwin" else ("~",)


class LeftOut:
    """Tells which paths are not copied, or gone again once conda has linked its packages.

    Args:
        snapshot: The environment that is copied.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._lost: dict[str, tuple[str, ...]] = {"": ()}
        self._filled: dict[str, Record] | None = None

    def is_passed_over(self, path: str) -> bool:
        """Whether conda does not copy a path that no record has, for its name."""
        return (
            path.partition("/")[0] in _TOP
            or path.endswith(_ENDS)
            or path in _SCRIPTS
            # Python 2's bytecode lay beside its module.
            or (path.endswith(".pyc") and path_key(path[:-1]) in self._snapshot.record_paths)
        )

    def linked_over(self, path: str) -> tuple[str, ...]:
        """The packages that conda links in the place of a path's folder, or whose folder comes in the path's place."""
        if self._filled is None:
            paths = self._snapshot.record_paths
            self._filled = {key.rpartition("/")[0]: records[0] for key, records in paths.items()}
        filling = self._filled.get(path_key(path))
        if filling is not None and not os.path.isdir(os.path.join(self._snapshot.prefix, path)):
            return (f"{filling.name} {filling.version}",)
        return self._folder(path.rpartition("/")[0])

    def _folder(self, folder: str) -> tuple[str, ...]:
        if folder not in self._lost:
            records = self._snapshot.record_paths.get(path_key(folder), ())
            # A link is not followed when files are copied: what is behind it is found at its own path.
            if records and not os.path.islink(os.path.join(self._snapshot.prefix, folder)):
                self._lost[folder] = tuple(f"{record.name} {record.version}" for record in records)
            else:
                self._lost[folder] = self._folder(folder.rpartition("/")[0])
        return self._lost[folder]
