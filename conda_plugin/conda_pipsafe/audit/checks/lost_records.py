"""PS106: packages that conda installed, has no record of any more, and never removed."""

from __future__ import annotations

import re
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.conda_requirements import held
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.needs import Needed, broken_by
from conda_pipsafe.audit.records import KeptCopy
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.history import History, dist_str, split_dist
from conda_pipsafe.prefix.metadata import canonical_name

_REMOVING = frozenset({"remove", "uninstall"})


@dataclass(frozen=True, slots=True)
class _Missing:
    """A package without a record; `unlinked` is when the history says that it went, None when it never says so."""

    name: str
    version: str
    build: str
    unlinked: float | None
    channel: str
    in_history: bool


def check(context: AuditContext) -> Iterator[Finding]:
    """Meet the history and the vault with the records, and look at what stands where a record is missing.

    A package whose name has a record in another version was changed by a tool that writes no history: no harm.
    One that is gone without a trace was removed by such a tool. What tells a lost record is a distribution of its
    name that another installer put there before conda forgot the record, or one that says that conda installed it.
    """
    kept = {copy.name: copy for copy in context.kept}
    found = list(_lost(context, kept))
    going = frozenset(dist.path for _, there in found for dist in there)
    needed = [
        held(context, broken_by(context.needs, {dist.key: missing.version for dist in there}, going), missing.name)
        for missing, there in found
    ]
    for (missing, there), needs in zip(found, needed, strict=True):
        yield _finding(missing, there, kept.get(missing.name), needs, _ways(context, found, needed))


def _lost(context: AuditContext, kept: Mapping[str, KeptCopy]) -> Iterator[tuple[_Missing, tuple[Distribution, ...]]]:
    """The packages whose record is lost, each with what stands in its place."""
    known = _missing(context, kept)
    met: set[str] = set()
    for missing in known.values():
        copy = kept.get(missing.name)
        keys = copy.keys if copy and copy.keys else (canonical_name(missing.name),)
        there = tuple(dist for key in keys for dist in context.foreign_by_key.get(key, ()))
        met.update(dist.path for dist in there)
        if there and not _came_after(context, missing, there):
            yield missing, there
    yield from _by_conda(context, known.values(), met)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("lost-records", check)]


def _by_conda(
    context: AuditContext, known: Iterable[_Missing], met: Container[str]
) -> Iterator[tuple[_Missing, tuple[Distribution, ...]]]:
    """Distributions whose INSTALLER is conda, of packages of another name, or of none that anybody knows.

    One beside the record's own is an older version's that stayed behind: told as two of one name.
    """
    beside = {key for health in context.health for key in health.beside}
    unclaimed = [item for item in known if canonical_name(item.name) not in context.foreign_by_key]
    found: dict[str, tuple[_Missing, list[Distribution]]] = {}
    for dist in context.foreign:
        if dist.installer == "conda" and dist.path not in met and dist.key not in beside:
            fits = [item for item in unclaimed if item.version == dist.version]
            item = fits[0] if len(fits) == 1 else _Missing(dist.key, dist.version, "", None, "", in_history=False)
            found.setdefault(item.name, (item, []))[1].append(dist)
    for item, dists in found.values():
        yield item, tuple(dists)


def _missing(context: AuditContext, kept: Mapping[str, KeptCopy]) -> dict[str, _Missing]:
    # A record that cannot be read is there all the same: PS901 tells it, and its package is not to be touched.
    unreadable = context.unreadable_names
    found: dict[str, _Missing] = {}
    last, removed = _last_known(context.snapshot.history)
    for dist, unlinked in last.items():
        parts = split_dist(dist)
        if parts and parts[0] not in unreadable and context.snapshot.record_named(parts[0]) is None:
            found[parts[0]] = _Missing(*parts, unlinked, dist.rpartition("::")[0], in_history=True)
    for copy in kept.values():
        known = copy.name in found or copy.name in unreadable or copy.name in removed
        if not known and context.snapshot.record_named(copy.name) is None:
            found[copy.name] = _Missing(copy.name, copy.version, copy.build, None, copy.channel, in_history=False)
    return found


