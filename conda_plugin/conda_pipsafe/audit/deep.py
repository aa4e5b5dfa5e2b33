"""`--deep`: PS120, PS121, PS220, PS221: every file of conda and pip against the hash that its owner recorded.

Left out, since no hash tells: bytecode, symbolic links of a package's own, commands that an installer wrote for an
entry point (compared by what they call instead: `commands`), files in which only the prefix is another since the
environment was moved, and on macOS binaries that conda signed anew after replacing its prefix in them.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.commands import altered_commands
from conda_pipsafe.audit.comparing import Compared, Comparison, Owner, Progress, compared_among
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hashing import DEAD_LINK, FORBIDDEN, NO_FILE, Altered
from conda_pipsafe.audit.relocated import relocated_files
from conda_pipsafe.audit.wording import counted, installer, listed, matters
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import path_key

_OF_NOTHING = hashlib.sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class DeepReport:
    """What comparing every file found.

    Attributes:
        hashed: How many files had a hash to compare with.
    """

    findings: tuple[Finding, ...]
    hashed: int


def deep(context: AuditContext, others: Sequence[str] = (), progress: Progress | None = None) -> DeepReport:
    """Compare every file.

    Args:
        context: What is looked at.
        others: Absolute paths of environments that may share files with this one.
        progress: Told how far it is.
    """
    with closing(Comparison(context, progress)) as comparison:
        return deep_report(context, comparison.begin(), others)


def deep_report(context: AuditContext, comparison: Comparison, others: Sequence[str] = ()) -> DeepReport:
    """What comparing every file found, when it has found it.

    Args:
        context: What is looked at.
        comparison: Of its files, begun.
        others: Absolute paths of environments that may share files with this one.
    """
    results = _own(context, comparison.results())
    findings = (*_found(context, results, others), *altered_commands(context))
    return DeepReport(findings, sum(item.files for item in results))


def compare(context: AuditContext, paths: Container[str]) -> Iterator[Finding]:
    """Compare some files alone; where else they are is asked of the package cache only."""
    return _found(context, _own(context, compared_among(context, paths)))


def _own(context: AuditContext, results: Iterable[Compared]) -> list[Compared]:
    others_own = _told_as_others(context)
    return [item for item in results if _identifier(item.owner) not in others_own]


def _found(context: AuditContext, results: Sequence[Compared], others: Sequence[str] = ()) -> Iterator[Finding]:
    for owner, altered in _altered_files(context, results):
        yield from _findings(context, owner, altered, others)


def _identifier(owner: Owner) -> str:
    return owner.meta_path if isinstance(owner, Record) else owner.path


def _told_as_others(context: AuditContext) -> frozenset[str]:
    """Owners whose files are another's, as other findings tell: each would be told once more for it."""
    elsewhere = {key for health in context.health for key in health.beside}
    records = (
        health.record.meta_path
        for health in context.health
        if health.removed or health.replaced or health.taken or health.beside
    )
    return context.stale.union(records, (dist.path for dist in context.foreign if dist.key in elsewhere))


def _altered_files(context: AuditContext, results: Sequence[Compared]) -> Iterator[tuple[Owner, list[Altered]]]:
    """The altered files of each owner that has any, without those whose change another finding tells already.

    Of what conda packages share (they clobber each other) one is there: a file that is as any of them recorded it is as
    installed, and one that is as none did is told of the last.
    """
    last = {found.path: item.owner for item in results for found in item.altered}
    if not last:
        return
    told = {path for paths in context.contested.values() for path in paths}
    told |= {*map(context.as_recorded, told), *context.overlapping}
    told |= _as_another_recorded(context, results)
    for item in results:
        altered = [found for found in item.altered if found.path not in told and last[found.path] is item.owner]
        if altered:
            yield item.owner, altered


def _as_another_recorded(context: AuditContext, results: Sequence[Compared]) -> set[str]:
    """Files that are altered for one conda package, and not for another that has them too."""
    compared = {_identifier(item.owner) for item in results}
    times = Counter(found.path for item in results if isinstance(item.owner, Record) for found in item.altered)
    owners = context.snapshot.record_paths
    return {
        path
        for path, count in times.items()
        if count < sum(record.meta_path in compared for record in owners.get(path_key(path), ()))
    }


def _findings(
    context: AuditContext, owner: Owner, altered: Sequence[Altered], others: Sequence[str]
) -> Iterator[Finding]:
    prefix = context.snapshot.prefix
    forbidden = [item.path for item in altered if item.sha256 == FORBIDDEN]
    if forbidden:
        yield _forbidden(prefix, owner, forbidden)
    told = _told(context, owner) if any(item.sha256 == DEAD_LINK for item in altered) else frozenset()
    altered = [item for item in altered if item.sha256 != FORBIDDEN and item.path not in told]
    if isinstance(owner, Distribution):
        yield from _of_pip(prefix, owner, altered, others, fixes.whole(context.snapshot, owner))
        return
    moved = relocated_files(prefix, owner, (item.path for item in altered))
    altered = [item for item in altered if item.path not in moved]
    shared = {item.path: places for item in altered if (places := _sharers(prefix, owner, item, others))}
    alone = [item for item in altered if item.path not in shared]
    if shared:
        yield _shared(prefix, owner, shared)
    if alone:
        ways = [*_in_the_way(prefix, alone), fixes.conda_reinstall(prefix, owner)]
        yield _altered("PS120", f"conda's {owner.name} {owner.version}", owner.name, alone, ways)


