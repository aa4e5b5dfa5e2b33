"""A snapshot: everything that is known of a prefix at one moment, and who owns each path."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from conda_pipsafe.prefix.conda_meta import Record, read_all_records
from conda_pipsafe.prefix.dist_info import Distribution, read_distributions, read_installed_files
from conda_pipsafe.prefix.files import Problem, UnreadableError, read_bytes
from conda_pipsafe.prefix.history import History, read_history, split_dist
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import SitePackages, find_site_packages, path_key
from conda_pipsafe.prefix.record_csv import RecordedFile

DistOwner = Literal["conda", "pip", "both"]
#: The last conda on PyPI is 4.3 (2017), which ends with an error as soon as it is run; newer ones never came there.
ABANDONED_CONDA = ("3.", "4.")


class NotAnEnvironmentError(Exception):
    """The path is not an environment that can be read; the message says why."""


@dataclass(frozen=True)
class Snapshot:
    """All owners of a prefix at one moment.

    Reading RECORDs costs more than all the rest, so `installed_files` and what needs it are read when first asked for.

    Attributes:
        prefix: Absolute path.
        records: conda's packages, in order of name.
        distributions: Python distributions of every site-packages folder, the current folder first.
        sites: Those folders.
        python: The version of the python record, as `3.12`; None when no record says.
        problems: What could not be read. Grows by what `installed_files` meets.
        unreadable: The `name-version-build` of records whose file is there but cannot be read: what they own is not
            known, but it is conda's.
    """

    prefix: str
    records: tuple[Record, ...]
    distributions: tuple[Distribution, ...]
    sites: tuple[SitePackages, ...]
    history: History
    python: str | None
    problems: list[Problem] = field(default_factory=list)
    unreadable: tuple[str, ...] = ()

    @cached_property
    def record_paths(self) -> Mapping[str, tuple[Record, ...]]:
        """The records that have each path (by `path_key`); more than one where conda packages clobber each other."""
        owners: dict[str, tuple[Record, ...]] = {}
        for record in self.records:
            for path in record.files:
                key = path_key(path)
                owners[key] = (*owners[key], record) if key in owners else (record,)
        return owners

    @cached_property
    def installed_files(self) -> Mapping[str, tuple[RecordedFile, ...]]:
        """The files that each distribution says are its own, by the distribution's path."""
        found: dict[str, tuple[RecordedFile, ...]] = {}
        for dist in self.distributions:
            rows, problems = read_installed_files(self.prefix, dist)
            found[dist.path] = tuple(rows)
            self.problems.extend(problems)
        return found

    def record_named(self, name: str) -> Record | None:
        """The record of a conda package, by its conda name."""
        return self._by_name.get(name)

    @property
    def own_conda(self) -> str | None:
        """The version of the conda that runs in this environment; None without one.

        Where conda came with a package of conda's, or was installed from its source. PyPI's abandoned one does not run.
        """
        record = self.record_named("conda")
        versions = [dist.version for dist in self.distributions_named("conda") if dist.site.current]
        running = [version for version in versions if not version.startswith(ABANDONED_CONDA)]
        return record.version if record is not None else next(iter(running), None)

    @cached_property
    def _by_name(self) -> Mapping[str, Record]:
        return {record.name: record for record in self.records}

    @cached_property
    def _by_key(self) -> Mapping[str, tuple[Distribution, ...]]:
        found: dict[str, tuple[Distribution, ...]] = {}
        for dist in self.distributions:
            found[dist.key] = (*found.get(dist.key, ()), dist)
        return found

    def distributions_named(self, key: str) -> tuple[Distribution, ...]:
        """Every distribution of one canonical name, in any site-packages folder."""
        return self._by_key.get(key, ())

    def record_of(self, dist: Distribution) -> Record | None:
        """The record whose package brought this distribution's metadata; None when conda did not bring it."""
        records = self.record_paths.get(path_key(dist.metadata_path), ())
        return records[0] if records else None

    def owner_of(self, dist: Distribution) -> DistOwner:
        """Who owns a distribution: conda, pip (or another installer), or both.

        `both` means that conda's record has its dist-info, but another installer has since written it anew: the same
        version, installed over conda's. INSTALLER alone does not tell, since some conda packages are built with `pip`
        in it; what tells is that the file is no longer the one that conda linked. Looked at once: later it may be gone.
        """
        if dist.path not in self._owners:
            record = self.record_of(dist)
            if record is None:
                self._owners[dist.path] = "conda" if self.is_of_unreadable(dist) else "pip"
            else:
                self._owners[dist.path] = "both" if self._rewritten(dist, record) else "conda"
        return self._owners[dist.path]

    @cached_property
    def _owners(self) -> dict[str, DistOwner]:
        return {}

    def is_of_unreadable(self, dist: Distribution) -> bool:
        """Whether a distribution is surely that of a conda package whose record cannot be read.

        INSTALLER says conda and nothing else has it, or the record's file is named as the distribution is.
        """
        if not self.unreadable or dist.installer not in {"conda", None}:
            return False
        named = (split_dist(name) for name in self.unreadable)
        known = {(canonical_name(parts[0]), parts[1]) for parts in named if parts}
        return dist.installer == "conda" or (dist.key, dist.version) in known

    def _rewritten(self, dist: Distribution, record: Record) -> bool:
        # Asked first, since it is nearly always so: comparing hashes means reading the record's list of paths.
        if dist.installer == "conda" or dist.kind != "dist-info":
            return False
        return self._installer_differs(dist, record)

    def _installer_differs(self, dist: Distribution, record: Record) -> bool:
        path = f"{dist.path}/INSTALLER"
        fact = next((fact for fact in record.path_facts() if fact.path == path), None)
        if fact is None:
            return dist.installer is not None
        if fact.sha256 is None:
            # With `safety_checks: disabled` conda notes nothing of what is in the files.
            noted = any(f"{dist.path}/{name}" not in record.files for name in dist.notes)
            return noted or dist.installer not in {"conda", "pip", None}
        try:
            return hashlib.sha256(read_bytes(self.prefix, path)).hexdigest() != fact.sha256
        except UnreadableError:
            return False

    def pip_distributions(self) -> tuple[Distribution, ...]:
        """The distributions that conda did not bring, or no longer has as it brought them."""
        return tuple(dist for dist in self.distributions if self.owner_of(dist) != "conda")

    def traces(self) -> tuple[Distribution, ...]:
        """conda's distributions with files of pip's in their dist-info, which no record has: pip was there once.

        conda puts its own files back and leaves these, also when its package goes: pip takes that for an installation.
        """
        return tuple(
            dist
            for dist in self.distributions
            if self.owner_of(dist) == "conda"
            and any(path_key(f"{dist.path}/{name}") not in self.record_paths for name in dist.notes)
            and not self.is_of_unreadable(dist)
        )

    def exists(self, path: str) -> bool:
        """Whether a path of the prefix is there (a dead symbolic link counts)."""
        return os.path.lexists(os.path.join(self.prefix, path))


