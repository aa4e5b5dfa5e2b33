"""The distributions of a snapshot that conda does not own, as the ledger has them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conda_pipsafe.ledger.events import DistState, Source
from conda_pipsafe.ledger.store import utc_text
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import METADATA_ENDS, canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot

# Installers that write REQUESTED (PEP 376), so that its absence says something.
_WRITES_REQUESTED = frozenset({"pip", "uv"})


@dataclass(frozen=True, slots=True)
class Expected:
    """What an install that we ran announces, so that the event is recorded and not merely observed.

    Attributes:
        key: Canonical name of the distribution.
        version: The version that is to be there; None when it is to be gone.
        requested: Whether it was asked for by name; None to take what the disk says.
        source: Where it was taken from, with the artifact's hash; None when unknown.
        command: What was run; credentials are removed when it is written.
        extras: The extras that were asked for.
    """

    key: str
    version: str | None
    requested: bool | None = None
    source: Source | None = None
    command: str | None = None
    extras: tuple[str, ...] = ()


def observed_states(snapshot: Snapshot) -> dict[str, DistState]:
    """Every distribution that conda does not own, by the path of its metadata."""
    found: dict[str, DistState] = {}
    for dist in snapshot.distributions:
        owner = snapshot.owner_of(dist)
        if owner != "conda":
            found[dist.path] = DistState(
                key=dist.key,
                name=dist.name,
                version=dist.version,
                path=dist.path,
                installer=dist.installer,
                requested=_requested(dist),
                owner=owner,
                source=_source(dist),
                written=_written(snapshot.prefix, dist),
            )
    return found


def _requested(dist: Distribution) -> bool | None:
    return True if dist.requested else False if dist.installer in _WRITES_REQUESTED else None


def _source(dist: Distribution) -> Source:
    direct = dist.direct_url
    if direct is None or dist.installer == "conda":  # then it is one of the machine that built conda's package
        return Source("editable" if dist.editable else "unknown")
    return Source(
        "editable" if direct.editable else "direct-url", direct.url, hash=direct.hash, revision=direct.revision
    )


def _written(prefix: str, dist: Distribution) -> str | None:
    # Installers write RECORD last; uv links METADATA from its cache, with the time of the download.
    names = ("RECORD", "INSTALLER", "METADATA") if dist.kind == "dist-info" else ("PKG-INFO",)
    for path in (*(f"{dist.path}/{name}" for name in names), dist.path):
        try:
            return utc_text(os.stat(os.path.join(prefix, path)).st_mtime)
        except (OSError, ValueError, OverflowError):
            continue
    return None


def carried_over(now: DistState, before: DistState) -> DistState:
    """The state on disk with what only the ledger knows of this very installation: index, hash, extras, by whom.

    A direct URL that another one took the place of is another source.
    """
    known = before.source
    source = known if now.source.kind == "unknown" and known.kind == "index" else now.source
    if now.source.url is not None and now.source.url == known.url:
        source = replace(now.source, index=known.index, hash=now.source.hash or known.hash)
    # What we announced as requested counts more than the mark on disk.
    requested = now.requested if before.recorded_by is None else before.requested
    return replace(now, source=source, requested=requested, extras=before.extras, recorded_by=before.recorded_by)


def announced(now: DistState, expected: Expected) -> DistState:
    """The state on disk with what the installer announced; a direct URL that the disk has is the better one."""
    source = expected.source or now.source
    if now.source.kind != "unknown":
        source = replace(now.source, hash=now.source.hash or source.hash)
    requested = now.requested if expected.requested is None else expected.requested
    return replace(now, source=source, requested=requested, extras=expected.extras, recorded_by="pipsafe")


def same_site(first: str, second: str) -> bool:
    """Whether two metadata paths lie in one site-packages folder."""
    return first.rsplit("/", 1)[0] == second.rsplit("/", 1)[0]


def replaced_records(records: Sequence[Record]) -> dict[tuple[str, str], Record]:
    """Records whose metadata is gone, by site-packages folder and canonical name of the distribution in it."""
    found: dict[tuple[str, str], Record] = {}
    for record in records:
        for path in record.files:
            if path.endswith(METADATA_ENDS):
                entry = path.removesuffix("/METADATA").removesuffix("/PKG-INFO")
                site, _, name = entry.rpartition("/")
                found[site, canonical_name(name.rsplit(".", 1)[0].split("-", 1)[0])] = record
    return found
