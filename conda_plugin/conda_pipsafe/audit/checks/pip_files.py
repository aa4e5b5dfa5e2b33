"""PS202: files that a distribution has in its RECORD and that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.overlap import is_bytecode
from conda_pipsafe.audit.wording import counted, installer, matters, part_of
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.history import History, split_dist
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for the files of every distribution that conda did not bring."""
    elsewhere = {key for health in context.health for key in health.beside}
    for dist in context.foreign:
        # Told as a duplicate, whose repair mends this too; or as a RECORD whose last path is half a path.
        if dist.key in elsewhere or dist.path in context.cut_off:
            continue
        missing = (*context.missing_files(dist), *_plugins(context, dist))
        if missing:
            yield _finding(context, dist, missing, misplaced(context, dist))


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("pip-files", check)]


def _plugins(context: AuditContext, dist: Distribution) -> Iterator[str]:
    """`entry_points.txt` where it is gone: nobody misses it, as plugins just do not appear."""
    path = f"{dist.path}/entry_points.txt"
    if path in context.paths(dist) and not context.disk.exists(path):
        yield path


def _finding(context: AuditContext, dist: Distribution, missing: tuple[str, ...], elsewhere: list[str]) -> Finding:
    inside = f"{dist.path}/"
    total = sum(1 for path in context.paths(dist) if not path.startswith(inside) and not is_bytecode(path))
    total += sum(1 for path in missing if path.startswith(inside))
    revision = _unlinked_by(context.snapshot.history, dist.key)
    tail = f"; conda removed its own {dist.name} in revision {revision}" if revision is not None else ""
    if elsewhere:
        tail += f"; `pip install --target` put {counted(len(elsewhere), 'file')} below {dist.site.path} instead"
    prefix = context.snapshot.prefix
    ways = [fixes.delete(prefix, elsewhere)] if elsewhere else []
    return make(
        "PS202",
        dist.name,
        f"{part_of(len(missing), total)} of {installer(dist)}'s {dist.name} {dist.version} "
        f"{'is' if len(missing) == 1 else 'are'} missing{of_links(context, missing)}{tail}.",
        severity="error" if matters(missing) else "warning",
        paths=[*missing, *elsewhere],
        fixes=[*ways, *(_renamed(context, dist) or [*in_the_way(context, missing), fixes.pip_anew(prefix, dist)])],
        facts={
            "there": {"name": dist.name, "version": dist.version, "installer": dist.installer, "path": dist.path},
            "missing": len(missing),
            "files": total,
            "conda_revision": revision,
        },
    )


def _renamed(context: AuditContext, dist: Distribution) -> list[str]:
    """Where its folder is written in other letters (a copy through a disk that ignores their case): its own name back.

    pip would uninstall by RECORD, leave the folder, and have two of one name.
    """
    recorded = (path.rpartition("/")[0] for path in context.paths(dist) if path.endswith("/RECORD"))
    own = next((folder for folder in recorded if folder.lower() == dist.path.lower()), dist.path)
    return [] if context.disk.exists(own) else [fixes.move(context.snapshot.prefix, dist.path, own)]


def misplaced(context: AuditContext, dist: Distribution) -> list[str]:
    """Files that `pip install --target` put below site-packages, where its RECORD does not have them.

    With that option all goes below one folder, and RECORD is written as if that was `lib/python`: `../../bin/NAME`.
    """
    base = f"{dist.site.path.rpartition('/')[0].rpartition('/')[0]}/"
    if not dist.site.path.startswith("lib/") or base == "/":
        return []
    own = f"{dist.site.path}/"
    found = [
        own + path[len(base) :]
        for path in context.paths(dist)
        if path.startswith(base) and not path.startswith(own) and not context.disk.exists(path)
    ]
    owned = context.snapshot.record_paths
    return sorted(
        path
        for path in found
        if path_key(path) not in owned and path not in context.foreign_paths and context.disk.exists(path)
    )


def of_links(context: AuditContext, missing: tuple[str, ...]) -> str:
    """What is to be said of missing files in whose place a link to nothing stands."""
    dead = len(context.disk.dead_links(missing))
    return f" ({counted(dead, 'dead link')} in {'its' if len(missing) == 1 else 'their'} place)" if dead else ""


def in_the_way(context: AuditContext, missing: tuple[str, ...]) -> list[str]:
    """What has to go first: pip takes a link to nothing for nothing, and may write through it; no file is a folder."""
    paths = [*context.disk.dead_links(missing), *context.disk.no_folders(missing)]
    return [fixes.delete(context.snapshot.prefix, paths)] if paths else []


def _unlinked_by(history: History, key: str) -> int | None:
    """The last revision in which conda removed a package of this name without linking another."""
    for revision in reversed(history.revisions):
        linked = {canonical_name(parts[0]) for dist in revision.linked if (parts := split_dist(dist))}
        unlinked = {canonical_name(parts[0]) for dist in revision.unlinked if (parts := split_dist(dist))}
        if key in linked:
            return None
        if key in unlinked:
            return revision.number
    return None
