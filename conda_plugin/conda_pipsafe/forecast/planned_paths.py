"""The paths of a transaction by their keys, with the packages that they belong to."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from conda_pipsafe.forecast.folders import Folders
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.metadata import METADATA_ENDS
from conda_pipsafe.prefix.paths import path_key


@dataclass
class PlannedPaths:
    """What a transaction does at each path; keys are those of `Folders`.

    Attributes:
        written: The packages that write a path, in the order in which they are linked.
        filled: The folders that something is written into, with the packages: conda makes them, in the place of a file.
        removed: The packages whose going takes a path away.
        by_dist: The package that brings a distribution, by canonical name.
        sources: As `LinkedPackage.sources`.
        compiled: As `LinkedPackage.compiled`.
        entry_points: The scripts that conda makes: the package, and what the script runs.
        coming: The names of the packages that are linked.
        links: As `Transaction.links`.
        lost: What `touched` found out of folders that go.
        compiling: Bytes of modules that it may still compile to see whether they can be.
    """

    folders: Folders
    site_after: str | None = None
    written: dict[str, tuple[str, ...]] = field(default_factory=dict)
    filled: dict[str, tuple[str, ...]] = field(default_factory=dict)
    removed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by_dist: dict[str, LinkedPackage] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    compiled: dict[str, str] = field(default_factory=dict)
    entry_points: dict[str, tuple[str, str]] = field(default_factory=dict)
    coming: set[str] = field(default_factory=set)
    links: bool = True
    lost: dict[str, str | None] = field(default_factory=dict)
    compiling: int = 64 * 1024

    def puts_metadata(self, package: LinkedPackage, site: str) -> bool:
        """Whether a package's dist-info comes to a site-packages folder; that of one for another Python does not."""
        if package.paths is None:
            return False
        folder = f"{self.folders.key(site)}/"
        metadata = [self.folders.key(path) for path in package.paths if path.endswith(METADATA_ENDS)]
        return not metadata or any(path.startswith(folder) for path in metadata)


def plan_paths(prefix: str, transaction: Transaction) -> PlannedPaths:
    """Sort a transaction's paths."""
    unlinked = {path_key(path) for package in transaction.unlink for path in package.paths}
    gone = unlinked - {path_key(path) for package in transaction.link for path in package.paths or ()}
    plan = PlannedPaths(Folders(prefix, gone), transaction.site_after, links=transaction.links)
    for package in transaction.link:
        for name in package.distributions:
            first = plan.by_dist.setdefault(name, package)
            # Of two, as matplotlib and matplotlib-base, the one whose paths are known is no guess.
            if first.paths is None and package.paths is not None:
                plan.by_dist[name] = package
        plan.coming.add(package.name)
        _add_paths(plan, package, unlinked)
        for known, of_package in ((plan.sources, package.sources), (plan.compiled, package.compiled)):
            known.update(zip(plan.folders.keys(of_package.keys()), of_package.values(), strict=True))
    before = Folders(prefix)
    for going in transaction.unlink:
        _add(plan.removed, before.keys(going.paths), label(going))
    return plan


def _add_paths(plan: PlannedPaths, package: LinkedPackage, unlinked: Container[str]) -> None:
    """Note where a package is written; a script that conda makes is written through a link that is there then."""
    key, paths = plan.folders.key, package.paths or frozenset()
    for path, entry in package.scripts.items():
        replaced = path in package.sources or path_key(path) in unlinked
        made = key(path) if replaced else plan.folders.written(path)
        if made != key(path):
            paths -= {path}
        if made is not None:
            plan.entry_points[made] = (label(package), entry)
            if made != key(path):
                _add(plan.written, (made,), label(package))
    written = tuple(plan.folders.keys(paths))
    _add(plan.written, written, label(package))
    _add(plan.filled, {path.rpartition("/")[0] for path in written}, label(package))


def label(package: LinkedPackage | UnlinkedPackage) -> str:
    """What a package is called in findings."""
    whose = "pip's " if isinstance(package, UnlinkedPackage) and package.of_pip else ""
    return f"{whose}{package.name} {package.version}"


def _add(paths: dict[str, tuple[str, ...]], keys: Iterable[str], name: str) -> None:
    added: dict[str, tuple[str, ...]] = dict.fromkeys(keys, (name,))
    for key in paths.keys() & added.keys():
        added[key] = (*paths[key], name)
    paths.update(added)
