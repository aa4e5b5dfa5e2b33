"""The last audit's report, kept for as long as nothing that it looked at has changed.

Kept in the user's cache folder (`ledger.cache_files`). It holds every path that the audit listed or read, and one hash
over their times of change (ctime, which nobody can set) and inodes: folders in which owned files lie, records,
metadata, RECORDs, commands, contested files, settings outside of the prefix. Those that were not there must not be.
Adding, removing and replacing a file changes its folder, and writing into one of the files that were read changes that.

Not seen is what the audit does not look at either: the content of other files (`--deep` does, and never asks here).
Also a change within two seconds before the look makes it look again (`ledger.seen.RACY_NS`). But for our own: the first
look begins the ledger; of what is that fresh the content is kept, too, so that the second finds nothing changed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from conda_pipsafe import __version__
from conda_pipsafe.audit.report import AuditReport, decode_report, encode_report
from conda_pipsafe.ledger import cache_files, seen

if TYPE_CHECKING:
    from conda_pipsafe.audit.context import AuditContext

_FORMAT = 3
_PURPOSE = "audit"
_READ = ("METADATA", "RECORD", "INSTALLER", "direct_url.json", "entry_points.txt", "PKG-INFO", "requires.txt",
         "installed-files.txt")  # fmt: skip
_MOST_WALKED = 2000
_META = "conda-meta"
# What reconciling writes; the first one changes conda-meta itself, in which the folder is new.
_OURS = (_META, f"{_META}/pipsafe", f"{_META}/pipsafe/ledger.jsonl", f"{_META}/pipsafe/vault")
_SETTINGS = ("PYTHON", "PIP_", "CONDA_", "VIRTUAL_ENV", "HOME", "XDG_", "JUPYTER_", "APPDATA")
_KERNELS = "share/jupyter/kernels"


def recall(prefix: str) -> AuditReport | None:
    """The report of the last audit, when all that it looked at is as it was; None when it has to look."""
    prefix = os.path.realpath(prefix)
    try:
        with open(memory_file(prefix), encoding="ascii") as file:
            kept = json.load(file)
        if kept["format"] != _FORMAT or kept["key"] != _key(prefix) or kept["looked"] > time.time_ns():
            return None
        if any(_stamp(path) is not None for path in kept["absent"]):
            return None
        if _fingerprint(_stamps(kept["paths"].split("\n"))) != kept["fingerprint"]:
            return None
        if any(_content(path) != content for path, content in kept["fresh"].items()):
            return None
        return decode_report(kept["report"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def remember(context: AuditContext, report: AuditReport, looked: int) -> bool:
    """Keep a report.

    Args:
        context: What was looked at.
        report: What was found.
        looked: `time.time_ns()` before anything was read.

    Returns:
        Whether it could be kept; that it cannot is no error.
    """
    prefix = os.path.realpath(report.prefix)
    # os.path.join leaves those outside as they are.
    watched = sorted({os.path.join(prefix, path) for path in _watched(context, report)})
    if report.prefix != prefix or any("\n" in path for path in watched):
        return False
    paths, absent = _parted(watched)
    try:
        stamps = _stamps(paths)
        # What changed so lately may change again without its times telling.
        fresh = [path for path, at in zip(paths, stamps[::2], strict=True) if at >= looked - seen.RACY_NS]
        if fresh and not _is_ours(context, prefix, fresh):
            return False
        value = {
            "format": _FORMAT,
            "key": _key(prefix),
            "looked": looked,
            "paths": "\n".join(paths),
            "absent": absent,
            "fingerprint": _fingerprint(stamps),
            "fresh": {path: _content(path) for path in fresh},
            "report": encode_report(report),
        }
        text = json.dumps(value, separators=(",", ":"), default=list)
    except (OSError, ValueError, TypeError):
        return False
    return cache_files.keep(memory_file(prefix), text)


def _is_ours(context: AuditContext, prefix: str, fresh: Iterable[str]) -> bool:
    """Whether nothing but our own ledger is fresh; in conda-meta, every record is there that was read, and no other."""
    if not {os.path.join(prefix, path) for path in _OURS}.issuperset(fresh):
        return False
    read = {record.meta_path.rpartition("/")[2] for record in context.snapshot.records}
    now = frozenset(os.listdir(os.path.join(prefix, _META)))
    return now - {"pipsafe"} == context.disk.names(_META) - {"pipsafe"} and read <= now


def _content(path: str) -> str:
    """What tells that a file, or the list of a folder, is the same.

    Raises:
        OSError: When it cannot be read.
    """
    if os.path.isdir(path):
        return cache_files.digest(os.fsencode("\0".join(sorted(os.listdir(path)))))
    with open(path, "rb") as file:
        return cache_files.digest(file.read())


def memory_file(prefix: str) -> str:
    """Where the report of an environment is kept, by its real path."""
    return cache_files.path_of(_PURPOSE, prefix)


def _parted(watched: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is there and what is not; without those whose coming the folder tells in which they would be."""
    there: dict[str, None] = {}
    absent: list[str] = []
    for path in watched:
        if _stamp(path) is not None:
            there[path] = None
        elif os.path.dirname(path) not in there or os.path.lexists(path):
            absent.append(path)
    return list(there), absent


