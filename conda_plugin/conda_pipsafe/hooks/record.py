"""What a conda command did, as an event of the ledger."""

from __future__ import annotations

import contextlib
from typing import Any

from conda_pipsafe.forecast.outcome import Outcome
from conda_pipsafe.ledger.events import Event
from conda_pipsafe.ledger.folder import LedgerError
from conda_pipsafe.ledger.store import open_ledger, utc_now
from conda_pipsafe.prefix.metadata import canonical_name

MOST_PATHS = 50


def record_outcome(command: str, outcome: Outcome, revision: int | None, *, unfinished: str | None) -> None:
    """Append one `conda` event; where the ledger cannot be written the user was told all the same.

    Args:
        command: conda's name of the command.
        outcome: What it did.
        revision: conda's last revision after it.
        unfinished: When the command began, if nobody saw its end.
    """
    data: dict[str, Any] = {
        "distributions": _touched(outcome),
        "changes": [
            {
                "name": change.dist.name,
                "version": change.dist.version,
                "path": change.dist.path,
                "by": list(change.by),
                "overwritten": len(change.overwritten),
                "same_content": change.same,
                "deleted": len(change.deleted),
                "paths": [*change.overwritten, *change.deleted][:MOST_PATHS],
            }
            for change in outcome.changes
        ],
        "replaced": [{"record": item.record.dist_str, "by": item.dist.path} for item in outcome.replaced],
        "orphaned": [dist.path for dist in outcome.orphaned],
        "broken": [{"name": dist.name, "needs": list(texts)} for dist, texts in outcome.broken],
        "hidden": [{"name": dist.name, "modules": dict(modules)} for dist, modules in outcome.hidden],
        "leftover": [dist.path for dist, _ in outcome.leftover],
        "unforeseen": list(outcome.unforeseen[:MOST_PATHS]),
        "spared": list(outcome.spared[:MOST_PATHS]),
    }
    if unfinished:
        data["unfinished_since"] = unfinished
    event = Event(
        time=utc_now(),
        kind="conda",
        how="observed" if unfinished else "recorded",
        certainty="likely" if unfinished else "certain",
        revision=revision,
        command=f"conda {command.replace('_', ' ')}",
        data={key: value for key, value in data.items() if value},
    )
    with contextlib.suppress(LedgerError):
        open_ledger(outcome.prefix).append([event])


def _touched(outcome: Outcome) -> list[str]:
    """Canonical names of every distribution that an outcome speaks of, in order."""
    dists = [*(item.dist for item in outcome.replaced), *outcome.orphaned, *(dists[0] for dists in outcome.doubled)]
    dists += [dist for dist, _ in (*outcome.broken, *outcome.leftover)] + [dist for dist, _ in outcome.hidden]
    names = [*(change.dist.name for change in outcome.changes), *(dist.name for dist in dists)]
    return sorted({canonical_name(name) for name in names})
