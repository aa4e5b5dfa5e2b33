"""What a transaction will do to what pip owns.

Exact at path level: the paths that conda will write and delete, met with the RECORDs of the distributions that conda
does not own. Names alone decide nothing where the paths are known; where a package is not downloaded yet the finding
says that it rests on its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from conda_pipsafe.forecast.planned_paths import PlannedPaths, label, plan_paths
from conda_pipsafe.forecast.requirements import imported_then, newly_broken
from conda_pipsafe.forecast.touched import labels_at, own_paths, touched_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.editables import checkout_modules, offered_modules
from conda_pipsafe.prefix.paths import path_key, scripts_dir
from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class TakenCommand:
    """A console script of pip's that will run another package's code.

    Attributes:
        path: The script, prefix-relative.
        by: The conda package that it will belong to, as `name version`.
        entry_point: What it will run, as `module:function`; None where the package ships the script as a file.
    """

    path: str
    by: str
    entry_point: str | None


@dataclass(frozen=True, slots=True)
class Harm:
    """What a transaction will do to one distribution that conda does not own.

    Attributes:
        dist: The distribution.
        overwritten: Its paths that conda will write, in order.
        deleted: Its paths that conda will delete and not write again, in order.
        by: The conda packages that come (or go) at those paths or under that name.
        by_name_only: Nothing is known but that a package of this name comes: it is not downloaded yet.
        orphaned: It stays behind in the site-packages folder of a Python that goes.
        shadowed: It is an editable checkout, and what a package brings will be imported instead.
        hidden: The modules of such a checkout for which that is so, each with the package that brings it; empty when
            it is known by the name alone.
        leftover: What stays of the dist-info of a conda package that goes: pip takes that for an installation.
        doubled: A second dist-info of its name will lie beside it.
        broken: What it requires and will no longer have, for people.
        writers: Of `by`, the packages that write the overwritten paths.
        removers: Of `by`, the packages whose going deletes the deleted paths.
        in_the_way: Of `by`, the packages that put a file or a link where a folder of deleted paths is.
        comer: The package that comes under its name, if one does.
        commands: Of `overwritten`, the console scripts that change hands: that a package of another name writes.
        put_back: Of `overwritten`, the paths that are conda's by its records, that pip replaced, and that the same
            conda package now writes again.
    """

    dist: Distribution
    overwritten: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    by_name_only: bool = False
    orphaned: bool = False
    shadowed: bool = False
    doubled: bool = False
    broken: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    removers: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()
    comer: str | None = None
    commands: tuple[TakenCommand, ...] = ()
    put_back: tuple[str, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    leftover: tuple[str, ...] = ()

    @property
    def by_name_alone(self) -> bool:
        """Whether it may turn out to be none: there is nothing but the name of a package that is not downloaded."""
        paths = self.overwritten or self.deleted or self.leftover
        return self.by_name_only and not (paths or self.orphaned or self.broken or self.hidden)


@dataclass(frozen=True, slots=True)
class Forecast:
    """All harms of one transaction, in order of the distributions' names.

    Attributes:
        exact: False when some package is known by name only, so that more paths may be met than are named.
        python: The Python before and after, when it changes.
        marker: The `EXTERNALLY-MANAGED` (PEP 668) that nobody owns and that stays behind with the old Python, so that
            pip may write to the new one's folder.
    """

    transaction: Transaction
    harms: tuple[Harm, ...] = ()
    exact: bool = True
    python: tuple[str, str | None] | None = None
    marker: str | None = None

    def __bool__(self) -> bool:
        return bool(self.harms)

    @property
    def paths(self) -> frozenset[str]:
        """Every pip-owned path that will be written or deleted."""
        return frozenset(path for harm in self.harms for path in (*harm.overwritten, *harm.deleted))


def forecast(snapshot: Snapshot, transaction: Transaction) -> Forecast:
    """Work out what a transaction will do to pip's distributions; pure, and the same for every engine."""
    owned = snapshot.pip_distributions()
    python = _python_change(transaction)
    marker = _marker(snapshot, transaction, python)
    if not owned and not snapshot.traces():
        return Forecast(transaction, marker=marker)
    plan = plan_paths(snapshot.prefix, transaction)
    leaving = transaction.site_before if python is not None else None
    # With its metadata its requirements go too: what conda writes there says what conda's package needs.
    touched = plan.written.keys() | plan.removed.keys()
    kept = [dist for dist in owned if plan.folders.key(dist.metadata_path) not in touched]
    broken = newly_broken(snapshot, transaction, [dist for dist in kept if imported_then(dist, transaction, leaving)])
    harms = [_harm(snapshot, plan, dist, leaving, broken.get(dist.path, ())) for dist in owned]
    harms += [_leftover(snapshot, plan, dist) for dist in snapshot.distributions if dist not in owned]
    found = sorted((harm for harm in harms if harm is not None), key=lambda harm: (harm.dist.key, harm.dist.path))
    return Forecast(transaction, tuple(found), transaction.exact, python, marker)


def _python_change(transaction: Transaction) -> tuple[str, str | None] | None:
    before, after = transaction.python_before, transaction.python_after
    if before is None or transaction.deletes_prefix or (before == after and _same_site(transaction)):
        return None
    return before, after


def _marker(snapshot: Snapshot, transaction: Transaction, python: tuple[str, str | None] | None) -> str | None:
    """The marker that stays in the old Python's folder of the standard library."""
    if python is None or python[1] is None or transaction.site_before is None:
        return None
    path = marker_of(transaction.site_before)
    return path if path_key(path) not in snapshot.record_paths and snapshot.exists(path) else None


def marker_of(site: str) -> str:
    """Where the marker lies for the Python of a site-packages folder, prefix-relative."""
    return f"{site.rpartition('/')[0]}/EXTERNALLY-MANAGED"


