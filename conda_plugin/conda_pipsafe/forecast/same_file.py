"""Files that conda "writes" and yet leaves as they are."""

from __future__ import annotations

import os


def is_linked_already(path: str, source: str) -> bool:
    """Whether the path is a hard link of the very file that conda will link there."""
    try:
        here, there = os.lstat(path), os.lstat(source)
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def is_compiled_already(path: str, source: str) -> bool:
    """Whether `compileall` will pass over a `.pyc`: its header (PEP 552) has no flags and the module's time."""
    try:
        with open(path, "rb") as file:
            header = file.read(12)
        modified = int(os.stat(source).st_mtime)
    except OSError:
        return False
    return header[4:] == bytes(4) + (modified & 0xFFFFFFFF).to_bytes(4, "little")
