"""What a prefix looks like, to the inode."""

from __future__ import annotations

import os
from pathlib import Path


def tree(prefix: Path) -> dict[str, tuple[int, int, int]]:
    """inode, size and mtime of every file and folder of a prefix; without our folder and `__pycache__`."""
    found: dict[str, tuple[int, int, int]] = {}
    for folder, folders, names in os.walk(prefix):
        folders[:] = [name for name in folders if name not in {"pipsafe", "__pycache__"}]
        for name in names:
            path = Path(folder, name)
            info = path.lstat()
            found[str(path.relative_to(prefix))] = (info.st_ino, info.st_size, info.st_mtime_ns)
    return found
