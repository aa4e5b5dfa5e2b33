"""Write down what an install did: announced to the ledger with what only pip's report knows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import PipArguments, without_secrets
from conda_pipsafe.installer.changes import planned_changes
from conda_pipsafe.installer.indexes import index_of, indexes_in_use, other_places, uv_indexes_in_use
from conda_pipsafe.installer.install import Options, Outcome, Prepared
from conda_pipsafe.installer.journal import begin, busy, forget, read_journal
from conda_pipsafe.installer.plan import PipFailedError, PlannedDist
from conda_pipsafe.installer.undo import put_back
from conda_pipsafe.ledger.events import Event, Source, current_user
from conda_pipsafe.ledger.folder import LedgerError
from conda_pipsafe.ledger.reconcile import Expected, Reconciled, reconcile
from conda_pipsafe.ledger.store import open_ledger, utc_now
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot


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
    import filelock  # noqa: F401 - takes long to load, and the installer is at work meanwhile

    reconciled = reconcile(snapshot.prefix, snapshot)
    return Recorded(reconciled.events, reconciled.unsaved)


def record_install(prepared: Prepared, outcome: Outcome) -> Recorded:
    """Record what pip did, also when it failed half way: then what is there is observed, and the failure noted."""
    done = outcome.ended is not None and outcome.succeeded
    reconciled = reconcile(outcome.after.prefix, outcome.after, expected=_all_expected(prepared) if done else [])
    if done or outcome.ended is None or reconciled.unsaved is not None:
        if done and outcome.put_back is None:
            forget(outcome.after.prefix)
        return Recorded(reconciled.events, reconciled.unsaved)
    return _with_failure(reconciled, _failed(prepared, outcome, command_line(prepared.arguments, prepared.options)))


def begin_install(prepared: Prepared) -> tuple[str | None, str | None]:
    """Keep what the install may replace, and note in a journal that it begins.

    Returns:
        Where pip's exit code is to be written, and why there is no journal; one of them is None, both where there is
        nothing to install.

    Raises:
        PipsafeError: When it cannot be kept though the environment is ours to write, for want of space for instance.
    """
    if prepared.waiting is None:
        return None, None
    before = prepared.before
    changes = planned_changes(prepared.plan, prepared.wheels, before, cache_tag=prepared.cache_tag)
    expected = [_as_json(item) for item in _all_expected(prepared)]
    try:
        marker = begin(
            before.prefix,
            changes,
            command=command_line(prepared.arguments, prepared.options),
            user=current_user(),
            pip=prepared.waiting.pid,
            expected=expected,
        )
    except LedgerError as error:
        why_not = open_ledger(before.prefix).why_not
        if why_not is None:
            raise PipsafeError(
                f"{error.message}; without that a failed install could not be undone, so nothing was installed"
            ) from error
        return None, why_not
    return marker, None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of an install that had begun and whose end nobody had seen.

    Attributes:
        command: What was run.
        time: When it began, UTC.
        completed: pip had come to its end, and only the record was missing; else it was put back.
        left: What could not be put back, as sentences.
    """

    command: str
    time: str
    completed: bool
    left: tuple[str, ...] = ()


def recover(prefix: str) -> Recovered | None:
    """Finish what an install that was killed left behind: the first step of every command that writes.

    Returns:
        What was done; None when there was nothing to do.

    Raises:
        PipsafeError: When that install is still at work.
    """
    journal = read_journal(prefix)
    if journal is None:
        return None
    if journal.running is not None:
        raise busy(journal)
    if journal.ended_well:
        reconcile(prefix, read_snapshot(prefix), expected=[_from_json(item) for item in journal.expected])
        forget(prefix)
        return Recovered(journal.command, journal.time, completed=True)
    left = put_back(journal)
    reconciled = reconcile(prefix, read_snapshot(prefix))
    data = {"exit_code": None, "signal": None, "planned": _named(journal.expected), "began": journal.time,
            "put_back": not left, "left": left}  # fmt: skip
    _with_failure(
        reconciled,
        Event(utc_now(), "failed", "recorded", "certain", command=journal.command, user=journal.user, data=data),
    )
    return Recovered(journal.command, journal.time, completed=False, left=tuple(left))


def _named(expected: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{item.get('key')}=={item.get('version')}" for item in expected]


def _with_failure(reconciled: Reconciled, event: Event) -> Recorded:
    try:
        reconciled.ledger.append([event])
    except LedgerError as error:
        return Recorded(reconciled.events, error.message)
    return Recorded((*reconciled.events, event), None)


def _all_expected(prepared: Prepared) -> list[Expected]:
    command = command_line(prepared.arguments, prepared.options)
    words = prepared.arguments.words
    if prepared.options.backend == "uv":
        named = uv_indexes_in_use(words, prepared.pip.environment)
        return [_expected(dist, command, index_of(dist.url, named, only=False)) for dist in prepared.plan.dists]
    indexes = indexes_in_use(prepared.before.prefix, words, prepared.pip.environment)
    only = not other_places(words, prepared.pip.environment)
    return [_expected(dist, command, index_of(dist.url, indexes, only=only)) for dist in prepared.plan.dists]


def _as_json(expected: Expected) -> dict[str, Any]:
    value = asdict(expected)
    index = expected.source.index if expected.source else None
    if index is not None:
        value["source"]["index"] = strip_credentials(index)
    return value


def _from_json(value: Mapping[str, Any]) -> Expected:
    source = value.get("source")
    return Expected(
        value["key"],
        value["version"],
        value["requested"],
        Source(**source) if source else None,
        value["command"],
        tuple(value["extras"]),
    )


def record_failure(before: Snapshot, arguments: PipArguments, options: Options, error: PipFailedError) -> None:
    """Note that pip failed with its plan made and nothing changed; where nothing can be noted, that is no matter."""
    if not error.planned:
        return
    data = {"exit_code": error.code, "signal": error.interrupted, "planned": list(error.planned), "put_back": None}
    command = command_line(arguments, options)
    revision = before.history.current
    event = Event(
        utc_now(), "failed", "recorded", "certain", revision=revision, command=command, user=current_user(), data=data
    )
    with contextlib.suppress(LedgerError):
        open_ledger(before.prefix).append([event])


def command_line(arguments: PipArguments, options: Options) -> str:
    """What was run, as a person would type it, without credentials."""
    import shlex

    if options.typed:
        return shlex.join(["pipsafe", *without_secrets(options.typed)])
    words = ["pipsafe", "install", *(["--backend", options.backend] if options.backend != "pip" else [])]
    for name in sorted(options.allowed):
        words += ["--allow-replace", name]
    if options.override_frozen:
        words.append("--override-frozen")
    if options.allow_base:
        words.append("--allow-base")
    if options.conda_first:
        words.append("--conda-first")
    return shlex.join([*words, *arguments.shown()])


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
        user=current_user(),
        data={
            "exit_code": ended.code if ended else None,
            "signal": ended.interrupted if ended else None,
            "planned": [f"{dist.name}=={dist.version}" for dist in prepared.plan.dists],
            "put_back": outcome.put_back,
            "left": list(outcome.left),
            "differences": [difference.message for difference in outcome.differences],
        },
    )
