"""What a conda command in fact did to what pip owns: a baseline before, a comparison after.

The baseline is plain data, so that it can be kept on disk: when conda fails, is killed or rolls back, the next command
compares with it.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from conda_pipsafe.forecast.copying import Replaced, replaced_packages
from conda_pipsafe.forecast.effects import Forecast
from conda_pipsafe.forecast.same_file import fails_to_compile, module_of
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.record_csv import RecordedFile
from conda_pipsafe.prefix.snapshot import Snapshot

Stamp = tuple[int, int, int]  # inode, bytes, mtime in ns
HASHED_AT_MOST = 256 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Watched:
    """A distribution that conda does not own, as it was before the command.

    Attributes:
        path: Its dist-info, prefix-relative.
        files: Its existing paths, with the sha256 that its RECORD has for each (None where it has none).
        again: How pip is told to install exactly this.
    """

    name: str
    version: str
    installer: str
    path: str
    files: Mapping[str, str | None]
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """A prefix before a transaction.

    Attributes:
        prefix: Absolute path.
        python: The Python of then, as `3.12`.
        site: Its site-packages folder, prefix-relative.
        watched: The distributions that conda did not own.
        stamps: What each of their files looked like.
        shared: Those of their paths that a conda record had too.
        replaced: The dist-infos that already stood in place of a conda package.
        doubled: Canonical names of which two dist-infos lay side by side already.
        foreseen: The paths that the forecast names; None when it was not exact.
    """

    prefix: str
    python: str | None
    site: str | None
    watched: tuple[Watched, ...]
    stamps: Mapping[str, Stamp]
    shared: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    foreseen: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one distribution that pip owned before.

    Attributes:
        dist: As it was before.
        overwritten: Its paths that are other files now, in order.
        deleted: Its paths that are gone, in order.
        same: How many of the overwritten ones have the content that RECORD says.
        by: The exact specs of the conda packages that have those paths now; empty when nobody has.
        foreseen: The forecast named one of the overwritten ones: it was conda, also where no record tells.
        channels: The channels of the packages in `by`, as their records have them.
        standing: How many distributions of its name lie in its folder now.
    """

    dist: Watched
    overwritten: tuple[str, ...]
    deleted: tuple[str, ...]
    same: int
    by: tuple[str, ...]
    foreseen: bool = False
    channels: tuple[str, ...] = ()
    standing: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a command changed between conda and pip in one prefix.

    Attributes:
        prefix: Which environment.
        changes: By conda, to what pip owned.
        replaced: By pip (a `pip:` section), to what conda owned; only what was not so before.
        orphaned: Distributions left behind with the Python they were installed for.
        doubled: Distributions with two dist-infos side by side now and not before, which `changes` does not tell.
        unforeseen: Paths of `changes` that the forecast did not name.
        spared: Paths that the forecast named and that are as they were.
        broken: Distributions that no longer have what they require, each with what that is, for people.
        hidden: Editable checkouts no longer imported, each with its modules and the packages that bring them.
        leftover: What conda left of a dist-info of its own, each with its files.
        gone: The Python that the environment had, when it has none now.
    """

    prefix: str
    changes: tuple[Change, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    orphaned: tuple[Distribution, ...] = ()
    doubled: tuple[tuple[Distribution, ...], ...] = ()
    unforeseen: tuple[str, ...] = field(default=())
    spared: tuple[str, ...] = field(default=())
    broken: tuple[tuple[Distribution, tuple[str, ...]], ...] = ()
    hidden: tuple[tuple[Distribution, tuple[tuple[str, str], ...]], ...] = ()
    leftover: tuple[tuple[Distribution, tuple[str, ...]], ...] = ()
    gone: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__ if name not in {"prefix", "gone"})


def take_baseline(snapshot: Snapshot) -> Baseline:
    """Note what pip owns in a prefix and what it looks like: one lstat for each of its paths."""
    stamps: dict[str, Stamp] = {}
    watched = tuple(_watch(snapshot, dist, stamps) for dist in snapshot.pip_distributions())
    current = next((site.path for site in snapshot.sites if site.current), None)
    return Baseline(
        prefix=snapshot.prefix,
        python=snapshot.python,
        site=current,
        watched=watched,
        stamps=stamps,
        shared=frozenset(path for path in stamps if path_key(path) in snapshot.record_paths),
        replaced=frozenset(item.dist.path for item in replaced_packages(snapshot)),
        doubled=frozenset(dists[0].key for dists in doubled_distributions(snapshot)),
    )


def with_losses(copy: Baseline, source: Snapshot, lost: Forecast) -> Baseline:
    """The baseline of a copy, with the files of the source that conda will not copy but link its own for.

    Args:
        copy: The copy as it is before conda links its packages.
        source: The environment that is copied.
        lost: What `forecast_copy` says of it.
    """
    stamps, watched = dict(copy.stamps), {dist.path: dist for dist in copy.watched}
    for harm in lost.harms:
        there = _watch(source, harm.dist, {})
        files = {path: there.files[path] for path in (*harm.overwritten, *harm.deleted) if path in there.files}
        stamps.update((path, stamp) for path in files if (stamp := stamp_of(source.prefix, path)) is not None)
        known = watched.get(harm.dist.path, there)
        watched[harm.dist.path] = replace(known, files={**(known.files if known is not there else {}), **files})
    return replace(copy, watched=tuple(watched.values()), stamps=stamps)


def _watch(snapshot: Snapshot, dist: Distribution, stamps: dict[str, Stamp]) -> Watched:
    files: dict[str, str | None] = {}
    # Without a list, what surely is its own: the file that makes it a distribution.
    for row in snapshot.installed_files[dist.path] or (RecordedFile(dist.metadata_path, None, None),):
        stamp = stamp_of(snapshot.prefix, row.path)
        if stamp is not None:
            stamps[row.path] = stamp
            files[row.path] = row.sha256()
    return Watched(dist.name, dist.version, dist.installer or "pip", dist.path, files, dist.again)


def stamp_of(prefix: str, path: str) -> Stamp | None:
    """What one path looks like; None when it is not there, or a folder: that looks different with all that comes in."""
    try:
        info = os.lstat(f"{prefix}/{path}")  # thousands of them: `os.path.join` takes as long as the look itself
    except (OSError, ValueError):
        return None
    return None if stat.S_ISDIR(info.st_mode) else (info.st_ino, info.st_size, info.st_mtime_ns)


def compare(before: Baseline | None, after: Snapshot) -> Outcome:
    """Compare a prefix with what it was before the command; `before` is None when the environment is new."""
    if before is None:
        return Outcome(after.prefix, replaced=replaced_packages(after), doubled=doubled_distributions(after))
    touched = {path for path, stamp in before.stamps.items() if stamp_of(after.prefix, path) != stamp}
    replaced = replaced_packages(after)
    # What a record says of a package that pip has replaced since is no longer so: those paths are pip's.
    stale = {item.record.meta_path for item in replaced}
    found = (_change(before, touched, after, dist, stale) for dist in before.watched)
    changes = [change for change in found if change is not None]
    told = before.doubled | {canonical_name(change.dist.name) for change in changes}
    named = {path for change in changes for path in (*change.overwritten, *change.deleted)}
    return Outcome(
        after.prefix,
        tuple(changes),
        tuple(item for item in replaced if item.dist.path not in before.replaced),
        _orphans(before, after),
        tuple(dists for dists in doubled_distributions(after) if dists[0].key not in told),
        tuple(sorted(named - before.foreseen)) if before.foreseen is not None else (),
        _spared(before, touched, after.prefix),
        gone=before.python if after.python is None else None,
    )


def _spared(before: Baseline, touched: set[str], prefix: str) -> tuple[str, ...]:
    """What was foreseen and did not happen; that a module cannot be compiled need not have been known."""
    spared = sorted(before.foreseen - touched) if before.foreseen is not None else ()
    modules = {path: os.path.join(prefix, module_of(path)) for path in spared if path.endswith(".pyc")}
    return tuple(path for path in spared if path not in modules or not fails_to_compile(modules[path], path))


def _change(before: Baseline, touched: set[str], after: Snapshot, dist: Watched, stale: set[str]) -> Change | None:
    overwritten: list[str] = []
    deleted: list[str] = []
    owners: dict[str, str] = {}
    foreseen = before.foreseen or frozenset()
    by_conda = frozenset() if _is_anew(touched, after, dist) else foreseen
    for path in touched.intersection(dist.files):
        # Only where conda has or had the path was it conda; else pip itself moved on (a `pip:` section), or the user.
        records = [rec for rec in after.record_paths.get(path_key(path), ()) if rec.meta_path not in stale]
        if not after.exists(path):
            # pip takes the dist-info away with the files: where it stands, somebody else took them.
            if path in before.shared or path in foreseen or after.exists(dist.path):
                deleted.append(path)
        elif records or path in by_conda or _is_rewritten(before, touched, after, dist, path):
            # conda writes its records last: one that was killed left files without.
            overwritten.append(path)
            owners.update((f"{record.name}={record.version}={record.build}", record.channel) for record in records)
    if not overwritten and not deleted:
        return None
    same = sum(_is_same(after.prefix, path, dist.files[path]) for path in overwritten)
    return Change(
        dist,
        tuple(sorted(overwritten)),
        tuple(sorted(deleted)),
        same,
        tuple(sorted(owners)),
        not foreseen.isdisjoint(overwritten),
        tuple(sorted(set(owners.values()))),
        sum(
            posixpath.dirname(other.path) == posixpath.dirname(dist.path)
            and (other.has_metadata or other.kind == "egg-link")  # a folder without it is a leftover
            for other in after.distributions_named(canonical_name(dist.name))
        ),
    )


def _is_anew(touched: set[str], after: Snapshot, dist: Watched) -> bool:
    """Whether pip has installed the same again since: so it may be where nobody saw the end of a command."""
    there = (other for other in after.distributions if other.path == dist.path)
    return f"{dist.path}/RECORD" in touched and any((other.installer or "pip") == dist.installer for other in there)


def _is_rewritten(before: Baseline, touched: set[str], after: Snapshot, dist: Watched, path: str) -> bool:
    """Whether a link script wrote into a file: pip would have written RECORD too. Bytecode is no harm."""
    if f"{dist.path}/RECORD" in touched or not after.exists(dist.path) or dist.files[path] is None:
        return False
    was, now = before.stamps[path], stamp_of(after.prefix, path)
    written = now is not None and now[1:] != was[1:]
    return written and not path.endswith(".pyc") and not _is_same(after.prefix, path, dist.files[path])


def _is_same(prefix: str, path: str, expected: str | None) -> bool:
    if expected is None:
        return False
    try:
        return hashlib.sha256(read_bytes(prefix, path, HASHED_AT_MOST)).hexdigest() == expected
    except UnreadableError:
        return False


def doubled_distributions(snapshot: Snapshot) -> tuple[tuple[Distribution, ...], ...]:
    """Distributions of one name that lie side by side in one folder, where not all of them are conda's."""
    by_name: dict[tuple[str, str], list[Distribution]] = {}
    for dist in snapshot.distributions:
        if dist.has_metadata or dist.kind == "egg-link":  # a folder without it is a leftover
            by_name.setdefault((dist.site.path, dist.key), []).append(dist)
    return tuple(
        tuple(dists)
        for dists in by_name.values()
        if len(dists) > 1 and any(snapshot.owner_of(dist) != "conda" for dist in dists)
    )


def _orphans(before: Baseline, after: Snapshot) -> tuple[Distribution, ...]:
    # Without a Python no folder is imported from, whatever is in it.
    current = {site.path for site in after.sites if site.current and after.python is not None}
    if before.python is None or before.site is None or before.site in current:
        return ()
    return tuple(
        dist for dist in after.distributions if dist.site.path == before.site and after.record_of(dist) is None
    )