def _of_pip(
    prefix: str, dist: Distribution, altered: Sequence[Altered], others: Sequence[str], ways: Sequence[str]
) -> Iterator[Finding]:
    """uv links files from its cache; what else has links of them are copies of whole environments."""
    by_uv = (dist.installer or "").startswith("uv")
    shared = {
        item.path: places
        for item in altered
        if item.links > 1 and ((places := _elsewhere(prefix, item, others)) or by_uv)
    }
    who = f"{installer(dist)}'s {dist.name} {dist.version}"
    if shared:
        places = [*(["uv's cache"] if by_uv else []), *sorted({place for found in shared.values() for place in found})]
        yield make(
            "PS221",
            dist.name,
            f"{counted(len(shared), 'file')} of {who} {'was' if len(shared) == 1 else 'were'} edited in place, "
            f"and with it: {listed(places, 3)}.",
            paths=sorted(shared),
            fixes=[*([f"First have uv forget it: uv cache clean {dist.name}"] if by_uv else []), *ways],
            facts={"shared_with": {path: list(found) for path, found in shared.items()}},
        )
    alone = [item for item in altered if item.path not in shared]
    if alone:
        yield _altered("PS220", who, dist.name, alone, [*_in_the_way(prefix, alone), *ways])


def _told(context: AuditContext, owner: Owner) -> frozenset[str]:
    """The files that are told as missing: a link to nothing stands in their place."""
    if isinstance(owner, Distribution):
        return frozenset() if owner.path in context.cut_off else frozenset(context.missing_files(owner))
    return next(frozenset(health.missing) for health in context.health if health.record is owner)


def _in_the_way(prefix: str, altered: Sequence[Altered]) -> list[str]:
    """What has to go first: pip takes a dead link for nothing and then writes through it, and removes no folder."""
    paths = [item.path for item in altered if item.sha256 in {DEAD_LINK, NO_FILE}]
    return [fixes.delete(prefix, paths)] if paths else []


def _forbidden(prefix: str, owner: Owner, paths: list[str]) -> Finding:
    """Files that the person who runs the audit may not read, so that Python may not either."""
    by = "conda" if isinstance(owner, Record) else installer(owner)
    where = " ".join(fixes.quote(os.path.join(prefix, path)) for path in paths)
    return make(
        "PS901",
        owner.name,
        f"{counted(len(paths), 'file')} of {by}'s {owner.name} {owner.version} cannot be read: Permission denied.",
        paths=paths,
        fixes=[f"chmod u+r {where}"],
        facts={"kind": "unreadable", "detail": "Permission denied"},
    )


def _altered(code: str, who: str, subject: str, altered: Sequence[Altered], ways: Iterable[str]) -> Finding:
    paths = [item.path for item in altered]
    empty = sum(1 for item in altered if item.sha256 == _OF_NOTHING)
    tail = "" if not empty else ": empty now" if empty == len(paths) else f" ({empty} empty now)"
    return make(
        code,
        subject,
        f"{counted(len(paths), 'file')} of {who} {'is' if len(paths) == 1 else 'are'} not as installed{tail}.",
        severity="warning" if matters(paths) or any(map(_is_read, paths)) else "note",
        paths=sorted(paths),
        fixes=ways,
        facts={"sha256": {item.path: item.sha256 for item in altered}},
    )


def _is_read(path: str) -> bool:
    """Whether pip and Python read it: torn metadata hides what is required, and plugins."""
    return path.endswith(("-info/METADATA", "-info/entry_points.txt"))


def _sharers(prefix: str, record: Record, altered: Altered, others: Sequence[str]) -> list[str]:
    """Where else this very file is: the package cache, other environments."""
    if altered.links < 2:  # noqa: PLR2004 - one name is this environment's
        return []
    places = [record.extracted_package_dir] if record.extracted_package_dir else []
    cached = [os.path.join(place, _in_package(record, altered.path)) for place in places]
    return [path for path in cached if _identity(path) == altered.identity] + _elsewhere(prefix, altered, others)


def _elsewhere(prefix: str, altered: Altered, others: Sequence[str]) -> list[str]:
    candidates = [os.path.join(other, altered.path) for other in others if other != prefix]
    return [path for path in candidates if _identity(path) == altered.identity]


def _in_package(record: Record, path: str) -> str:
    """A file's path in the package: conda keeps it in `_path` for `noarch: python`."""
    if record.noarch == "python" and "site-packages/" in path:
        return "site-packages/" + path.partition("site-packages/")[2]
    return path


def _identity(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)  # of links, as conda's `always_softlink` makes them, what they lead to
    except (OSError, ValueError):
        return None
    return info.st_dev, info.st_ino


def _shared(prefix: str, record: Record, shared: Mapping[str, list[str]]) -> Finding:
    places = sorted({place for found in shared.values() for place in found})
    again = fixes.conda_reinstall(prefix, record)
    cache = record.extracted_package_dir or ""
    unpack = fixes.delete(os.path.dirname(cache), [os.path.basename(cache)])
    ways = [f"First have conda unpack it anew: {unpack}"] if cache else []
    return make(
        "PS121",
        record.name,
        f"{counted(len(shared), 'file')} of conda's {record.name} {record.version} "
        f"{'was' if len(shared) == 1 else 'were'} edited in place, and with it: {listed(places, 3)}.",
        paths=sorted(shared),
        fixes=[*ways, again],
        facts={"shared_with": {path: list(found) for path, found in shared.items()}},
    )
