"""What copying an environment with conda does to it: `create --clone` and `rename`.

conda copies what no record owns, then links every recorded package anew from the package cache. Where pip replaced a
conda package, the copy therefore has conda's files again, beside pip's dist-info of the other version.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from conda_pipsafe.forecast.effects import Forecast, Harm
from conda_pipsafe.forecast.left_out import LeftOut
from conda_pipsafe.forecast.package_paths import distributions_among, is_linked_as
from conda_pipsafe.forecast.same_file import module_of
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction
from conda_pipsafe.prefix.conda_meta import PathFact, Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.metadata import distribution_at
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.record_csv import RecordedFile
from conda_pipsafe.prefix.snapshot import Snapshot

_HASHED_AT_MOST = 256 * 1024 * 1024  # bytes
_SCRIPT_AT_MOST = 1024 * 1024  # bytes
_ENTRY_POINT = "unix_python_entry_point"


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
            there = distribution_at(path)
            if there is None or not there[0].endswith("site-packages") or snapshot.exists(path):
                continue
            standing = [dist for dist in snapshot.distributions_named(there[1]) if snapshot.record_of(dist) is None]
            # Where several lie side by side, what was installed last is what has the files.
            found.extend(Replaced(record, dist) for dist in sorted(standing, key=_written(snapshot))[-1:])
    for dist in snapshot.distributions:
        record_of = snapshot.record_of(dist)
        if record_of is not None and snapshot.owner_of(dist) == "both":
            found.append(Replaced(record_of, dist))
    return tuple(sorted(found, key=lambda replaced: replaced.record.name))


def forecast_copy(snapshot: Snapshot, destination: str, packages: Sequence[LinkedPackage] = ()) -> Forecast:
    """What of pip's a copy will not have.

    That are the paths that conda's records own too, where pip's file is there now, and those that conda does not copy.
    What a record lists is linked, and the rest is copied. A package may have a path that its record does not list:
    py-rattler and micromamba leave out what another package has, and conda links it all the same.

    Args:
        snapshot: The environment that is copied.
        destination: The prefix of the copy.
        packages: conda's packages in the order in which it links them: of two that have one path the later one's file
            is there in the end. Empty when that is not known; one without paths is known by its record only.
    """
    site = next((site.path for site in snapshot.sites if site.current), None)
    link = tuple(
        LinkedPackage(
            record.name, record.version, record.build, record.channel, frozenset(record.files),
            distributions_among(record.files, site),
        )
        for record in snapshot.records
    )  # fmt: skip
    transaction = Transaction(destination, link, (), snapshot.python, snapshot.python, site, site)
    losses = _Losses(snapshot, packages)
    harms = [harm for dist in snapshot.pip_distributions() if (harm := losses.of(dist)) is not None]
    return Forecast(transaction, tuple(sorted(harms, key=lambda harm: (harm.dist.key, harm.dist.path))))


class _Losses:
    """Which of pip's files lie where conda will link its own."""

    def __init__(self, snapshot: Snapshot, packages: Sequence[LinkedPackage]) -> None:
        self._snapshot = snapshot
        self._place = {package.name: place for place, package in enumerate(packages)}
        self._packages = {package.name: package for package in packages}
        self._left_out = LeftOut(snapshot)
        self._facts: dict[str, Mapping[str, PathFact]] = {}
        self._unlisted: dict[str, list[Record]] = {}
        for package in packages:
            record = snapshot.record_named(package.name)
            if record is not None:
                for path in (package.paths or frozenset()).difference(record.files, package.compiled):
                    self._unlisted.setdefault(path_key(path), []).append(record)

    def of(self, dist: Distribution) -> Harm | None:
        """The harm of one distribution, if any."""
        rows = self._snapshot.installed_files[dist.path] or (RecordedFile(dist.metadata_path, None, None),)
        owners: set[str] = set()
        lost, missing = [], []
        in_the_way: set[str] = set()
        by_path = {row.path: row for row in rows}
        for path in sorted(by_path):
            records = self._records_at(path)
            if records and self._is_lost(path, by_path, records):
                lost.append(path)
                owners.update(f"{record.name} {record.version}" for record in self._winners(path, records))
            elif not records and self._is_missing(path, in_the_way):
                missing.append(path)
        if not lost and not missing:
            return None
        writers, over = tuple(sorted(owners)), tuple(sorted(in_the_way))
        by = tuple(sorted(owners | in_the_way))
        return Harm(dist, tuple(lost), tuple(missing), by=by, writers=writers, in_the_way=over, put_back=tuple(lost))

    def _is_missing(self, path: str, in_the_way: set[str]) -> bool:
        """Whether the copy will not have what only pip has; `in_the_way` gains the packages that are the cause."""
        passed_over = self._left_out.is_passed_over(path)
        over = () if passed_over else self._left_out.linked_over(path)
        if not (passed_over or over) or not self._snapshot.exists(path):
            return False
        in_the_way.update(over)
        return True

    def _records_at(self, path: str) -> tuple[Record, ...]:
        key = path_key(path)
        return (*self._snapshot.record_paths.get(key, ()), *self._unlisted.get(key, ()))

    def _is_lost(self, path: str, rows: Mapping[str, RecordedFile], records: tuple[Record, ...]) -> bool:
        folder, _, name = path.rpartition("/")
        if name.endswith(".pyc") and folder.endswith("__pycache__"):
            source = module_of(path)
            owners = self._records_at(source)
            return source in rows and bool(owners) and self._is_lost(source, rows, owners)
        if not self._snapshot.exists(path):
            return False
        winners = self._winners(path, records)
        if len(winners) == 1 and winners[0] in self._unlisted.get(path_key(path), ()):
            return self._is_other(path, winners[0], rows[path])
        facts = [fact for record in winners if (fact := self._facts_of(record).get(path)) is not None]
        if any(fact.path_type == "softlink" for fact in facts):
            return not os.path.islink(os.path.join(self._snapshot.prefix, path))
        digest = self._digest(path)
        known = {fact.sha256 for fact in facts if fact.sha256 is not None}
        if known:
            return digest not in known
        linked = self._source(path, winners)
        if linked is not None:
            return not is_linked_as(linked, self._snapshot.prefix, path)
        # conda notes no hash of the scripts that it makes, nor of links: pip's RECORD tells whose it is.
        row = rows[path].sha256()
        return row is None or digest == row or self._runs_other(path, winners)

    def _source(self, path: str, winners: Sequence[Record]) -> str | None:
        """What conda links there, for a record without hashes: conda writes such with `safety_checks: disabled`."""
        package = self._packages.get(winners[0].name) if len(winners) == 1 else None
        return package.sources.get(path) if package is not None and path not in package.scripts else None

    def _runs_other(self, path: str, winners: Sequence[Record]) -> bool:
        """Whether a script that conda made is another one than that of the package which makes it last."""
        package = self._packages.get(winners[0].name) if len(winners) == 1 else None
        module, _, function = (package.scripts.get(path, "") if package is not None else "").partition(":")
        if not function:
            return False
        try:
            text = read_bytes(self._snapshot.prefix, path, _SCRIPT_AT_MOST)
        except UnreadableError:
            return False
        imported = f"from {module.strip()} import {function.partition('.')[0].strip()}\n".encode()
        return imported not in text.replace(b"\r\n", b"\n")

    def _is_other(self, path: str, record: Record, row: RecordedFile) -> bool:
        """Whether what a package has at a path that its record does not list is another file than the one there."""
        source = self._packages[record.name].sources.get(path)
        if source is None:
            return row.sha256() is None or self._digest(path) == row.sha256()
        return not is_linked_as(source, self._snapshot.prefix, path)

    def _winners(self, path: str, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """Of several records that have one path the one that conda links last; all of them, if nobody knows."""
        if any(record.name not in self._place for record in records):
            return records

        def place(record: Record) -> tuple[bool, int]:
            fact = self._facts_of(record).get(path)
            made = fact.path_type == _ENTRY_POINT if fact is not None else path in self._packages[record.name].scripts
            # conda makes the scripts of entry points when all files are linked.
            return made, self._place[record.name]

        return (max(records, key=place),)

    def _facts_of(self, record: Record) -> Mapping[str, PathFact]:
        if record.meta_path not in self._facts:
            self._facts[record.meta_path] = {fact.path: fact for fact in record.path_facts()}
        return self._facts[record.meta_path]

    def _digest(self, path: str) -> str | None:
        try:
            return hashlib.sha256(read_bytes(self._snapshot.prefix, path, _HASHED_AT_MOST)).hexdigest()
        except UnreadableError:
            return None


def _written(snapshot: Snapshot) -> Callable[[Distribution], float]:
    def written(dist: Distribution) -> float:
        try:
            return os.lstat(os.path.join(snapshot.prefix, dist.path)).st_mtime
        except OSError:
            return 0.0

    return written
