"""Before and after a conda command."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks import session as sessions
from conda_pipsafe.hooks.guard import observing, tell

if TYPE_CHECKING:
    from conda_pipsafe.forecast.outcome import Outcome
    from conda_pipsafe.hooks.session import Session
    from conda_pipsafe.prefix.snapshot import Snapshot


@observing
def before(command: str, *, reading: bool) -> None:
    """Keep what a reading command would erase; bring the ledger up to date before a changing one.

    Args:
        command: conda's name of the command.
        reading: It changes nothing by intent, but makes conda erase records whose package pip replaced.
    """
    if engine.mode() == "off":
        sessions.start(command, None)
    elif reading:
        session = sessions.start(command, engine.target_prefix())
        if session.prefix is not None and os.path.isdir(session.prefix):
            _recover(session.prefix)
            _keep(command, session.prefix)
    else:
        problem = engine.mode_problem()
        if problem:
            tell(problem)
        _before_change(command, engine.arguments())


def _before_change(command: str, options: Any) -> None:  # noqa: ANN401 - argparse's namespace
    # `create` fills its prefix in later, from the file; then the solver hook asks conda again.
    session = sessions.start(command, None if command in {"create", "env_create"} else _prefix(command, options))
    source = _copied(command, options)
    if options is not None:
        from conda_pipsafe.hooks.deletion import warn_of_deletion

        warn_of_deletion(command, options)
    if source is not None:
        from conda_pipsafe.hooks.copying import warn_of_copy

        warn_of_copy(source)
    elif session.prefix is not None and os.path.isdir(session.prefix):
        _recover(session.prefix)
        if engine.erases_records():
            _keep(command, session.prefix)
        _record(session.prefix)
        if _is_unsolved(command, options) and (not engine.shows_transactions() or _may_ask()):
            _tell_of_unsolved(command, options)
        if not engine.shows_transactions() and not engine.is_dry_run():
            _begin_unseen(session)
        elif command == "env_update":
            # Its `pip:` section may change things though no transaction is made.
            sessions.snapshot_before(session.prefix)
    if source is None and getattr(options, "file", None):
        from conda_pipsafe.hooks.pip_section import is_known_later, warn_of_pip_sections

        if is_known_later(options.file):
            session.sections = options.file
        else:
            warn_of_pip_sections(options.file, sessions.snapshot_before(session.prefix) if session.prefix else None)


def _is_unsolved(command: str, options: Any) -> bool:  # noqa: ANN401
    """Whether it may be that no solver runs; of `remove --all` that is told as a deletion, unless the folder stays."""
    return command == "install" or (command == "remove" and bool(getattr(options, "keep_env", False)))


def _may_ask() -> bool:
    return engine.mode() == "prompt" and engine.may_ask()


def _tell_of_unsolved(command: str, options: Any) -> None:  # noqa: ANN401 - argparse's namespace
    """Tell now where no solver will run (`--revision`, explicit files, `remove --all --keep-env`).

    At the last look nobody can be asked, and conda before 25.5 has none.
    """
    from conda_pipsafe.engines.conda_plan import foresee_unsolved
    from conda_pipsafe.hooks.transactions import act

    seen = foresee_unsolved(command, options, download=False)
    if seen is not None:
        sessions.current.forecasts[seen.forecast.transaction.prefix] = seen.forecast
        act(seen.forecast, engine.mode(), spinning=False)


def _begin_unseen(session: Session) -> None:
    """Take the measure now: there will be no last look before the transaction."""
    from conda_pipsafe.hooks.transactions import begin

    prefix = session.prefix or ""
    snapshot = sessions.snapshot_before(prefix) if prefix not in session.clean else None
    if snapshot is not None:
        begin(prefix, snapshot, session.forecasts.get(prefix))


def _prefix(command: str, options: Any) -> str | None:  # noqa: ANN401 - argparse's namespace
    named = getattr(options, "name", None) or getattr(options, "prefix", None)
    if command == "env_update" and not named:
        return engine.prefix_of_file(getattr(options, "file", None)) or engine.target_prefix()
    return engine.target_prefix()


def _keep(command: str, prefix: str) -> None:
    from conda_pipsafe.ledger.seen import recall

    remembered = recall(prefix)
    if remembered is not None and not remembered.get("endangered"):
        return
    from conda_pipsafe.ledger.vault import keep_endangered

    kept = keep_endangered(prefix)
    if kept:
        from conda_pipsafe.render.outcome import kept_text

        tell(kept_text(command, prefix, kept))


def _copied(command: str, options: Any) -> str | None:  # noqa: ANN401
    """The environment that `create --clone` or `rename` copies; None for other commands."""
    if command == "rename":
        return engine.target_prefix()
    clone = getattr(options, "clone", None) if command == "create" else None
    return engine.prefix_of_clone(clone) if clone else None


@observing
def after(command: str) -> None:
    """Say what in fact changed, by name and with the way back, and record it."""
    if engine.mode() == "off":
        return
    session = sessions.current
    prefixes = set(session.baselines) | {session.prefix or engine.target_prefix() or "", _new_name(command)}
    for prefix in sorted(prefixes):
        if prefix and os.path.isdir(os.path.join(prefix, "conda-meta")):
            seen = _report(command, prefix) if prefix not in session.clean or command == "env_update" else None
            _record(prefix, seen)


def _new_name(command: str) -> str:
    """Where `rename` has put an environment; "" for other commands."""
    destination = getattr(engine.arguments(), "destination", None) if command == "rename" else None
    return (engine.prefix_of_clone(destination) if destination else None) or ""


def _record(prefix: str, seen: _Seen | None = None) -> None:
    """Bring the ledger up to date; note whether there is anything of pip's to watch over."""
    from conda_pipsafe.ledger.seen import recall

    if recall(prefix) is None:
        from conda_pipsafe.ledger.reconcile import reconcile

        if seen is None:
            reconcile(prefix)
        else:
            reconcile(prefix, seen.snapshot, looked=seen.looked)
    remembered = recall(prefix)
    if remembered is not None and remembered.get("pip") == 0:
        sessions.current.clean.add(prefix)
    refresh_guard(prefix)


