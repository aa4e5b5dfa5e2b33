"""Whether a prefix is as it was at the last look, told by a handful of stats.

Imports nothing but what conda has loaded already: this runs before every conda command that we hook. What was seen is
kept in the user's cache folder (`ledger.cache_files`). It is only ever a reason not to look: lost, stale or forged, it
costs a look or saves one, and nothing else depends on it.
"""

from __future__ import annotations

import json
import os
import time

from conda_pipsafe import __version__
from conda_pipsafe.ledger import cache_files

# A folder that changed so shortly before the look may change again without its times telling (FAT counts 2 s).
RACY_NS = 2_000_000_000
_FORMAT = 1
_PURPOSE = "seen"

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
        with open(cache_files.path_of(_PURPOSE, prefix), encoding="ascii") as file:
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
    stamps = {relative: _stamp(os.path.join(prefix, relative)) for relative in paths}
    value = {
        "format": _FORMAT,
        "by": __version__,
        "prefix": ascii(prefix),
        "looked": looked,
        "facts": facts,
        "stamps": stamps,
    }
    return cache_files.keep(cache_files.path_of(_PURPOSE, prefix), json.dumps(value, separators=(",", ":")))


def forget(prefix: str) -> None:
    """Have the next command look."""
    try:
        os.unlink(cache_files.path_of(_PURPOSE, os.path.realpath(prefix)))
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
