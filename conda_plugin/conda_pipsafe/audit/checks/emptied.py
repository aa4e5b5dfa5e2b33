"""PS120, PS121, PS220, PS221 without `--deep`: files that are empty and were not, as a full disk or a crash leaves.

How large a file is costs little to ask. Of the files that are empty now, only those are told that had content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.linked import folders_of
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text

# Of no bytes, as RECORD writes it (PyPA "Recording installed projects").
_OF_NOTHING = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
_HEX_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for files without content, and compare their hashes."""
    paths = {path for dist in context.recorded for path in _of_dist(context, dist)}
    paths |= {path for record in context.snapshot.records for path in _of_record(context, record)}
    if paths:
        from conda_pipsafe.audit.deep import compare  # and what it needs for hashing: not for every audit

        yield from compare(context, paths)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("emptied", check)]


def _of_dist(context: AuditContext, dist: Distribution) -> Iterable[str]:
    if dist.kind != "dist-info" or not dist.has_record:
        return ()
    empty = context.disk.empty_among(context.paths(dist), context.folders(dist))
    if not empty:
        return ()
    try:
        recorded = read_text(context.snapshot.prefix, f"{dist.path}/RECORD").count(_OF_NOTHING)
    except UnreadableError:
        return ()
    if recorded == len(empty):
        return ()
    return [path for path, written in context.hashes(dist) if path in empty and _OF_NOTHING not in written]


def _of_record(context: AuditContext, record: Record) -> Iterable[str]:
    empty = context.disk.empty_among(record.files, folders_of(record.files))
    if not empty or len(record.files) != len(record.paths_data):
        return ()
    facts = zip(record.files, record.paths_data, strict=True)
    return [path for path, fact in facts if path in empty and _digest(fact) not in {None, _HEX_OF_NOTHING}]


def _digest(fact: Mapping[str, Any]) -> object:
    return fact.get("sha256_in_prefix") or fact.get("sha256")
