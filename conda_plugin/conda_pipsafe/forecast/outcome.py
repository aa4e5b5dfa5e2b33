"""After a command: what in fact changed in what pip owns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from conda_pipsafe.forecast.copying import Replaced, replaced_packages
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot

Stamp = tuple[int, int, int]  # inode, bytes, mtime in ns


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one distribution that pip owned before.

    Attributes:
        dist: As it was before.
        overwritten: Its paths that are other files now, in order.
        deleted: Its paths that are gone, in order.
        by: The exact specs of the conda packages that have those paths now; empty when nobody has.
    """

    dist: Distribution
    overwritten: tuple[str, ...]
    deleted: tuple[str, ...]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a command changed between conda and pip in one prefix.

    Attributes:
        prefix: Which environment.
        changes: By conda, to what pip owned.
        replaced: By pip (a `pip:` section), to what conda owned; only what was not so before.
        orphaned: Distributions left behind with the Python they were installed for.
        doubled: Distributions of which two dist-infos lie side by side now and did not before, and that `changes`
            does not tell already.
    """

    prefix: str
    changes: tuple[Change, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    orphaned: tuple[Distribution, ...] = ()
    doubled: tuple[tuple[Distribution, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes or self.replaced or self.orphaned or self.doubled)


def compare(before: Snapshot | None, stamps: Mapping[str, Stamp], replaced: frozenset[str], after: Snapshot) -> Outcome:
    """Compare a prefix with what it was before the command.

    Args:
        before: The snapshot of then; None when the environment is new.
        stamps: What pip-owned paths looked like then.
        replaced: The dist-infos, prefix-relative, that already stood in place of a conda package then.
        after: The snapshot of now.
    """
    new = tuple(item for item in replaced_packages(after) if item.dist.path not in replaced)
    if before is None:
        return Outcome(after.prefix, replaced=new, doubled=_doubles(after, frozenset()))
    changed = (_change(before, stamps, after, dist) for dist in before.pip_distributions())
    changes = tuple(change for change in changed if change is not None)
    told = frozenset(dists[0].key for dists in _doubles(before, frozenset())) | {change.dist.key for change in changes}
    return Outcome(after.prefix, changes, new, _orphans(before, after), _doubles(after, told))


def _doubles(snapshot: Snapshot, told: frozenset[str]) -> tuple[tuple[Distribution, ...], ...]:
    by_name: dict[tuple[str, str], list[Distribution]] = {}
    for dist in snapshot.distributions:
        by_name.setdefault((dist.site.path, dist.key), []).append(dist)
    return tuple(
        tuple(dists)
        for (_, key), dists in by_name.items()
        if len(dists) > 1 and key not in told and any(snapshot.owner_of(dist) != "conda" for dist in dists)
    )


def _change(before: Snapshot, stamps: Mapping[str, Stamp], after: Snapshot, dist: Distribution) -> Change | None:
    overwritten: list[str] = []
    deleted: list[str] = []
    owners: set[str] = set()
    for path in {row.path for row in before.installed_files[dist.path]}:
        was = stamps.get(path)
        now = stamp_of(after.prefix, path)
        if was is None or now == was:
            continue
        # Only where conda has or had the path was it conda; else pip itself moved on (a `pip:` section), or the user.
        records = after.record_paths.get(path_key(path), ())
        if now is None and path_key(path) in before.record_paths:
            deleted.append(path)
        elif now is not None and records:
            overwritten.append(path)
            owners.update(f"{record.name}={record.version}={record.build}" for record in records)
    if not overwritten and not deleted:
        return None
    return Change(dist, tuple(sorted(overwritten)), tuple(sorted(deleted)), tuple(sorted(owners)))


def _orphans(before: Snapshot, after: Snapshot) -> tuple[Distribution, ...]:
    if before.python == after.python or after.python is None:
        return ()
    current = {site.path for site in after.sites if site.current}
    were = {site.path for site in before.sites if site.current}
    return tuple(
        dist for dist in after.distributions if dist.site.path in were - current and after.record_of(dist) is None
    )


def stamps_of(snapshot: Snapshot) -> dict[str, Stamp]:
    """inode, size and mtime of every existing path that pip's distributions own."""
    found: dict[str, Stamp] = {}
    for dist in snapshot.pip_distributions():
        for row in snapshot.installed_files[dist.path]:
            stamp = stamp_of(snapshot.prefix, row.path)
            if stamp is not None:
                found[row.path] = stamp
    return found


def stamp_of(prefix: str, path: str) -> Stamp | None:
    """What one path looks like; None when it is not there."""
    try:
        info = os.lstat(os.path.join(prefix, path))
    except (OSError, ValueError):
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns
