"""Paths that are one file under two names, since a folder of the prefix is a link to another one of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from conda_pipsafe.audit.disk import Disk


def linked_folders(prefix: str, disk: Disk, folders: Iterable[str]) -> Mapping[str, str]:
    """Of folders and those that they are in, the links that stay in the prefix, and the folders that they lead to.

    Args:
        prefix: Absolute path of the environment.
        disk: Its listings.
        folders: Prefix-relative.
    """
    root = os.path.realpath(prefix)
    seen: set[str] = set()
    found: dict[str, str] = {}
    for each in folders:
        folder = each
        while folder and folder not in seen:
            seen.add(folder)
            parent = folder.rpartition("/")[0]
            if disk.is_link(folder):
                real = os.path.realpath(os.path.join(prefix, folder))
                if real.startswith(root + os.sep):
                    found[folder] = os.path.relpath(real, root).replace(os.sep, "/")
            folder = parent
    return found


def behind_links(linked: Mapping[str, str], paths: Iterable[str]) -> dict[str, str]:
    """Where the files are that a link among their folders leads to: that place to the path as it was given."""
    # The longest first: what it leads to has no link left in it.
    starts = [(f"{link}/", linked[link]) for link in sorted(linked, key=len, reverse=True)]
    found: dict[str, str] = {}
    for path in paths:
        for start, real in starts:
            if path.startswith(start):
                found[f"{real}/{path[len(start) :]}"] = path
                break
    return found


def real_path(linked: Mapping[str, str]) -> Callable[[str], str] | None:
    """What leads a path to where its file is, through the links of `linked_folders`; None where there are none."""
    if not linked:
        return None

    def real(path: str) -> str:
        return next(iter(behind_links(linked, [path])), path)

    return real


def leads_below(prefix: str, path: str, folder: str | None) -> bool:
    """Whether a prefix-relative path is a link into an absolute folder, be it there or not."""
    try:
        target = os.readlink(os.path.join(prefix, path)) if folder else ""
    except OSError:
        return False
    return bool(folder) and target.startswith(os.path.join(str(folder), ""))


def folders_of(paths: Iterable[str]) -> frozenset[str]:
    """The folders in which paths lie."""
    return frozenset([path.rpartition("/")[0] for path in paths])
