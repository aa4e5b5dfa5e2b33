"""Files that conda "writes" and yet leaves as they are."""

from __future__ import annotations

import os
import sys
import warnings

from conda_pipsafe.prefix.patterns import lazy

_TAG = lazy(r"\.cpython-(\d)(\d+)\.pyc$")


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


def module_of(compiled: str) -> str:
    """The module of a `.pyc` in a `__pycache__`, by their names (PEP 3147)."""
    folder, _, name = compiled.rpartition("/")
    stem = name.rpartition(".cpython-")[0] or name.partition(".")[0]
    return f"{folder.rpartition('/')[0]}/{stem}.py"


def fails_to_compile(source: str, compiled: str) -> bool:
    """Whether Python's compiler will make no `.pyc` of a module: it has a syntax error, as templates and old ones do.

    conda goes on then, and whatever lies in the `.pyc`'s place stays. Judged by the Python that runs this, which may
    be newer than the one that compiles.

    Args:
        source: The module.
        compiled: The `.pyc`, whose name says which Python that is.
    """
    tag = _TAG.search(compiled)
    version = (int(tag[1]), int(tag[2])) if tag else sys.version_info[:2]
    try:
        with open(source, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = file.read()
            compile(text, "module", "exec", dont_inherit=True)
            if version < sys.version_info[:2]:
                import ast

                ast.parse(text, feature_version=version)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return True
    except OSError:
        return False
    return False
