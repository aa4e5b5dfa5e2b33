"""Which paths of one distribution a transaction writes or takes away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from conda_pipsafe.forecast.planned_paths import PlannedPaths
from conda_pipsafe.forecast.same_file import fails_to_compile, is_compiled_already, is_linked_already
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.record_csv import plain_paths
from conda_pipsafe.prefix.snapshot import Snapshot

_EACH = 1024  # bytes: to open and begin with a module takes as long as to compile so much


class Touched(NamedTuple):
    """Paths of a distribution, in order, and the labels of the packages that do it to them.

    Attributes:
        in_the_way: The packages that put a file or a link where a folder of deleted paths is.
    """

    overwritten: tuple[str, ...]
    deleted: tuple[str, ...]
    writers: frozenset[str]
    removers: frozenset[str]
    in_the_way: frozenset[str]


def touched_paths(snapshot: Snapshot, plan: PlannedPaths, dist: Distribution) -> Touched:
    """What a transaction does to a distribution's paths."""
    overwritten: list[str] = []
    deleted: list[str] = []
    folders: set[str] = set()
    # Without a RECORD what is surely its own is the file that makes it a distribution.
    for path in own_paths(snapshot, dist) or {dist.metadata_path}:
        key = plan.folders.key(path)
        folder = _lost_folder(snapshot, plan, path)
        full = os.path.join(snapshot.prefix, path)
        if key in plan.written or (key in plan.filled and not os.path.isdir(full)):
            target = overwritten
        elif key in plan.removed or folder:
            target = deleted
        else:
            continue
        # What is a folder now is no file of its own any more.
        if snapshot.exists(path) and not _is_folder(full) and not _stays(full, key, plan):
            target.append(path)
            folders.update({folder} if folder and target is deleted else ())
    for path in _not_compiled(plan, overwritten):
        overwritten.remove(path)
        # What is taken away first does not come again.
        deleted.extend({path} if plan.folders.key(path) in plan.removed else ())
    return Touched(
        tuple(sorted(overwritten)),
        tuple(sorted(deleted)),
        labels_at(plan, plan.written, overwritten) | labels_at(plan, plan.filled, overwritten),
        labels_at(plan, plan.removed, deleted) | labels_at(plan, plan.removed, folders),
        labels_at(plan, plan.written, folders),
    )


def own_paths(snapshot: Snapshot, dist: Distribution) -> set[str]:
    """What a distribution's list names. Only the paths count here, and without the hashes they are read much faster."""
    if dist.kind == "dist-info" and dist.has_record and "installed_files" not in vars(snapshot):
        try:
            text = read_text(snapshot.prefix, f"{dist.path}/RECORD")
        except UnreadableError:
            return set()
        paths = plain_paths(text, snapshot.prefix, dist.site.path)
        if paths is not None:
            return set(paths)
    return {row.path for row in snapshot.installed_files[dist.path]}


def labels_at(plan: PlannedPaths, paths: Mapping[str, Iterable[str]], touched: Iterable[str]) -> frozenset[str]:
    """The packages that `paths` names for some prefix-relative paths."""
    return frozenset(name for path in touched for name in paths.get(plan.folders.key(path), ()))


def _lost_folder(snapshot: Snapshot, plan: PlannedPaths, path: str) -> str | None:
    """A folder above a path that goes, with all that is in it: nobody asked what is in it.

    conda puts a file or a link in its place, or takes away what its records say is a file or a link there.
    """
    folder = path.rpartition("/")[0]
    if not folder:
        return None
    if folder not in plan.lost:
        here = _is_lost(os.path.join(snapshot.prefix, folder), path_key(folder), plan)
        plan.lost[folder] = folder if here else _lost_folder(snapshot, plan, folder)
    return plan.lost[folder]


def _is_lost(full: str, key: str, plan: PlannedPaths) -> bool:
    if (key not in plan.written and key not in plan.removed) or not os.path.isdir(full):
        return False
    # A link that comes again leads to the same place.
    return _is_folder(full) or not _is_same_link(full, plan.sources.get(key))


def _is_folder(full: str) -> bool:
    return os.path.isdir(full) and not os.path.islink(full)


def _is_same_link(full: str, source: str | None) -> bool:
    try:
        return source is not None and os.readlink(source) == os.readlink(full)
    except OSError:
        return False


def _stays(path: str, key: str, plan: PlannedPaths) -> bool:
    """Whether conda will "write" a path and yet leave it as it is."""
    if key in plan.sources:
        return plan.links and is_linked_already(path, plan.sources[key])
    # One that is unlinked first is compiled anew in any case.
    return key in plan.compiled and key not in plan.removed and is_compiled_already(path, plan.compiled[key])


def _not_compiled(plan: PlannedPaths, paths: list[str]) -> list[str]:
    """Those of the `.pyc` among paths that conda will fail to compile.

    Looked at only where the modules are small: compiling them takes as long as it takes conda. Beyond that they are
    believed to compile, and the look afterwards knows of it.
    """
    modules = {path: plan.compiled[key] for path in paths if (key := plan.folders.key(path)) in plan.compiled}
    if len(modules) * _EACH > plan.compiling:
        return []
    try:
        size = sum(os.stat(module).st_size + _EACH for module in modules.values())
    except OSError:
        return []
    if size > plan.compiling:
        return []
    plan.compiling -= size
    return [path for path, module in modules.items() if fails_to_compile(module, path)]
