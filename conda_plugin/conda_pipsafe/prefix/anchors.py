"""Anchors: the files by which conda recognises a package's Python metadata, and the records that have lost theirs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

_ENDS = (".dist-info/RECORD", ".egg-info/PKG-INFO", ".egg-info")
_ANCHOR = lazy(r"^(?:.*/)?site-packages/[^/]+(?:\.egg-info/PKG-INFO|\.dist-info/RECORD|\.egg-info)$")


def endangered(snapshot: Snapshot) -> tuple[Record, ...]:
    """The records that `conda list`, `export` or `compare` would erase."""
    return without_anchor(snapshot.prefix, snapshot.records)


def without_anchor(prefix: str, records: Iterable[Record]) -> tuple[Record, ...]:
    """Those of some records whose anchor is gone."""
    return tuple(record for record in records if (anchor := anchor_of(record)) and _is_gone(prefix, anchor))


def anchor_of(record: Record) -> str | None:
    """The file by which conda recognises a package's Python metadata; of several the longest path, as conda does."""
    anchors = [path for path in record.files if path.endswith(_ENDS) and _ANCHOR.match(path)]
    return max(anchors, key=len) if anchors else None


def _is_gone(prefix: str, anchor: str) -> bool:
    # conda looks at the names in site-packages alone: a dist-info that lost its RECORD still counts.
    if anchor.endswith(".dist-info/RECORD"):
        return not os.path.lexists(os.path.join(prefix, os.path.dirname(anchor)))
    if anchor.endswith(".egg-info/PKG-INFO"):
        folder = os.path.join(prefix, os.path.dirname(anchor))
        return not os.path.lexists(folder) or os.path.isfile(folder)
    return not os.path.isfile(os.path.join(prefix, anchor))