def read_snapshot(prefix: str) -> Snapshot:
    """Read an environment.

    Raises:
        NotAnEnvironmentError: When the path is not a folder with conda-meta or a site-packages folder in it.
    """
    prefix = os.path.abspath(prefix)
    if not os.path.isdir(prefix):
        raise NotAnEnvironmentError(f"{prefix} is not a folder")
    records, unreadable, record_problems = read_all_records(prefix)
    history, history_problems = read_history(prefix)
    python = next((record for record in records if record.name == "python"), None)
    version = _minor(python.version) if python else None
    sites = find_site_packages(prefix, version, python.python_site_packages_path if python else None)
    if not sites and not os.path.isdir(os.path.join(prefix, "conda-meta")):
        raise NotAnEnvironmentError(f"{prefix} is not an environment: it has no conda-meta and no site-packages")
    distributions: list[Distribution] = []
    problems = [*record_problems, *history_problems]
    for site in sites:
        found, site_problems = read_distributions(prefix, site)
        distributions.extend(found)
        problems.extend(site_problems)
    return Snapshot(prefix, records, tuple(distributions), sites, history, version, problems, unreadable)


def no_environment(prefix: str) -> Snapshot:
    """What is known of an environment that is yet to be made."""
    return Snapshot(os.path.abspath(prefix), (), (), (), History(()), None)


def _minor(version: str) -> str | None:
    parts = version.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 and parts[0].isdecimal() and parts[1].isdecimal() else None