def _key(prefix: str) -> str:
    """What else the answer depends on: our version, Python and its packages (checks of others), the variables."""
    stamps = [_stamp(folder) for folder in sys.path]
    variables = sorted(item for item in os.environ.items() if item[0].startswith(_SETTINGS))
    said = repr((__version__, sys.version, prefix, sys.path, stamps, variables))
    return cache_files.digest(said.encode("utf-8", "surrogateescape"))


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        changed, inode = _stamps([path])
    except (OSError, ValueError):
        return None
    return changed, inode


def _stamps(paths: Iterable[str]) -> list[int]:
    """Time of change and inode of one path after the other.

    Raises:
        OSError, ValueError: When one is not there.
    """
    # ctime is the time of creation on Windows; there the time of modification has to do.
    windows, stat = os.name == "nt", os.stat
    stamps: list[int] = []
    for path in paths:
        info = stat(path)
        stamps += (info.st_mtime_ns if windows else info.st_ctime_ns, info.st_ino)
    return stamps


def _fingerprint(stamps: list[int]) -> str:
    return cache_files.digest(repr(stamps).encode())


def _watched(context: AuditContext, report: AuditReport) -> Iterator[str]:
    from conda_pipsafe.audit.checks import checkouts, startup

    snapshot = context.snapshot
    yield from (
        snapshot.prefix,
        "conda-meta",
        "conda-meta/history",
        "conda-meta/pinned",
        "conda-meta/frozen",
        "lib",
        "lib64",
        "Lib",
    )
    yield from ("conda-meta/pipsafe", "conda-meta/pipsafe/ledger.jsonl", "conda-meta/pipsafe/vault")
    yield from (f"conda-meta/{name}" for name in context.disk.names("conda-meta") if name.endswith(".json"))
    yield from context.disk.listed
    for site in snapshot.sites:
        yield from (site.path, site.path.rpartition("/")[0])
        yield from _unowned(context, site.path)
        yield from startup.pth_files(context, site.path)
    for dist in snapshot.distributions:
        yield dist.path
        if dist.kind in {"dist-info", "egg-info"}:
            yield from (f"{dist.path}/{name}" for name in _READ)
    for folder in ("bin", "Scripts"):
        yield from (f"{folder}/{name}" for name in context.disk.names(folder))
    for paths in context.contested.values():
        yield from paths
    for dist in context.foreign:
        yield from checkouts.watched(context, dist)
        yield from context.disk.links_among(context.paths(dist))
    for record in snapshot.records:
        # In the place of a file: what it leads to may vanish without a change of its folder.
        links = context.disk.links_among(record.files)
        yield from links - context.own_links(record) if links else ()
    yield from (finding.subject for finding in report.findings if finding.code == "PS109")
    yield from _outside(context, report)


def _unowned(context: AuditContext, site: str) -> Iterator[str]:
    """Folders that nobody owns: what is in them tells whether they are husks."""
    listed = context.disk.listed
    count = 0
    for name in context.disk.names(site):
        path = f"{site}/{name}"
        if path in listed or "." in name or not context.disk.is_folder(path):
            continue
        for root, _folders, _files in os.walk(os.path.join(context.snapshot.prefix, path)):
            yield os.path.relpath(root, context.snapshot.prefix).replace(os.sep, "/")
            count += 1
            if count > _MOST_WALKED:
                return


def _outside(context: AuditContext, report: AuditReport) -> Iterator[str]:
    """What the check of targets looks at: settings, packages and kernels, of the prefix and of the user."""
    from conda_pipsafe.audit.checks import targets

    prefix = context.snapshot.prefix
    if context.snapshot.python:
        yield targets.user_site_folder(context.snapshot.python, os.environ)
    yield from (targets.CONF, "conda-meta/state", _KERNELS)
    for name in context.disk.names(_KERNELS):
        yield from (f"{_KERNELS}/{name}", f"{_KERNELS}/{name}/kernel.json")
    users = os.path.abspath(targets.user_kernels(os.environ))
    yield users  # also where it is not there yet
    for folder, _, names in os.walk(users):
        yield folder
        yield from (os.path.join(folder, name) for name in names if name == "kernel.json")
    for finding in report.findings:
        named = finding.facts.get("python") if finding.code == "PS408" else None
        yield from [named] if isinstance(named, str) else []
    try:
        with open(os.path.join(prefix, targets.CONF), encoding="utf-8") as file:
            constraints = targets.settings_of(file.read()).get("constraint", "").split()
    except (OSError, ValueError):
        return
    yield from (path for word in constraints if os.path.isabs(path := word.removeprefix("file://")))
