"""A transaction that began and whose end nobody saw: conda failed, rolled back or was killed.

Needs no conda: the next conda command looks here, and so do `pipsafe audit` and `pipsafe history`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from conda_pipsafe.forecast.outcome import Outcome


class Unfinished(NamedTuple):
    """What such a transaction left.

    Attributes:
        command: conda's name of the command.
        since: When it began, UTC, ISO 8601.
        outcome: What it did; false when pip's packages are as they were.
    """

    command: str
    since: str
    outcome: Outcome


def recover(prefix: str) -> Unfinished | None:
    """Compare a prefix with what was noted before an unfinished transaction, record the difference, forget the note.

    Returns:
        None when there is no such note, or its command is still running.

    Raises:
        NotAnEnvironmentError: When the prefix cannot be read.
        KeyError, TypeError, ValueError: When the note is not one; it is gone then, too.
    """
    from conda_pipsafe.ledger import PENDING

    if not os.path.lexists(os.path.join(prefix, PENDING)):
        return None
    from dataclasses import replace

    from conda_pipsafe.forecast.baseline_json import baseline_from_json
    from conda_pipsafe.forecast.outcome import compare
    from conda_pipsafe.hooks.record import record_outcome
    from conda_pipsafe.ledger.pending import clear_pending, read_pending
    from conda_pipsafe.prefix.snapshot import read_snapshot

    pending = read_pending(prefix)
    if pending is None:
        return None
    try:
        after = read_snapshot(prefix)
        # What a rollback spared was no wrong forecast.
        outcome = replace(compare(baseline_from_json(pending["baseline"]), after), unforeseen=(), spared=())
        found = Unfinished(str(pending["command"]), str(pending["time"]), outcome)
        if outcome:
            record_outcome(found.command, outcome, after.history.current, unfinished=found.since)
    finally:
        clear_pending(prefix)
    return found


def recovered_texts(prefixes: Iterable[str]) -> Iterator[str]:
    """For each prefix that an unfinished transaction harmed, what it did; one that cannot be read is passed over."""
    from conda_pipsafe.ledger import PENDING

    for prefix in prefixes:
        if not os.path.lexists(os.path.join(prefix, PENDING)):
            continue  # before anything else is imported: there hardly ever is one
        from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError

        try:
            found = recover(prefix)
        except (NotAnEnvironmentError, KeyError, TypeError, ValueError):
            continue
        if found is not None and found.outcome:
            from conda_pipsafe.render.outcome import outcome_text

            yield outcome_text(found.command, found.outcome, unfinished=found.since)