def _same_site(transaction: Transaction) -> bool:
    return transaction.site_before == transaction.site_after or transaction.site_after is None


def _harm(
    snapshot: Snapshot, plan: PlannedPaths, dist: Distribution, leaving: str | None, broken: tuple[str, ...]
) -> Harm | None:
    touched = touched_paths(snapshot, plan, dist)
    overwritten, deleted = touched.overwritten, touched.deleted
    package = plan.by_dist.get(dist.key)
    # What comes is put into the folder of the Python of then.
    beside = plan.site_after is None or dist.site.path == plan.site_after
    comer = label(package) if package is not None else None
    shadowed, hidden = _shadowed(snapshot, plan, dist, package) if dist.editable and beside else (False, ())
    at_paths = touched.writers | touched.removers | touched.in_the_way
    labels = at_paths | {by for _, by in hidden} | ({comer} if comer else set())
    harm = Harm(
        dist,
        overwritten,
        deleted,
        tuple(sorted(labels)),
        by_name_only=package is not None and package.paths is None,
        orphaned=dist.site.path == leaving,
        shadowed=shadowed,
        doubled=package is not None and beside and _stands_beside(plan, dist, package),
        broken=broken,
        writers=tuple(sorted(touched.writers)),
        removers=tuple(sorted(touched.removers)),
        in_the_way=tuple(sorted(touched.in_the_way)),
        comer=comer,
        commands=_taken(plan, overwritten, comer),
        put_back=_put_back(snapshot, plan, overwritten),
        hidden=hidden,
        leftover=_left(snapshot, plan, dist) if snapshot.owner_of(dist) == "both" else (),
    )
    flags = harm.by_name_only or harm.orphaned or harm.shadowed or harm.doubled
    return harm if overwritten or deleted or flags or broken else None


def _leftover(snapshot: Snapshot, plan: PlannedPaths, dist: Distribution) -> Harm | None:
    left = _left(snapshot, plan, dist)
    removers = tuple(sorted(labels_at(plan, plan.removed, [dist.metadata_path])))
    return Harm(dist, by=removers, removers=removers, leftover=left) if left else None


def _left(snapshot: Snapshot, plan: PlannedPaths, dist: Distribution) -> tuple[str, ...]:
    """What conda will leave of a dist-info of its own: files that pip put there when it installed over it."""
    key = plan.folders.key(dist.metadata_path)
    if dist.kind != "dist-info" or key in plan.written or key not in plan.removed:
        return ()
    if plan.site_after not in {None, dist.site.path}:
        return ()  # no pip looks there any more
    package = plan.by_dist.get(dist.key)
    if package is not None and package.paths is None:
        return ()  # it may bring the same dist-info
    paths = (f"{dist.path}/{name}" for name in _names_in(snapshot, dist))
    return tuple(path for path in paths if plan.folders.key(path) not in plan.removed)


def _names_in(snapshot: Snapshot, dist: Distribution) -> list[str]:
    """The files of a dist-info, also those in its folders (`licenses/`, PEP 639): a folder goes when it is empty."""
    top = os.path.join(snapshot.prefix, dist.path)
    files = (os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    return sorted(os.path.relpath(file, top).replace(os.sep, "/") for file in files)


def _taken(plan: PlannedPaths, overwritten: Iterable[str], comer: str | None) -> tuple[TakenCommand, ...]:
    """The commands that change hands; conda's package of the same name keeps what the command means."""
    found = []
    for path in overwritten:
        key = plan.folders.key(path)
        if key in plan.written and key.startswith(f"{scripts_dir()}/"):
            # conda makes the scripts of entry points when all files are linked.
            by, entry_point = plan.entry_points.get(key) or (plan.written[key][-1], None)
            found.append(TakenCommand(path, by, entry_point))
    return tuple(taken for taken in found if taken.by != comer)


def _put_back(snapshot: Snapshot, plan: PlannedPaths, overwritten: Iterable[str]) -> tuple[str, ...]:
    owners = snapshot.record_paths
    return tuple(
        path for path in overwritten if any(record.name in plan.coming for record in owners.get(path_key(path), ()))
    )


def _stands_beside(plan: PlannedPaths, dist: Distribution, package: LinkedPackage) -> bool:
    """Whether this dist-info stays as it is: the package writes another one, and none takes this one away."""
    key = plan.folders.key(dist.metadata_path)
    # A folder without metadata is a leftover.
    real = dist.has_metadata or dist.kind == "egg-link"
    comes = plan.puts_metadata(package, dist.site.path)
    return real and comes and key not in plan.written and key not in plan.removed


def _shadowed(
    snapshot: Snapshot, plan: PlannedPaths, dist: Distribution, package: LinkedPackage | None
) -> tuple[bool, tuple[tuple[str, str], ...]]:
    """Whether an editable checkout will no longer be imported, and which modules of it, where that can be told."""
    own = checkout_modules(snapshot.prefix, dist, own_paths(snapshot, dist))
    offered = offered_modules(plan.written, dist.site.path)
    taken = sorted((module, offered[module]) for module in own if module in offered)
    hidden = tuple(pair for pair in taken if not _is_hidden(snapshot, f"{dist.site.path}/{pair[0]}"))
    if package is None:
        return bool(hidden), hidden
    # Of one that is not downloaded only the name is known; so is that of a checkout whose modules nobody can tell.
    return package.paths is not None and (bool(taken) or not own), hidden


def _is_hidden(snapshot: Snapshot, module: str) -> bool:
    """Whether something of a module's name is imported from site-packages already."""
    return any(snapshot.exists(f"{module}{end}") for end in ("/__init__.py", ".py"))
