"""What a conda command did to pip's distributions beside their files, found without the forecast's code.

The standard library and `packaging` look at the folders; only which folder is in use, and what conda owns, is taken
from our own reading of the prefix. They look when they are called: what was before is asked before the command.
"""

from __future__ import annotations

from importlib.metadata import Distribution as Installed
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conda_pipsafe.prefix.snapshot import Snapshot

Unmet = tuple[set[tuple[str, str]], set[tuple[str, str]]]


def _site(snapshot: Snapshot) -> str | None:
    return next((site.path for site in snapshot.sites if site.current and snapshot.python), None)


def _names(snapshot: Snapshot, site: str | None) -> dict[str, list[Installed]]:
    """What Python finds in the folder in use, by name; a folder without metadata is none."""
    found: dict[str, list[Installed]] = {}
    for dist in distributions(path=[str(Path(snapshot.prefix, site))]) if site else ():
        name = dist.metadata["Name"] if dist.metadata else None
        if name:
            found.setdefault(canonicalize_name(name), []).append(dist)
    return found


def orphaned(before: Snapshot, after: Snapshot) -> list[str]:
    """pip's distributions that lie where they lay, and no Python imports from there any more."""
    was, now = _site(before), _site(after)
    if was is None or was == now:
        return []
    return sorted(dist.path for dist in before.pip_distributions() if dist.site.path == was)


def leftover(before: Snapshot, after: Snapshot) -> list[str]:
    """Dist-infos of conda's in the folder in use that have lost their METADATA, and are there."""
    site = _site(after)
    return sorted(
        dist.path
        for dist in before.distributions
        if site in {None, dist.site.path}
        and dist.kind == "dist-info"
        and dist.has_metadata
        and before.record_of(dist) is not None
        and Path(after.prefix, dist.path).is_dir()
        and not after.exists(dist.metadata_path)
    )


def doubled(before: Snapshot, after: Snapshot, linked: set[str]) -> list[str]:
    """pip's distributions beside whose metadata one of the same name lies that a linked package brought."""
    site, found = _site(after), []
    for dist in before.pip_distributions():
        if dist.site.path != site or not after.exists(dist.metadata_path):
            continue
        others = [other for other in after.distributions_named(dist.key) if other.path != dist.path]
        records = [after.record_of(other) for other in others if other.site.path == site and other.has_metadata]
        mine = after.record_of(dist)
        if any(record.name in linked for record in records if record) and (mine is None or mine.name not in linked):
            found.append(dist.path)
    return sorted(found)


def unmet(snapshot: Snapshot) -> Unmet:
    """What pip's distributions miss: surely, and where it is open: several of one name, or only conda knows the name.

    Where no Python is, as the one that comes will find it: it breaks nothing that was broken when the last one went.
    """
    used = next((site for site in snapshot.sites if site.current), None)
    site, python = (used.path, snapshot.python or used.python or "") if used else (None, "")
    there = _names(snapshot, site)
    by_name = {canonicalize_name(record.name): record.version for record in snapshot.records}
    surely, perhaps = set(), set()
    for dist in snapshot.pip_distributions():
        if dist.site.path != site:
            continue
        for text in dist.requires_dist:
            need = Requirement(text)
            marker = {"python_version": python, "extra": ""}
            if need.marker is not None and not need.marker.evaluate(marker):
                continue
            found = there.get(canonicalize_name(need.name), [])
            fits = [need.specifier.contains(one.version, prereleases=True) for one in found]
            shown = f"{need.name}{need.specifier}"
            # A package without Python metadata: pip misses it, what imports it does not.
            bare = None if found else by_name.get(canonicalize_name(need.name))
            if bare is not None and need.specifier.contains(bare, prereleases=True):
                perhaps.add((dist.path, shown))
            elif not any(fits):
                surely.add((dist.path, shown))
            elif not all(fits):
                perhaps.add((dist.path, shown))
    return surely, perhaps


def broken(was: Unmet, before: Snapshot, after: Snapshot) -> Unmet:
    """The requirements that were met and are not: surely, and where that is open. pip's own leftovers do not count."""
    surely, perhaps = unmet(after) if after.python else (set(), set())
    staying = {dist.path for dist in before.pip_distributions()}
    new = {pair for pair in surely if pair[0] in staying}
    return new - was[0] - was[1], perhaps | was[1] | surely


def hiding(snapshot: Snapshot) -> set[str]:
    """Checkouts (one module, named as they are) beside which a module of that name lies in the folder in use."""
    site = _site(snapshot)
    return {
        dist.path
        for dist in snapshot.pip_distributions()
        if dist.editable and dist.site.path == site and Path(snapshot.prefix, site, dist.name, "__init__.py").exists()
    }