def refresh_guard(prefix: str) -> None:
    """Have the pins of the guard follow conda, where there is a guard."""
    if os.path.isfile(os.path.join(prefix, "pip.ini" if os.name == "nt" else "pip.conf")):
        from conda_pipsafe.installer.guard import refresh

        refresh(prefix)


class _Seen(NamedTuple):
    """A prefix as it is after the command, and the moment before it was read, in ns."""

    snapshot: Snapshot
    looked: int


def _report(command: str, prefix: str) -> _Seen | None:
    session = sessions.current
    if prefix not in session.before and command not in {"create", "env_create", "rename"}:
        return None
    from dataclasses import replace

    from conda_pipsafe.forecast.outcome import compare, doubled_distributions, take_baseline
    from conda_pipsafe.ledger.pending import clear_pending
    from conda_pipsafe.prefix.snapshot import read_snapshot

    baseline = session.baselines.get(prefix)
    if baseline is None and session.copied not in {None, prefix}:
        from conda_pipsafe.hooks.copying import baseline_of_copy

        baseline = baseline_of_copy(prefix)
    elif baseline is None and prefix in session.before:
        # No transaction was made: only what a `pip:` section did can be new.
        baseline = take_baseline(session.before[prefix])
    if baseline is not None and session.copied is not None:
        there = doubled_distributions(session.before[session.copied])
        baseline = replace(baseline, doubled=baseline.doubled | {dists[0].key for dists in there})
    looked = time.time_ns()
    after = read_snapshot(prefix)
    outcome = replace(compare(baseline, after), **_as_foreseen(session, prefix, after))
    _tell_outcome(command, outcome, after)
    if prefix in session.baselines:
        clear_pending(prefix)
    return _Seen(after, looked)


def _as_foreseen(session: Session, prefix: str, after: Snapshot) -> dict[str, Any]:
    """What the forecast saw and no path shows, of distributions that are still there: needs, checkouts hidden."""
    seen = session.forecasts.get(prefix)
    if seen is None or prefix not in session.baselines:
        return {}
    still = [harm for harm in seen.harms if after.exists(harm.dist.path)]
    return {
        "broken": tuple((harm.dist, harm.broken) for harm in still if harm.broken),
        "leftover": tuple((harm.dist, harm.leftover) for harm in still if harm.leftover),
        # One of the same name is told by the two dist-infos.
        "hidden": tuple((harm.dist, harm.hidden) for harm in still if harm.hidden and not harm.comer),
    }


def _tell_outcome(command: str, outcome: Outcome, after: Snapshot) -> None:
    """Say what happened, and record it."""
    if not outcome:
        return
    from conda_pipsafe.hooks.ignoring import told_of
    from conda_pipsafe.hooks.record import record_outcome
    from conda_pipsafe.render.outcome import outcome_text

    record_outcome(command, outcome, after.history.current, unfinished=None)
    told = told_of(outcome, sessions.current.copied)
    if told:
        tell(outcome_text(command, told))


def _recover(prefix: str) -> None:
    """Tell what a transaction left whose end nobody saw."""
    from conda_pipsafe.hooks.recovery import recover

    found = recover(prefix)
    if found is None or not found.outcome:
        return
    from conda_pipsafe.hooks.ignoring import told_of
    from conda_pipsafe.render.outcome import outcome_text

    told = told_of(found.outcome)
    if told:
        tell(outcome_text(found.command, told, unfinished=found.since))
