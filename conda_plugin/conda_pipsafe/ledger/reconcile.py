"""Bring the ledger up to date with the disk: every command's first step."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from conda_pipsafe.ledger import seen
from conda_pipsafe.ledger.codec import decode_event, encode_event, encode_state
from conda_pipsafe.ledger.compare import Comparison, compare
from conda_pipsafe.ledger.events import Event, current_user
from conda_pipsafe.ledger.folder import LedgerError
from conda_pipsafe.ledger.observe import Expected
from conda_pipsafe.ledger.store import LOCK_SECONDS, Ledger, open_ledger, utc_now
from conda_pipsafe.ledger.vault import keep_records
from conda_pipsafe.prefix.anchors import endangered
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot

__all__ = ["Expected", "Reconciled", "reconcile"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look at a prefix brought.

    Attributes:
        events: The new events, in order; empty when nothing happened.
        ledger: The prefix's ledger, with them.
        snapshot: What was looked at; None when the fast path said that nothing changed.
        kept: `name-version-build` of the records that a reading conda command would erase, and that are kept.
        unsaved: Why the events could not be recorded, as a sentence; None when they were, or there are none.
        unmet: What was expected and is not on the disk.
    """

    events: tuple[Event, ...]
    ledger: Ledger
    snapshot: Snapshot | None
    kept: tuple[str, ...] = ()
    unsaved: str | None = None
    unmet: tuple[Expected, ...] = ()


def reconcile(
    prefix: str,
    snapshot: Snapshot | None = None,
    *,
    looked: int | None = None,
    expected: Sequence[Expected] = (),
    force: bool = False,
    wait: float = LOCK_SECONDS,
) -> Reconciled:
    """Compare the ledger with the disk and append what happened since.

    An environment in which conda owns every distribution is left without a ledger. Where none can be written, or
    another process holds it, the events are still told, with the reason in `unsaved`: looking never fails for that.

    Args:
        prefix: Absolute path of the environment.
        snapshot: It, if the caller has read it just now; then it is looked at in any case.
        looked: `time.time_ns()` of before that snapshot was read; without it nobody knows how old it is, and the look
            is not remembered.
        expected: What an install or removal that just ended announces: its events are `recorded` and `certain`.
        force: Look even when nothing seems to have changed.
        wait: How long to wait for another writer, in seconds.

    Raises:
        NotAnEnvironmentError: When the path is not an environment.
    """
    ledger = open_ledger(prefix)
    prefix = ledger.prefix
    if snapshot is None and not expected and not force:
        remembered = seen.recall(prefix)
        if remembered is not None:
            names = remembered.get("endangered")
            return Reconciled((), ledger, None, tuple(map(str, names)) if isinstance(names, list) else ())
    if snapshot is None:
        looked, snapshot = time.time_ns(), read_snapshot(prefix)
    look = _Look(ledger, snapshot, tuple(expected), endangered(snapshot), current_user() if expected else None)
    kept, kept_events = keep_records(prefix, look.endangered)
    events, unsaved = _record(look, kept_events, wait)
    if looked is not None and unsaved is None:
        paths = seen.watched([site.path for site in snapshot.sites], [dist.path for dist in snapshot.distributions])
        facts = {"endangered": kept, "pip": len(snapshot.pip_distributions()) + len(snapshot.traces())}
        seen.remember(prefix, looked, paths, facts)
    return Reconciled(tuple(events), ledger, snapshot, tuple(kept), unsaved, _unmet(snapshot, expected))


@dataclass(frozen=True, slots=True)
class _Look:
    ledger: Ledger
    snapshot: Snapshot
    expected: tuple[Expected, ...]
    endangered: tuple[Record, ...]
    user: str | None

    def events(self) -> list[Event]:
        folded = self.ledger.folded()
        here = os.path.realpath(self.ledger.prefix)
        copied = folded.prefix is not None and folded.prefix != here
        met = compare(self.snapshot, folded, self.expected, self.endangered, copied=copied, user=self.user)
        changes = met.events()
        events = [_moved(met, here), *changes] if copied else changes
        # As they will be on disk: what was announced may hold credentials, and the events are shown too.
        return [decode_event(encode_event(event)) for event in events]


def _record(look: _Look, kept: Sequence[Event], wait: float) -> tuple[list[Event], str | None]:
    events = [*kept, *look.events()]
    if not events:
        return [], None
    try:
        with look.ledger.locked(wait):
            # Another process may have looked in between.
            look.ledger.reload()
            told = {event.data.get("copy") for event in look.ledger.events() if event.kind == "record-kept"}
            events = [*(event for event in kept if event.data.get("copy") not in told), *look.events()]
            look.ledger.append(events, wait=wait)
    except LedgerError as error:
        return events, error.message
    return events, None


def _moved(comparison: Comparison, here: str) -> Event:
    """The event that says that the ledger came along with a copied or renamed environment."""
    before = comparison.folded.prefix or ""
    data = {
        "prefix": here,
        "copied_from": before,
        "still_there": os.path.isdir(os.path.join(before, "conda-meta")),
        "state": [encode_state(state) for state in comparison.carried()],
    }
    revision = comparison.snapshot.history.current
    return Event(utc_now(), "created", "observed", "certain", revision=revision, data=data)


def _unmet(snapshot: Snapshot, expected: Sequence[Expected]) -> tuple[Expected, ...]:
    there = {(dist.key, dist.version) for dist in snapshot.distributions}
    keys = {key for key, _ in there}
    return tuple(
        item
        for item in expected
        if (item.key in keys if item.version is None else (item.key, item.version) not in there)
    )
