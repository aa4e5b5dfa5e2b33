"""What a check may ask: the snapshot, what the ledger and the vault know, and answers that several checks share."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from conda_pipsafe.audit.disk import Disk
from conda_pipsafe.audit.health import RecordHealth, stale_records
from conda_pipsafe.audit.linked import behind_links, folders_of, leads_below, linked_folders, real_path
from conda_pipsafe.audit.overlap import grouped, is_bytecode, overlapping_paths
from conda_pipsafe.audit.records import KeptCopy, dependents, record_distributions
from conda_pipsafe.ledger.events import DistState
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution, read_installed_files
from conda_pipsafe.prefix.files import Problem, UnreadableError, read_text
from conda_pipsafe.prefix.history import split_dist
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.record_csv import RecordedFile, plain_hashes, plain_paths
from conda_pipsafe.prefix.snapshot import DistOwner, Snapshot

if TYPE_CHECKING:
    from conda_pipsafe.prefix.requirements import Unmet


@dataclass(frozen=True)
class AuditContext:
    """The input of every check.

    Attributes:
        snapshot: The environment as it is.
        kept: Records that the vault has copies of.
        forgotten: Distributions that the ledger saw vanish, as they last were.
    """

    snapshot: Snapshot
    kept: tuple[KeptCopy, ...] = ()
    forgotten: tuple[DistState, ...] = ()

    @cached_property
    def disk(self) -> Disk:
        """What is on the disk."""
        return Disk(self.snapshot.prefix)

    @cached_property
    def _owners(self) -> Mapping[str, DistOwner]:
        return {dist.path: self.snapshot.owner_of(dist) for dist in self.snapshot.distributions}

    def owner(self, dist: Distribution) -> DistOwner:
        """Who owns a distribution (`Snapshot.owner_of`, asked once)."""
        return self._owners[dist.path]

    @cached_property
    def current(self) -> tuple[Distribution, ...]:
        """Distributions that the environment's Python can import and that have metadata."""
        return tuple(dist for dist in self.snapshot.distributions if dist.site.current and self.readable(dist))

    def readable(self, dist: Distribution) -> bool:
        """Whether a distribution says what it is; an egg-link does by its name alone."""
        return dist.has_metadata or dist.kind == "egg-link"

    @cached_property
    def by_key(self) -> Mapping[str, tuple[Distribution, ...]]:
        """`current`, by canonical name."""
        return grouped(self.current)

    @cached_property
    def marker_environment(self) -> Mapping[str, str]:
        """What markers see in the environment, never in ours."""
        from conda_pipsafe.prefix.requirements import marker_environment

        site = next((site.python for site in self.snapshot.sites if site.current and site.python), None)
        return marker_environment(self.snapshot.record_named("python"), site)

    @cached_property
    def foreign(self) -> tuple[Distribution, ...]:
        """Of `current` those that conda did not bring."""
        return tuple(dist for dist in self.current if self.owner(dist) == "pip")

    @cached_property
    def recorded(self) -> tuple[Distribution, ...]:
        """`foreign`, and what was installed over conda's in the same version: what is there is as their RECORD says."""
        return tuple(dist for dist in self.current if self.owner(dist) != "conda")

    @cached_property
    def foreign_by_key(self) -> Mapping[str, tuple[Distribution, ...]]:
        """`foreign`, by canonical name."""
        return grouped(self.foreign)

    def rows(self, dist: Distribution) -> tuple[RecordedFile, ...]:
        """The files that a distribution says are its own, with hashes."""
        rows, problems = read_installed_files(self.snapshot.prefix, dist)
        self.problems.extend(problems)
        return tuple(rows)

    @cached_property
    def problems(self) -> list[Problem]:
        """What could not be read of the lists of files, met so far."""
        return []

    @cached_property
    def _paths(self) -> dict[str, tuple[str, ...]]:
        return {}

    def paths(self, dist: Distribution) -> tuple[str, ...]:
        """The paths that a distribution says are its own; without hashes, which few checks need and cost most."""
        if dist.path not in self._paths:
            self._paths[dist.path] = self._read_paths(dist)
        return self._paths[dist.path]

    def _read_paths(self, dist: Distribution) -> tuple[str, ...]:
        if dist.kind == "dist-info" and dist.has_record:
            try:
                text = read_text(self.snapshot.prefix, f"{dist.path}/RECORD")
                plain = plain_paths(text, self.snapshot.prefix, dist.site.path)
            except UnreadableError as error:
                self.problems.append(error.problem)
                return ()
            if not text.endswith("\n"):
                self._last_rows[dist.path] = text.rpartition("\n")[2]
            if plain is not None:
                return tuple(plain)
        return tuple(row.path for row in self.rows(dist))

    def hashes(self, dist: Distribution) -> list[tuple[str, str]]:
        """The paths of `paths` that have a hash, each with it as RECORD has it (`ALGORITHM=DIGEST`)."""
        plain = None
        if dist.kind == "dist-info" and dist.has_record:
            try:
                text = read_text(self.snapshot.prefix, f"{dist.path}/RECORD")
                plain = plain_hashes(text, self.snapshot.prefix, dist.site.path)
            except UnreadableError as error:
                self.problems.append(error.problem)
                return []
        if plain is None:
            return [(row.path, row.hash) for row in self.rows(dist) if row.hash]
        return [row for row in plain if row[1]]

    @cached_property
    def _folders(self) -> dict[str, frozenset[str]]:
        return {}

    def folders(self, dist: Distribution) -> frozenset[str]:
        """The folders in which a distribution's paths lie."""
        if dist.path not in self._folders:
            self._folders[dist.path] = folders_of(self.paths(dist))
        return self._folders[dist.path]

    @cached_property
    def _last_rows(self) -> dict[str, str]:
        """The last row of each RECORD that does not end with a line break, as every installer's does."""
        return {}

    @cached_property
    def cut_off(self) -> frozenset[str]:
        """Paths of distributions of other installers whose RECORD ends in the middle: a full disk, a crash."""
        return frozenset(dist.path for dist in self.recorded if self._is_cut_off(dist))

    def _is_cut_off(self, dist: Distribution) -> bool:
        paths = self.paths(dist)
        last = self._last_rows.get(dist.path)
        # A row is path, hash, size; and RECORD lists itself (PyPA "Recording installed projects").
        return last is not None and (last.count(",") < 2 or f"{dist.path}/RECORD" not in paths)  # noqa: PLR2004

    def missing_files(self, dist: Distribution) -> tuple[str, ...]:
        """Files of a distribution's RECORD that are not there, in order; its own metadata and bytecode aside.

        Installers write files: a link that leads to nothing is none.
        """
        inside = f"{dist.path}/"
        paths = self.paths(dist)
        missing = {*self.disk.missing(paths, self.folders(dist)), *self.disk.dead_links(paths)}
        return tuple(sorted(path for path in missing if not path.startswith(inside) and not is_bytecode(path)))

    @cached_property
    def contested(self) -> Mapping[str, tuple[str, ...]]:
        """For each distribution of another installer that has any, its paths that records have too, in order."""
        owned = self.snapshot.record_paths.keys()
        found: dict[str, tuple[str, ...]] = {}
        for dist in self.foreign:
            paths = self.paths(dist)
            if os.name == "nt":
                shared = [path for path in paths if path_key(path) in owned]
            else:
                shared = [*(owned & set(paths)), *self._aliases_of(paths)]
            if shared:
                found[dist.path] = tuple(sorted(shared))
        return found

    def as_recorded(self, path: str) -> str:
        """A contested path as the records have it (by `path_key`)."""
        return self._aliases.get(path) or path_key(path)

    def _aliases_of(self, paths: Sequence[str]) -> set[str]:
        return self._aliases.keys() & set(paths) if self._aliases else set()

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        """Paths of other installers that are files of records under another name, through a link among the folders."""
        records, linked = self.snapshot.record_paths, self._linked
        if not linked:
            return {}
        theirs = {path: path for path in self.foreign_paths} | behind_links(linked, self.foreign_paths)
        through = behind_links(linked, records)
        found = {theirs[real]: path for real, path in through.items() if real in theirs}
        found |= {theirs[real]: real for real in theirs if real in records and theirs[real] not in records}
        return {path: recorded for path, recorded in found.items() if path not in records}

    @cached_property
    def _linked(self) -> Mapping[str, str]:
        folders = folders_of(self.snapshot.record_paths).union(*map(self.folders, self.foreign))
        return linked_folders(self.snapshot.prefix, self.disk, folders)

    @cached_property
    def overlapping(self) -> Mapping[str, tuple[str, ...]]:
        """Paths that several distributions of other installers have with different hashes, and those distributions."""
        return overlapping_paths(self.foreign, self.paths, self.hashes, real_path(self._linked))

    @cached_property
    def foreign_paths(self) -> Mapping[str, Distribution]:
        """Paths that distributions of other installers have in their RECORD."""
        return {path: dist for dist in self.foreign for path in self.paths(dist)}

    @cached_property
    def health(self) -> tuple[RecordHealth, ...]:
        """What became of each record's files, in order of name."""
        taken: dict[str, list[Distribution]] = defaultdict(list)
        for dist in self.snapshot.distributions:
            record = self.snapshot.record_of(dist) if self.owner(dist) == "both" else None
            if record is not None:
                taken[record.meta_path].append(dist)
        return tuple(self._health(record, tuple(taken.get(record.meta_path, ()))) for record in self.snapshot.records)

    def _health(self, record: Record, taken: tuple[Distribution, ...]) -> RecordHealth:
        looked_for = [path for path in record.files if not is_bytecode(path)]
        missing = tuple(self.disk.missing(looked_for, folders_of(looked_for)))
        dead = self._dead_links(record, looked_for)
        if dead:
            lacking = dead.union(missing)
            missing = tuple(path for path in looked_for if path in lacking)
        dists = record_distributions(record)
        lacking = frozenset(missing)
        gone = {key: version for key, (version, path) in dists.items() if path in lacking}
        # One key of several dist-infos may be gone while another is there: then conda still has it.
        replaced = {key: self.foreign_by_key[key][0] for key in gone if key in self.foreign_by_key}
        beside = {key: self.foreign_by_key[key] for key in dists if key not in gone and key in self.foreign_by_key}
        return RecordHealth(record, len(looked_for), missing, gone, replaced, taken, beside, len(gone) < len(dists))

    def _dead_links(self, record: Record, paths: Iterable[str]) -> frozenset[str]:
        """Links to nothing in the place of files; damaged metadata is told as that, except where the cache is gone."""
        dead = self.disk.dead_links(paths)
        own, prefix, cache = self.own_links(record) if dead else (), self.snapshot.prefix, record.extracted_package_dir
        files = [path for path in dead if path not in own]
        return frozenset(path for path in files if "-info/" not in path or leads_below(prefix, path, cache))

    def own_links(self, record: Record) -> frozenset[str]:
        """The links of a package's own, which may lead anywhere; not those that conda made into its package cache."""
        links = [fact.path for fact in record.path_facts() if fact.path_type == "softlink"]
        inner, prefix = record.extracted_package_dir, self.snapshot.prefix
        return frozenset(path for path in links if not leads_below(prefix, path, inner))

    @cached_property
    def health_by_name(self) -> Mapping[str, RecordHealth]:
        """`health`, by conda name; of two records of one name that which the files are of."""
        return {health.record.name: health for health in self.health if health.record.meta_path not in self.stale}

    @cached_property
    def unreadable_names(self) -> frozenset[str]:
        """conda names of packages whose record is there and cannot be read."""
        return frozenset(parts[0] for name in self.snapshot.unreadable if (parts := split_dist(name)))

    @cached_property
    def stale(self) -> frozenset[str]:
        """`meta_path` of records beside which there is another of the name that the files are of."""
        names = [record.name for record in self.snapshot.records]
        return stale_records(self.health, self.disk) if len(set(names)) < len(names) else frozenset()

    @cached_property
    def record_by_key(self) -> Mapping[str, Record]:
        """Records by the canonical form of their conda name."""
        return {canonical_name(record.name): record for record in self.snapshot.records}

    @cached_property
    def needs(self) -> Mapping[str, tuple[Unmet, ...]]:
        """What those of `foreign` that stay need of others, met or not, by canonical name."""
        from conda_pipsafe.audit.needs import needs_of

        return needs_of(self)

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """conda names of the records that depend on each conda name."""
        return dependents(self.snapshot.records)
