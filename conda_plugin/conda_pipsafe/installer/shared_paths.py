"""Files that what is planned has in common with another distribution of pip's, each with content of its own (PS506).

pip and uv write one over the other without a word: opencv-python and opencv-python-headless, say. Nothing of conda's is
harmed, so it is told and not refused.
"""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from conda_pipsafe.audit.overlap import is_bytecode, is_meant
from conda_pipsafe.audit.wording import counted, matters
from conda_pipsafe.installer.plan import Plan
from conda_pipsafe.installer.wheels import Wheel
from conda_pipsafe.prefix.dist_info import read_installed_files
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.present import Present
from conda_pipsafe.prefix.record_csv import sha256_hex
from conda_pipsafe.prefix.snapshot import Snapshot


def shared_paths(plan: Plan, wheels: Mapping[str, Wheel], snapshot: Snapshot) -> tuple[str, ...]:
    """One sentence for each two of which only the one that comes last will be whole.

    Args:
        plan: What would be done.
        wheels: What it would be done with, by canonical name.
        snapshot: The environment.
    """
    written: dict[str, list[str]] = defaultdict(list)
    for key, wheel in wheels.items():
        for path, member in wheel.paths.members.items():
            if member is not None and not is_bytecode(path) and path_key(path) not in snapshot.record_paths:
                written[path].append(key)
    there = dict(_of_installed(plan, written, snapshot))
    names = {planned.key: f"{planned.name} {planned.version}" for planned in plan.dists}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, keys in written.items():
        if len(keys) > 1 or path in there:
            having = [*there.get(path, ()), *((names[key], _hash(wheels[key], path)) for key in keys)]
            for (one, first), (other, second) in pairwise(having):
                if None not in (first, second) and first != second:
                    found[one, other].append(path)
    sites = [site.path for site in snapshot.sites if site.current]
    return tuple(
        f"{one} and {other} both have {paths[0] if len(paths) == 1 else counted(len(paths), 'file')}, each of its own "
        "content: only the one that comes last is whole, and uninstalling either breaks the other"
        for (one, other), paths in found.items()
        if matters(path for path in paths if any(is_meant(path, site) for site in sites))
    )


def _of_installed(
    plan: Plan, written: Mapping[str, object], snapshot: Snapshot
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """What stays installed and has any of these paths: its name and the hash, by path."""
    if not any(map(Present(snapshot.prefix), written)):
        return  # no RECORD has to be read
    going = {planned.key for planned in plan.dists}
    found: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for dist in snapshot.pip_distributions():
        if dist.site.current and dist.key not in going:
            for row in read_installed_files(snapshot.prefix, dist)[0]:
                if row.path in written:
                    found[row.path].append((f"{dist.name} {dist.version}", row.sha256()))
    yield from found.items()


def _hash(wheel: Wheel, path: str) -> str | None:
    if path in wheel.hashes:
        return sha256_hex(wheel.hashes[path])
    member = wheel.paths.members[path]
    try:
        return wheel.sha256(member) if member is not None else None
    except (OSError, zipfile.BadZipFile):
        return None
