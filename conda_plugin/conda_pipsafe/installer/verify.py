"""Did pip do what it planned, and nothing to conda? Read from disk, after the install.

The RECORDs of the distributions that came and went are met with the owners of paths. That costs far less than an
lstat of each of conda's files, but sees only what a RECORD names: a build that writes elsewhere by itself escapes it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.prefix.anchors import endangered
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution, read_installed_files
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.present import Present
from conda_pipsafe.prefix.snapshot import Snapshot

_PYTHON = ("python.exe",) if os.name == "nt" else ("bin", "python")

DifferenceKind = Literal["not-installed", "files-missing", "overwrote-conda", "removed-conda", "not-as-planned"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was planned.

    Attributes:
        paths: Prefix-relative, complete and in order.
        fixes: The ways out.
    """

    kind: DifferenceKind
    subject: str
    message: str
    paths: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether pip did not do its part (an error), apart from harm to conda's files (a finding)."""
        return self.kind in {"not-installed", "files-missing", "not-as-planned"}


def verify(
    plan: Plan,
    before: Snapshot,
    after: Snapshot,
    allowed: Collection[str] = (),
    files_before: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Difference, ...]:
    """Compare the environment after an install with the plan, and with what conda owns.

    Args:
        plan: What was planned.
        before: The environment before.
        after: The environment after.
        allowed: Canonical names of conda's distributions that pip may have taken over.
        files_before: What `remember_files` returned.
    """
    given_up = {
        record.meta_path
        for planned in plan.dists
        for old in planned.replaces
        if planned.key in allowed and (record := before.record_of(old.dist))
    }
    # What pip had replaced before this install is conda's on paper only; `audit` tells it.
    given_up |= {record.meta_path for record in endangered(before)}
    found: list[Difference] = []
    for planned in plan.dists:
        dist = _installed(planned, after)
        if dist is None:
            found.append(_not_installed(planned, after))
        else:
            found += _check_files(dist, after, given_up, told=planned.key not in allowed)
        if planned.key not in allowed:
            found += _check_removed(planned, before, files_before or {}, given_up)
    return tuple(found)


def _installed(planned: PlannedDist, after: Snapshot) -> Distribution | None:
    for dist in after.distributions_named(planned.key):
        # An egg-link (`setup.py develop`, pip before 25) does not say its version.
        if dist.site.current and (dist.version == planned.version or dist.kind == "egg-link"):
            return dist
    return None


def _not_installed(planned: PlannedDist, after: Snapshot) -> Difference:
    there = [dist.version for dist in after.distributions_named(planned.key) if dist.site.current]
    instead = f"there is {', '.join(there)}" if there else "it is not there"
    return Difference(
        "not-installed",
        planned.name,
        f"{planned.name} {planned.version} was planned, but {instead} in {after.prefix}",
    )


def _check_files(dist: Distribution, after: Snapshot, given_up: Collection[str], *, told: bool) -> Iterator[Difference]:
    rows, _ = read_installed_files(after.prefix, dist)
    is_there = Present(after.prefix)
    missing = [row.path for row in rows if not is_there(row.path)]
    if missing:
        yield Difference(
            "files-missing",
            dist.name,
            f"{dist.name} {dist.version} is installed, but {_files(missing)} that its RECORD names are not there",
            tuple(missing),
        )
    for record, owned in _owned(after, [row.path for row in rows], given_up) if told else ():
        paths = [path for path in owned if not _is_as_condas(path, record, after)]
        if not paths:
            continue
        yield Difference(
            "overwrote-conda",
            dist.name,
            f"{dist.name} {dist.version} was written over {_files(paths)} of conda's {record.name} {record.version}",
            tuple(paths),
            _repair(after.prefix, record, dist),
        )


def _is_as_condas(path: str, record: Record, after: Snapshot) -> bool:
    """Whether the `__init__.py` of a shared namespace is what conda linked, byte for byte: told beforehand, no harm."""
    import hashlib

    if not path.endswith("/__init__.py"):
        return False
    wanted = next((fact.sha256 for fact in record.path_facts() if path_key(fact.path) == path_key(path)), None)
    try:
        return hashlib.sha256(read_bytes(after.prefix, path)).hexdigest() == wanted
    except UnreadableError:
        return False


def _check_removed(
    planned: PlannedDist, before: Snapshot, files_before: Mapping[str, Sequence[str]], given_up: Collection[str]
) -> Iterator[Difference]:
    for old in planned.replaces:
        gone = [path for path in files_before.get(old.dist.path, ()) if not before.exists(path)]
        for record, paths in _owned(before, gone, given_up):
            yield Difference(
                "removed-conda",
                planned.name,
                f"with {old.dist.name} {old.dist.version} went {_files(paths)} of conda's {record.name}",
                tuple(paths),
                _repair(before.prefix, record, None),
            )


def remember_files(plan: Plan, before: Snapshot) -> dict[str, list[str]]:
    """The files of each distribution of pip's that a plan replaces, by its path: its RECORD will be gone."""
    return {
        old.dist.path: [row.path for row in read_installed_files(before.prefix, old.dist)[0]]
        for planned in plan.dists
        for old in planned.replaces
        if old.owner == "pip"
    }


def _owned(snapshot: Snapshot, paths: Collection[str], given_up: Collection[str]) -> Iterator[tuple[Record, list[str]]]:
    by_record: dict[str, tuple[Record, list[str]]] = {}
    for path in paths:
        for record in snapshot.record_paths.get(path_key(path), ()):
            if record.meta_path not in given_up:
                by_record.setdefault(record.meta_path, (record, []))[1].append(path)
    yield from by_record.values()


def _repair(prefix: str, record: Record, dist: Distribution | None) -> tuple[str, ...]:
    spec = f"{record.name}={record.version}={record.build}"
    reinstall = f"conda install -p {shlex.quote(prefix)} --force-reinstall {spec}"
    if dist is None:
        return (reinstall,)
    return (f"{shlex.quote(os.path.join(prefix, *_PYTHON))} -m pip uninstall {dist.name}", reinstall)


def _files(paths: Collection[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"