def _last_known(history: History) -> tuple[dict[str, float | None], set[str]]:
    """The last distribution string of each package name, with when it was unlinked for good; and what was removed.

    A package that somebody told conda to remove was not lost. Of the others a line in the history says little: conda
    writes there what it misses, too.
    """
    last: dict[str, tuple[str, float | None]] = {}
    removed: set[str] = set()
    for revision in history.revisions:
        words = set(re.split(r"[\s=<>!~'\"]+", revision.command))
        for dist in revision.unlinked:
            name = _name(dist)
            last[name] = (dist, _seconds(revision.time))
            if name in words and not words.isdisjoint(_REMOVING):
                removed.add(name)
        for dist in revision.linked:
            last[_name(dist)] = (dist, None)
            removed.discard(_name(dist))
    return dict(value for name, value in last.items() if name not in removed), removed


def _name(dist: str) -> str:
    parts = split_dist(dist)
    return parts[0] if parts else dist_str(dist)


def _seconds(text: str) -> float:
    try:
        return time.mktime(time.strptime(text[:19], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return 0.0  # not known: as if it was long ago, so that nothing is claimed


def _came_after(context: AuditContext, missing: _Missing, there: tuple[Distribution, ...]) -> bool:
    """Whether what stands there was installed after conda had removed the package: then that is no loss."""
    if missing.unlinked is None:
        return False
    times = [modified for dist in there if (modified := context.disk.modified(dist.path)) is not None]
    if not times or max(times) >= missing.unlinked:
        return True
    # When conda really removes a package it removes the files that pip wrote over its own, too.
    return any(context.missing_files(dist) for dist in there)


def _ways(
    context: AuditContext, found: Sequence[tuple[_Missing, tuple[Distribution, ...]]], needed: Sequence[Needed]
) -> list[str]:
    """The same for all: conda brings what one of them needs, over pip's if that is still there.

    With `--force-reinstall` they may be followed once for each.
    """
    prefix = context.snapshot.prefix
    names = dict.fromkeys(dist.name for _, there in found for dist in there)
    specs = ["=".join(part for part in (lost.name, lost.version, lost.build) if part) for lost, _ in found]
    # `-c CHANNEL` of each, once.
    channels = dict.fromkeys(tuple(fixes.channel_words(lost.channel)) for lost, _ in found)
    again = [word for words in channels for word in words]
    force = ["--force-reinstall"] if len(found) > 1 else []
    wanted = [
        f"{lost.name}{needs.specifier}"
        for (lost, _), needs in zip(found, needed, strict=True)
        if needs and not needs.held
    ]
    return [
        fixes.pip(prefix, "uninstall", "-y", *names),
        fixes.conda(prefix, "install", *force, *again, *specs),
        *([fixes.conda(prefix, "install", *wanted)] if wanted else []),
    ]


def _finding(
    missing: _Missing,
    there: tuple[Distribution, ...],
    copy: KeptCopy | None,
    needed: Needed,
    ways: Sequence[str],
) -> Finding:
    now = listed(f"{dist.name} {dist.version}" for dist in there)
    own = all(dist.installer == "conda" for dist in there)
    state = "its files are still there" if own else f"{installer(there[0])}'s {now} stands in its place"
    return make(
        "PS106",
        missing.name,
        f"conda installed {missing.name} {missing.version} and has lost its record; {state}"
        f"{needed.told(missing.version)}.",
        paths=[dist.path for dist in there],
        fixes=ways,
        facts={
            "conda": {"name": missing.name, "version": missing.version, "build": missing.build},
            "there": [{"name": dist.name, "version": dist.version, "installer": dist.installer} for dist in there],
            "needed_otherwise": needed.facts(),
            "in_history": missing.in_history,
            "kept_copy": copy.where if copy else None,
        },
    )
