"""Bring together what an audit looks at: the prefix as it is now, its ledger brought up to date, the vault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.records import KeptCopy, record_distributions
from conda_pipsafe.ledger.events import DistState, Event
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot


@dataclass(frozen=True, slots=True)
class Gathered:
    """The input of an audit, and what could not be had for it.

    Attributes:
        context: What the checks look at.
        problems: Sentences for people: the ledger that could not be read or written.
    """

    context: AuditContext
    problems: tuple[str, ...]


def gather(prefix: str) -> Gathered:
    """Read an environment, reconcile its ledger and look into its vault.

    A ledger that cannot be had never stops the audit: the disk is the truth, and the audit says what it lacked.

    Raises:
        NotAnEnvironmentError: When the path is not an environment.
    """
    snapshot = read_snapshot(prefix)
    problems: list[str] = []
    forgotten: tuple[DistState, ...] = ()
    try:
        from conda_pipsafe.ledger.reconcile import reconcile

        reconciled = reconcile(snapshot.prefix, snapshot)
        if reconciled.unsaved:
            problems.append(f"what changed since the last look is not recorded: {reconciled.unsaved}")
        forgotten = _vanished([*reconciled.ledger.events(), *reconciled.events])
    except Exception as error:  # noqa: BLE001 - observing fails open
        problems.append(f"the ledger could not be brought up to date ({type(error).__name__}: {error})")
    try:
        kept = _kept(snapshot)
    except Exception as error:  # noqa: BLE001 - observing fails open
        kept = ()
        problems.append(f"the vault could not be read ({type(error).__name__}: {error})")
    return Gathered(AuditContext(snapshot, kept, forgotten), tuple(problems))


def _vanished(events: Iterable[Event]) -> tuple[DistState, ...]:
    """Distributions that were not there any more at some look, and that no install of ours or removal explains."""
    found: dict[str, DistState] = {}
    for event in events:
        if event.dist is None:
            continue
        if event.kind == "removed" and event.how == "observed":
            found[event.dist.path] = event.dist
        else:
            found.pop(event.dist.path, None)
    return tuple(found.values())


def _kept(snapshot: Snapshot) -> tuple[KeptCopy, ...]:
    """The copies of records that conda has none of now, the oldest first."""
    from conda_pipsafe.ledger.vault import kept_records

    found: list[KeptCopy] = []
    for copy in kept_records(snapshot.prefix):
        if snapshot.record_named(copy.name) is not None:
            continue
        record = copy.record(snapshot.prefix)
        keys = tuple(record_distributions(record)) if record else ()
        channel = record.channel if record else ""
        found.append(KeptCopy(copy.name, copy.version, copy.build, keys, copy.when, copy.copy, channel))
    return tuple(found)
