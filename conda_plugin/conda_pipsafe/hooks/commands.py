"""Before and after a conda command."""

from __future__ import annotations

import os
from typing import Any

from conda_pipsafe.engines import conda as engine
from conda_pipsafe.hooks import session as sessions
from conda_pipsafe.hooks.guard import observing, tell


@observing
def before(command: str, *, reading: bool) -> None:
    """Keep what a reading command would erase; bring the ledger up to date before a changing one.

    Args:
        command: conda's name of the command.
        reading: It changes nothing by intent, but makes conda erase records whose package pip replaced.
    """
    if engine.mode() == "off":
        sessions.start(command, None)
        return
    if reading:
        prefix = engine.target_prefix()
        sessions.start(command, prefix)
        _keep(command, prefix)
        return
    options = engine.arguments()
    # `create` fills its prefix in later, from the file; then the solver hook asks conda again.
    session = sessions.start(command, None if command in {"create", "env_create"} else _prefix(command, options))
    source = _copied(command, options)
    if source is not None:
        _warn_of_copy(source)
    elif session.prefix is not None:
        _record(session.prefix)
        if command == "env_update":
            # Its `pip:` section may change things though no transaction is made.
            sessions.snapshot_before(session.prefix)


def _prefix(command: str, options: Any) -> str | None:  # noqa: ANN401 - argparse's namespace
    named = getattr(options, "name", None) or getattr(options, "prefix", None)
    if command == "env_update" and not named:
        return engine.prefix_of_file(getattr(options, "file", None)) or engine.target_prefix()
    return engine.target_prefix()


def _keep(command: str, prefix: str | None) -> None:
    if prefix is None or not os.path.isdir(prefix):
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


def _warn_of_copy(source: str) -> None:
    from conda_pipsafe.forecast.copying import replaced_packages
    from conda_pipsafe.hooks.guard import Refusal
    from conda_pipsafe.render.outcome import copy_text

    snapshot = sessions.snapshot_before(source)
    replaced = replaced_packages(snapshot) if snapshot is not None else ()
    if not replaced:
        return
    if engine.mode() == "block":
        raise Refusal(copy_text(source, replaced, refused=True))
    tell(copy_text(source, replaced))
    # The transaction in the copy will show the same again.
    sessions.current.said.update((item.dist.path, kind, "") for item in replaced for kind in ("touched", "doubled"))


@observing
def after(command: str) -> None:
    """Say what in fact changed, by name and with the way back, and record it."""
    if engine.mode() == "off":
        return
    session = sessions.current
    prefixes = set(session.stamps) | {session.prefix or engine.target_prefix() or ""}
    for prefix in sorted(prefixes):
        if prefix and os.path.isdir(os.path.join(prefix, "conda-meta")):
            _report(command, prefix)
            _record(prefix)


def _record(prefix: str) -> None:
    from conda_pipsafe.ledger.reconcile import reconcile

    reconcile(prefix)


def _report(command: str, prefix: str) -> None:
    from conda_pipsafe.forecast.outcome import compare
    from conda_pipsafe.prefix.snapshot import read_snapshot
    from conda_pipsafe.render.outcome import outcome_text

    session = sessions.current
    creates = command in {"create", "env_create"}
    if prefix not in session.before and not creates:
        return
    before_snapshot = session.before.get(prefix)
    outcome = compare(
        before_snapshot,
        session.stamps.get(prefix, {}),
        session.replaced.get(prefix, frozenset()),
        read_snapshot(prefix),
    )
    if outcome:
        tell(outcome_text(command, outcome))
