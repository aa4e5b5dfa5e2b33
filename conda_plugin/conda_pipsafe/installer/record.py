"""Write down what an install did: announced to the ledger with what only pip's report knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conda_pipsafe.installer.indexes import index_of, indexes_in_use
from conda_pipsafe.installer.install import Outcome, Prepared
from conda_pipsafe.installer.plan import PlannedDist
from conda_pipsafe.ledger.events import Event, Source
from conda_pipsafe.ledger.folder import LedgerError
from conda_pipsafe.ledger.reconcile import Expected, reconcile
from conda_pipsafe.ledger.store import utc_now
from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Recorded:
    """What went into the ledger.

    Attributes:
        events: The new events, in order.
        why_not: Why they could not be written; None when they were.
    """

    events: tuple[Event, ...]
    why_not: str | None


def record_before(snapshot: Snapshot) -> Recorded:
    """Record what others did since the last look, so that it is not taken for ours."""
    reconciled = reconcile(snapshot.prefix, snapshot)
    return Recorded(reconciled.events, reconciled.unsaved)


def record_install(prepared: Prepared, outcome: Outcome) -> Recorded:
    """Record what pip did, also when it failed half way: then what is there is observed, and the failure noted."""
    command = command_line(prepared)
    done = outcome.ended is not None and outcome.succeeded
    words = prepared.arguments.words
    indexes = indexes_in_use(outcome.after.prefix, words, prepared.pip.environment)
    only = not any(word.startswith(("-f", "--find-links", "-r", "--requirement")) for word in words)
    found_on = {dist.key: index_of(dist.url, indexes, only=only) for dist in prepared.plan.dists}
    expected = [_expected(dist, command, found_on[dist.key]) for dist in prepared.plan.dists] if done else []
    reconciled = reconcile(outcome.after.prefix, outcome.after, expected=expected)
    if outcome.ended is None or outcome.succeeded or reconciled.unsaved is not None:
        return Recorded(reconciled.events, reconciled.unsaved)
    event = _failed(prepared, outcome, command)
    try:
        reconciled.ledger.append([event])
    except LedgerError as error:
        return Recorded(reconciled.events, error.message)
    return Recorded((*reconciled.events, event), None)


def command_line(prepared: Prepared) -> str:
    """What was run, as a person would type it, without credentials."""
    import shlex

    words = ["pipsafe", "install"]
    for name in sorted(prepared.options.allowed):
        words += ["--allow-replace", name]
    if prepared.options.override_frozen:
        words.append("--override-frozen")
    return shlex.join([*words, *prepared.arguments.shown()])


def _expected(dist: PlannedDist, command: str, index: str | None) -> Expected:
    kind: Literal["index", "direct-url", "editable"] = "index"
    if dist.is_direct:
        kind = "editable" if dist.editable else "direct-url"
    source = Source(kind, dist.url, index if kind == "index" else None, dist.hash, dist.revision)
    return Expected(dist.key, dist.version, dist.requested, source, command, dist.extras)


def _failed(prepared: Prepared, outcome: Outcome, command: str) -> Event:
    ended = outcome.ended
    return Event(
        utc_now(),
        "failed",
        "recorded",
        "certain",
        revision=outcome.after.history.current,
        command=command,
        user=_user(),
        data={
            "exit_code": ended.code if ended else None,
            "signal": ended.interrupted if ended else None,
            "planned": [f"{dist.name}=={dist.version}" for dist in prepared.plan.dists],
            "differences": [difference.message for difference in outcome.differences],
        },
    )


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
