"""Whether a prefix is as it was at the last look, told by a handful of stats.

Imports nothing but what conda has loaded already: this runs before every conda command that we hook. What was seen is
kept in the user's cache folder, not in the prefix (`docs/ledger.md` says why), one small file per prefix. It is only
ever a reason not to look: lost, stale or forged, it costs a look or saves one, and nothing else depends on it.
"""

from __future__ import annotations

import json
import os
import sys
import time

from conda_pipsafe import __version__

# A folder that changed so shortly before the look may change again without its times telling (FAT counts 2 s).
RACY_NS = 2_000_000_000
FILES_KEPT = 512
_FORMAT = 1

Stamp = list[int] | None


def unchanged(prefix: str) -> bool:
    """Whether nothing that the ledger would record has changed since the last look.

    Not seen are changes that alter no folder: a file written in place inside a `*.dist-info`. Adding, replacing or
    removing one is seen, and so is every installer.
    """
    return recall(prefix) is not None


def recall(prefix: str) -> dict[str, object] | None:
    """What the last look remembered, when the prefix is still as it was then; None when it has to be looked at."""
    prefix = os.path.realpath(prefix)
    try:
        with open(_file(prefix), encoding="ascii") as file:
            remembered = json.load(file)
        if (
            remembered["format"] != _FORMAT
            or remembered["by"] != __version__
            or remembered["prefix"] != ascii(prefix)
            or remembered["looked"] > time.time_ns()
        ):
            return None
        newest = remembered["looked"] - RACY_NS
        for path, then in remembered["stamps"].items():
            now = _stamp(os.path.join(prefix, path))
            if now != then or (now is not None and _changed(now) >= newest):
                return None
        facts = remembered["facts"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def remember(prefix: str, looked: int, paths: list[str], facts: dict[str, object]) -> bool:
    """Remember what a prefix looks like.

    Args:
        prefix: Absolute path of the environment.
        looked: `time.time_ns()` before anything of it was read. Whatever changed afterwards has a time after it, so
            that the stamps may be taken after the reading.
        paths: Prefix-relative paths whose change means that something happened; those that do not exist count too.
        facts: JSON values that are true as long as nothing changes.

    Returns:
        Whether it could be kept. That it cannot is no error: then every command looks.
    """
    prefix = os.path.realpath(prefix)
    path = _file(prefix)
    stamps = {relative: _stamp(os.path.join(prefix, relative)) for relative in paths}
    value = {
        "format": _FORMAT,
        "by": __version__,
        "prefix": ascii(prefix),
        "looked": looked,
        "facts": facts,
        "stamps": stamps,
    }
    folder = os.path.dirname(path)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        if not _is_ours(folder):
            return False
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _make_room(folder)
        with open(temporary, "w", encoding="ascii") as file:
            json.dump(value, file, separators=(",", ":"))
        os.replace(temporary, path)
    except (OSError, ValueError):
        return False
    return True


def forget(prefix: str) -> None:
    """Have the next command look."""
    try:
        os.unlink(_file(os.path.realpath(prefix)))
    except OSError:
        return


def watched(sites: list[str], metadata: list[str]) -> list[str]:
    """The paths whose stamps tell that something happened.

    Args:
        sites: The site-packages folders, prefix-relative.
        metadata: The dist-info and egg-info folders and files, prefix-relative.
    """
    paths = ["conda-meta", "conda-meta/history", "conda-meta/pipsafe/ledger.jsonl", "lib", "lib64", "Lib"]
    for site in sites:
        # A new site-packages is an entry of its python3.12, and that one of lib.
        paths += [site, site.rsplit("/", 1)[0]]
    return list(dict.fromkeys([*paths, *metadata]))


def _stamp(path: str) -> Stamp:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return [info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_size]


def _changed(stamp: list[int]) -> int:
    # Nobody can set the time of change back, while copying tools set that of modification. Windows has only the latter.
    return stamp[0] if os.name == "nt" else stamp[1]


def _file(prefix: str) -> str:
    import hashlib

    name = hashlib.sha256(os.fsencode(prefix)).hexdigest()[:32]
    return os.path.join(_cache(), "seen", f"{name}.json")


def _cache() -> str:
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    elif sys.platform == "darwin" and not os.environ.get("XDG_CACHE_HOME"):
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "conda-pipsafe")


def _is_ours(folder: str) -> bool:
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
