"""Who owns what in an environment, and what happened to it: for a page that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.ledger.events import Event
from conda_pipsafe.prefix.history import Revision

_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Owned:
    """One owner and how many paths it has."""

    name: str
    version: str
    owner: Literal["conda", "pip"]
    paths: int
    contested: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows beside the findings.

    Attributes:
        python: Version of the environment's Python, or None.
        owners: The largest first.
        contested: Paths that conda and another installer both have, each with its owners, in order.
        events: The newest of the ledger, in order.
        revisions: The newest of conda's own account, in order.
        earlier: How many events and revisions there are before those.
    """

    python: str | None
    owners: tuple[Owned, ...]
    contested: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]
    revisions: tuple[Revision, ...]
    earlier: int = 0


def overview(context: AuditContext) -> Overview:
    """Sum up a snapshot and its ledger."""
    shared = {path for paths in context.contested.values() for path in paths}
    owners = [
        Owned(
            record.name, record.version, "conda", len(record.files), sum(1 for path in record.files if path in shared)
        )
        for record in context.snapshot.records
    ]
    owners += [
        Owned(dist.name, dist.version, "pip", len(context.paths(dist)), len(context.contested.get(dist.path, ())))
        for dist in context.foreign
    ]
    python = context.snapshot.record_named("python")
    events, revisions = _events(context.snapshot.prefix), context.snapshot.history.revisions
    return Overview(
        python.version if python else context.snapshot.python,
        tuple(sorted(owners, key=lambda owned: (-owned.paths, owned.name))),
        _contested(context),
        events[-_EVENTS:],
        revisions[-_EVENTS:],
        max(len(events) - _EVENTS, 0) + max(len(revisions) - _EVENTS, 0),
    )


def _contested(context: AuditContext) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for dist in context.foreign:
        for path in context.contested.get(dist.path, ()):
            records = ", ".join(record.name for record in context.snapshot.record_paths.get(path, ()))
            found.append((path, f"conda's {records}; {dist.installer or 'pip'}'s {dist.name}"))
    return tuple(sorted(found))


def _events(prefix: str) -> tuple[Event, ...]:
    from conda_pipsafe.ledger.store import open_ledger

    try:
        return tuple(open_ledger(prefix).events())
    except Exception:  # noqa: BLE001 - observing fails open: the page is without a timeline
        return ()
