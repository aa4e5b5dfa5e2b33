"""Small files in the user's cache folder, one for each prefix and purpose: what was seen there last.

Never in the prefix (`docs/ledger.md` says why). Nothing depends on one: lost or damaged, it costs another look. Every
conda command that we hook imports this, and so does an audit that only looks whether anything changed: it imports
nothing that the one has not loaded already or that would make the other slow.
"""

from __future__ import annotations

import os
import sys

try:
    # The very function of hashlib, which itself takes milliseconds: it loads OpenSSL.
    from _blake2 import blake2b
except ImportError:  # pragma: no cover - a Python without it
    from hashlib import blake2b

FILES_KEPT = 512  # of one purpose


def digest(data: bytes) -> str:
    """A hash that tells contents apart, in hex."""
    return blake2b(data, digest_size=16).hexdigest()


def path_of(purpose: str, prefix: str) -> str:
    """Where the file of a prefix is, whether it exists or not.

    Args:
        purpose: The folder's name.
        prefix: Absolute real path of the environment.
    """
    return os.path.join(cache_folder(), purpose, f"{digest(os.fsencode(prefix))}.json")


def keep(path: str, text: str) -> bool:
    """Write such a file at once; old ones make room for it.

    Args:
        path: From `path_of`.
        text: Of ASCII.

    Returns:
        Whether it could be written; that it cannot is no error.
    """
    folder = os.path.dirname(path)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        if not may_be_ours(folder):
            return False
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _make_room(folder)
        with open(temporary, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(temporary, path)
    except (OSError, ValueError):
        return False
    return True


def cache_folder() -> str:
    """Our folder below the user's cache, as the platform has it."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    elif sys.platform == "darwin" and not os.environ.get("XDG_CACHE_HOME"):
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "conda-pipsafe")


def may_be_ours(folder: str) -> bool:
    """Whether a folder is, or would be made, in one of this user's.

    `sudo` keeps HOME, and what root made there its owner could not write.
    """
    if not hasattr(os, "geteuid"):
        return True
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.stat(folder).st_uid == os.geteuid()


def _make_room(folder: str) -> None:
    entries = list(os.scandir(folder))
    if len(entries) < FILES_KEPT:
        return
    entries.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
    for entry in entries[: len(entries) - FILES_KEPT // 2]:
        os.unlink(entry.path)
