"""What became of the files of conda's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conda_pipsafe.audit.disk import Disk
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution


@dataclass(frozen=True, slots=True)
class RecordHealth:
    """What became of one record's files.

    Attributes:
        files: How many of its paths were looked for.
        missing: Its paths that are not there, bytecode aside.
        gone: Its Python distributions (canonical name to version) whose metadata is not there.
        replaced: For each of those the distribution of another installer that is there now.
        taken: Its distributions that another installer has written anew, in the same version.
        beside: For distributions that are still there, others of the same name that conda did not bring.
        partly: Whether it has distributions whose metadata is there.
    """

    record: Record
    files: int
    missing: tuple[str, ...]
    gone: Mapping[str, str]
    replaced: Mapping[str, Distribution]
    taken: tuple[Distribution, ...]
    beside: Mapping[str, tuple[Distribution, ...]]
    partly: bool

    @property
    def keys(self) -> frozenset[str]:
        """Names of distributions in whose own finding this record's missing files are told."""
        return frozenset(self.replaced) | frozenset(self.beside) | frozenset(dist.key for dist in self.taken)

    @property
    def removed(self) -> bool:
        """Whether the package as a whole is gone: its metadata, and at least half of its files."""
        return bool(self.gone) and not self.partly and not self.replaced and 2 * len(self.missing) >= self.files


def stale_records(found: Iterable[RecordHealth], disk: Disk) -> frozenset[str]:
    """Of records of one name all but one: that whose files are there, or the newest of several."""

    def rank(health: RecordHealth) -> tuple[bool, int, float]:
        return not health.gone, -len(health.missing), disk.modified(health.record.meta_path) or 0.0

    best: dict[str, RecordHealth] = {}
    stale: set[str] = set()
    for health in found:
        other = best.setdefault(health.record.name, health)
        if other is not health:
            kept, left = (health, other) if rank(health) > rank(other) else (other, health)
            best[health.record.name] = kept
            stale.add(left.record.meta_path)
    return frozenset(stale)
