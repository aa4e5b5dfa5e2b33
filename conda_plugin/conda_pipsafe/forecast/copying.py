"""What copying an environment with conda does to it: `create --clone` and `rename`.

conda copies what no record owns, then links every recorded package anew from the package cache. Where pip replaced a
conda package, the copy therefore has conda's files again, beside pip's dist-info of the other version.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Replaced:
    """A conda package in whose place pip put its own.

    Attributes:
        record: What conda believes is there.
        dist: What pip put there.
    """

    record: Record
    dist: Distribution


def replaced_packages(snapshot: Snapshot) -> tuple[Replaced, ...]:
    """The records whose Python distribution another installer has replaced, in order of name."""
    found: list[Replaced] = []
    for record in snapshot.records:
        for path in record.files:
            key = _distribution_key(path)
            if key is None or snapshot.exists(path):
                continue
            standing = [dist for dist in snapshot.distributions_named(key) if snapshot.record_of(dist) is None]
            # Where several lie side by side, what was installed last is what has the files.
            found.extend(Replaced(record, dist) for dist in sorted(standing, key=_written(snapshot))[-1:])
    for dist in snapshot.distributions:
        record_of = snapshot.record_of(dist)
        if record_of is not None and snapshot.owner_of(dist) == "both":
            found.append(Replaced(record_of, dist))
    return tuple(sorted(found, key=lambda replaced: replaced.record.name))


def _written(snapshot: Snapshot) -> Callable[[Distribution], float]:
    def written(dist: Distribution) -> float:
        try:
            return os.lstat(os.path.join(snapshot.prefix, dist.path)).st_mtime
        except OSError:
            return 0.0

    return written


def _distribution_key(path: str) -> str | None:
    """The canonical name when a path is the file that makes a distribution, else None."""
    folder, _, leaf = path.rpartition("/")
    if leaf in {"METADATA", "PKG-INFO"} and folder.endswith((".dist-info", ".egg-info")):
        return canonical_name(posixpath.basename(folder).partition("-")[0])
    return canonical_name(leaf.partition("-")[0]) if leaf.endswith(".egg-info") else None
