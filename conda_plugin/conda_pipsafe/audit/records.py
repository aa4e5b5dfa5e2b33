"""conda's records as the audit asks of them: the Python distributions in one, and the copies that the vault keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.metadata import distribution_at


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A conda-meta record that the vault keeps a copy of.

    Attributes:
        keys: Canonical names of the Python distributions in the package.
        when: UTC, ISO 8601, when it was kept; None when nobody knows.
        where: Path of the copy, prefix-relative.
        channel: As the record has it.
    """

    name: str
    version: str
    build: str
    keys: tuple[str, ...] = ()
    when: str | None = None
    where: str | None = None
    channel: str = ""


def record_distributions(record: Record) -> Mapping[str, tuple[str, str]]:
    """The Python distributions in a conda package: canonical name to version and metadata file.

    Only those that lie in a site-packages folder itself: packages vendor others' dist-info deeper down.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in record.files:
        there = distribution_at(path)
        if there is not None and there[0].endswith("site-packages"):
            found.setdefault(there[1], (there[2], path))
    return found


def dependents(records: Iterable[Record]) -> Mapping[str, tuple[str, ...]]:
    """conda names of the records that depend on each conda name."""
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for spec in record.depends:
            words = spec.split(None, 1)
            if words and record.name not in found[words[0]]:
                found[words[0]].append(record.name)
    return {name: tuple(names) for name, names in found.items()}
