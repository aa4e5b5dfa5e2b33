"""What an install may change in a prefix, from its plan, its wheels and the disk: for the journal."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Mapping

from conda_pipsafe.installer.journal import STASHED, Changes
from conda_pipsafe.installer.plan import Plan
from conda_pipsafe.installer.wheels import Wheel
from conda_pipsafe.prefix.dist_info import Distribution, read_installed_files
from conda_pipsafe.prefix.paths import scripts_dir
from conda_pipsafe.prefix.snapshot import Snapshot


def planned_changes(plan: Plan, wheels: Mapping[str, Wheel], snapshot: Snapshot, *, cache_tag: str | None) -> Changes:
    """Divide the paths of a plan into those that are there and those that are not.

    Args:
        plan: What pip would do.
        wheels: What it would do it with.
        snapshot: The environment before.
        cache_tag: What the environment's `.pyc` are named with.
    """
    prefix = snapshot.prefix
    written = {path for wheel in wheels.values() for path in wheel.paths.members}
    sites = [site.path for site in snapshot.sites if site.current]
    unseen = [planned.name for planned in plan.dists if planned.key not in wheels]
    written |= {
        f"{site}/{name}" for site in sites for one in unseen for name in (f"{one}.egg-link", "easy-install.pth")
    }
    # uv unpacks a wheel's data beside its modules, then moves it.
    halves = {f"{wheel.paths.dist_info.removesuffix('.dist-info')}.data" for wheel in wheels.values()}
    fresh = _fresh(prefix, {posixpath.dirname(path) for path in written})
    fresh |= {path for path in halves if not os.path.lexists(os.path.join(prefix, path))}
    fresh |= set(_unlisted(prefix, {wheel.path for wheel in wheels.values()}, sites))
    # What lies below a new folder of site-packages goes with it, and need not be looked for one by one.
    written -= _below(written, {folder for folder in fresh if "site-packages" in folder.split("/")})
    written |= {pyc for path in written if (pyc := _pyc(path, cache_tag)) is not None}
    old = [replaced.dist for planned in plan.dists for replaced in planned.replaces]
    removed = {path for dist in old for path in _files_of(dist, snapshot)}
    removed |= {pyc for path in removed if (pyc := _pyc(path, cache_tag)) is not None}
    # setup.py's own installer and editable installs write into these.
    removed |= {f"{site}/{name}" for site in sites for name in _listed(prefix, site) if name.endswith(".pth")}
    there = {path for path in written | removed if _is_file(prefix, path)}
    fresh |= {folder for folder in _fresh(prefix, {posixpath.dirname(path) for path in written - there})
              if not _below([f"{folder}/"], fresh)}  # fmt: skip
    absent = sorted(written - there)
    folders = {posixpath.dirname(path) for path in removed & there} | {*sites, scripts_dir()}
    stashes = {
        folder: tuple(name for name in _listed(prefix, folder) if name.startswith(STASHED))
        for folder in sorted({above for folder in folders for above in _with_parents(folder)})
    }
    return Changes(tuple(sorted(there)), tuple(absent), tuple(sorted(fresh)), stashes)


def _files_of(dist: Distribution, snapshot: Snapshot) -> Iterable[str]:
    rows, _ = read_installed_files(snapshot.prefix, dist)
    yield from (row.path for row in rows)
    if dist.kind in {"dist-info", "egg-info"}:
        yield from (f"{dist.path}/{name}" for name in _listed(snapshot.prefix, dist.path))
    else:
        yield dist.path
    record = snapshot.record_of(dist)
    if record is not None:
        yield from record.files


def _with_parents(folder: str) -> Iterable[str]:
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _pyc(path: str, cache_tag: str | None) -> str | None:
    if cache_tag is None or not path.endswith(".py"):
        return None
    folder, name = posixpath.split(path)
    return posixpath.join(folder, "__pycache__", f"{name.removesuffix('.py')}.{cache_tag}.pyc")


def _fresh(prefix: str, starts: Iterable[str]) -> set[str]:
    """The topmost folders that have to be made for some to be there."""
    found: set[str] = set()
    there = {""}
    for start in starts:
        folder, missing = start, None
        while folder not in there and not os.path.lexists(os.path.join(prefix, folder)):
            missing, folder = folder, posixpath.dirname(folder)
        there.add(folder)
        if missing is not None:
            found.add(missing)
    return found


def _unlisted(prefix: str, rehearsals: Iterable[str], sites: Iterable[str]) -> Iterable[str]:
    """New folders that no RECORD tells of, for they are empty: uv makes a wheel's, pip does not."""
    for site in sites:
        for rehearsal in rehearsals:
            for name in _listed(rehearsal, site):
                path = f"{site}/{name}"
                if os.path.isdir(os.path.join(rehearsal, path)) and not os.path.lexists(os.path.join(prefix, path)):
                    yield path


def _below(paths: Iterable[str], folders: Collection[str]) -> set[str]:
    """The paths that lie below one of the folders, no one of which is below another."""
    if not folders:
        return set()
    depths = {folder.count("/") + 1 for folder in folders}
    # One that has a folder's own name is not below it: two wheels may disagree about what it is.
    return {
        path
        for path in paths
        if any("/".join(parts[:depth]) in folders for depth in depths if len(parts := path.split("/", depth)) > depth)
    }


def _is_file(prefix: str, path: str) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(os.path.join(prefix, path)).st_mode)
    except (OSError, ValueError):
        return False


def _listed(prefix: str, folder: str) -> list[str]:
    try:
        return os.listdir(os.path.join(prefix, folder))
    except OSError:
        return []
