"""Before a transaction: from the solver's result when there is one, and again when every package is on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks import session as sessions
from conda_pipsafe.hooks.asking import CANNOT_ASK, REFUSED_LATER, STOPPED, confirmed
from conda_pipsafe.hooks.by_name import admit_names_only, refine
from conda_pipsafe.hooks.guard import Refusal, conda_error, log, observing, tell

if TYPE_CHECKING:
    from conda_pipsafe.forecast.effects import Forecast, Harm
    from conda_pipsafe.prefix.snapshot import Snapshot


@observing
def solved(unlink: tuple[Any, ...], link: tuple[Any, ...]) -> None:
    """The solver is done, conda's plan is not shown yet: also reached by `--dry-run`.

    Raises:
        conda.exceptions.CondaError: When the mode refuses the transaction.
    """
    # What the pre-command hook found out counts first: `env update` may have its environment's name from a file.
    prefix = sessions.current.prefix or engine.target_prefix()
    will_run_pip = sessions.current.sections is not None and not engine.only_downloads()
    if prefix is not None and will_run_pip and engine.mode() != "off":
        _look_at_pip_sections(prefix, unlink, link)
    if engine.only_downloads() or prefix is None or not (unlink or link) or _passes(prefix, unlink, link):
        return
    mode = engine.mode()
    if mode == "off":
        return
    seen = _foresee(prefix, unlink, link)
    if seen is not None:
        act(seen, mode, spinning=False)
        if engine.is_dry_run() and not seen:
            admit_names_only(seen)
        if not engine.shows_transactions() and not engine.is_dry_run():
            begin(prefix, sessions.current.before[prefix], seen)  # there will be no last look


def _look_at_pip_sections(prefix: str, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> None:
    from conda_pipsafe.engines.conda import transaction_of
    from conda_pipsafe.hooks.pip_section import warn_of_pip_sections
    from conda_pipsafe.prefix.snapshot import no_environment

    files, sessions.current.sections = sessions.current.sections, None
    snapshot = sessions.snapshot_before(prefix) or no_environment(prefix)
    warn_of_pip_sections(files, snapshot, transaction_of(snapshot, prefix, unlink, link))


def look_action() -> type[Any]:
    """The class of our pre-transaction action; made here, where conda is surely loaded."""
    from conda.core.path_actions import Action

    class LookAction(Action):  # type: ignore[misc]  # conda is untyped for us
        """Looks when everything is downloaded; never writes, so there is nothing to reverse."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            super().__init__(*args, **kwargs)
            self._refusal: Refusal | None = None
            # Here rather than in `verify`: with `safety_checks: disabled` conda never calls that, and beside our error
            # there it shows one of its own for each path, which it passes over else (`path_conflict`).
            self._look()

        @observing
        def _look(self) -> None:
            try:
                look(str(self.target_prefix), self.unlink_precs or (), self.link_precs or ())
            except Refusal as refusal:
                made = (self.transaction_context or {}).get("created_prefixes") or ()
                if _verify_is_skipped() or self.target_prefix not in made:
                    raise
                self._refusal = refusal

        def verify(self) -> Exception | None:
            """Refuse by returning the error: conda then takes away the folder that it has just made."""
            self._verified = True
            return None if self._refusal is None else conda_error(self._refusal)

        def execute(self) -> None:
            """Nothing: other actions would still run."""

        def reverse(self) -> None:
            """Nothing was done."""

        def cleanup(self) -> None:
            """Nothing was left."""

    return LookAction


def _verify_is_skipped() -> bool:
    from conda.base.context import context

    return str(getattr(context.safety_checks, "value", context.safety_checks)) == "disabled"


def look(prefix: str, unlink: Iterable[Any], link: Iterable[Any]) -> None:
    """The last look before conda writes: exact, and what later tells us what in fact changed.

    Raises:
        Refusal: When the mode refuses the transaction.
    """
    mode = engine.mode()
    unlink, link = tuple(unlink), tuple(link)
    if mode == "off" or _passes(prefix, unlink, link):
        return
    seen = _foresee(prefix, unlink, link, downloaded=True)
    snapshot = sessions.current.before.get(prefix)
    if snapshot is None:
        return
    if sessions.current.lost_in_copy is not None:
        from conda_pipsafe.engines.conda import transaction_of
        from conda_pipsafe.hooks.copying import look_again

        change = seen.transaction if seen else transaction_of(snapshot, prefix, unlink, link, downloaded=True)
        look_again(prefix, change.link)
    begin(prefix, snapshot, seen)
    if seen is not None and not _takes_everything():
        try:
            act(seen, mode, spinning=True)
        except Refusal:
            from conda_pipsafe.ledger.pending import clear_pending

            clear_pending(prefix)  # nothing is begun
            raise


def _takes_everything() -> bool:
    """Whether the environment goes as a whole: that is what was asked for, and conda itself says what it means."""
    options = engine.arguments()
    whole = bool(getattr(options, "all", False)) and not getattr(options, "keep_env", False)
    return whole and sessions.current.command == "remove"


def begin(prefix: str, snapshot: Snapshot, seen: Forecast | None) -> None:
    """Note what is there, in memory and, for the case that no one sees the end, on disk.

    Args:
        prefix: The prefix of the transaction.
        snapshot: As it is now.
        seen: What will be done to it, if that is known.
    """
    from dataclasses import replace

    from conda_pipsafe.forecast.baseline_json import baseline_to_json
    from conda_pipsafe.forecast.outcome import take_baseline, with_losses

    baseline = take_baseline(snapshot)
    lost = sessions.current.lost_in_copy
    if lost is not None and prefix != sessions.current.copied:
        baseline = with_losses(baseline, sessions.current.before[sessions.current.copied or ""], lost)
        seen = replace(seen, harms=(*seen.harms, *lost.harms)) if seen is not None else lost
        sessions.current.forecasts[prefix] = seen
    if seen is not None and seen.exact:
        baseline = replace(baseline, foreseen=seen.paths)
    sessions.current.baselines[prefix] = baseline
    if baseline.watched:
        from conda_pipsafe.ledger.pending import write_pending
        from conda_pipsafe.ledger.store import utc_now

        write_pending(prefix, sessions.current.command, utc_now(), baseline_to_json(baseline))


def _foresee(
    prefix: str, unlink: tuple[Any, ...], link: tuple[Any, ...], *, downloaded: bool = False
) -> Forecast | None:
    from conda_pipsafe.engines.conda import transaction_of
    from conda_pipsafe.forecast.effects import forecast

    snapshot = sessions.snapshot_before(prefix)
    if snapshot is None:
        return None
    if not (snapshot.pip_distributions() or snapshot.traces() or _leaves_marker(prefix, unlink, link)):
        return None
    change = transaction_of(snapshot, prefix, unlink, link, downloaded=downloaded)
    seen = sessions.current.forecasts.get(prefix)
    if seen is None or not seen.exact or seen.transaction != change:
        seen = forecast(snapshot, change)
    sessions.current.forecasts[prefix] = seen
    return seen


def _passes(prefix: str, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> bool:
    """Whether there is nothing to tell: pip has nothing there, and nothing that keeps it out is left behind."""
    return prefix in sessions.current.clean and not _leaves_marker(prefix, unlink, link)


def _leaves_marker(prefix: str, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> bool:
    """Whether another Python comes, and the mark (PEP 668) that keeps pip out lies in the folder of the one there."""
    going = next((prec for prec in unlink if prec.name == "python"), None)
    if going is None or not any(prec.name == "python" for prec in link):
        return False
    from conda_pipsafe.forecast.effects import marker_of
    from conda_pipsafe.prefix.paths import site_packages_of

    minor = ".".join(str(going.version).split(".")[:2])
    site = getattr(going, "python_site_packages_path", None) or site_packages_of(minor)
    return site is not None and os.path.exists(os.path.join(prefix, marker_of(site)))


def act(seen: Forecast, mode: engine.Mode, *, spinning: bool) -> None:
    """Warn, ask or refuse.

    Args:
        seen: What will happen.
        mode: The user's setting.
        spinning: conda's spinner runs, beside which nobody can be asked.

    Raises:
        Refusal: When the mode refuses, or a person says no.
    """
    _tell_marker(seen)
    if not seen:
        refine(seen, ())
        return
    from conda_pipsafe.hooks.ignoring import passed_over, wrong_entries
    from conda_pipsafe.render.forecast import forecast_text

    over = passed_over(seen.transaction.prefix, (harm.dist for harm in seen.harms))
    if sessions.current.copied is not None:
        # What may happen to the environment that is copied may happen to the copy.
        over |= passed_over(sessions.current.copied, (harm.dist for harm in seen.harms))
    harms = tuple(harm for harm in seen.harms if harm.dist.path not in over)
    new = tuple(harm for harm in harms if _is_new(harm))
    note = wrong_entries() if new else None
    later = mode == "block" and not spinning and _is_known_later(harms)
    # A copy was looked at before it was begun: what lies twice in its source is no reason to stop half way.
    if mode == "block" and (new if sessions.current.copied is not None else harms) and not later:
        raise Refusal("\n".join(filter(None, [note, forecast_text(seen, harms, refused=True) + _begun(seen)])))
    refine(seen, harms)
    if not new:
        return
    sessions.current.said.update(key for harm in new for key in _keys(harm))
    sessions.current.said.update((harm.dist.path, "named", "") for harm in new if harm.by_name_only)
    text = forecast_text(seen, new, every_path=engine.is_verbose(), off=engine.way_off())
    blocks = [note, text, REFUSED_LATER if later else None]
    tell("\n".join([*([""] if spinning and engine.shows_progress() else []), *filter(None, blocks)]))
    if mode == "prompt" and engine.may_ask():
        if spinning:
            raise Refusal(CANNOT_ASK)
        if not confirmed():
            raise Refusal(STOPPED)
    log.debug("conda-pipsafe: %d harms foreseen", len(seen.harms))


def _is_known_later(harms: tuple[Harm, ...]) -> bool:
    """Whether nothing but names speaks for harm, and the last look will tell: a name is no reason to refuse."""
    return all(harm.by_name_alone for harm in harms) and engine.shows_transactions() and not engine.is_dry_run()


def _begun(seen: Forecast) -> str:
    from conda_pipsafe.render.outcome import begun_text

    return "" if sessions.current.copied is None else f"\n{begun_text(seen.transaction.prefix)}"


def _tell_marker(seen: Forecast) -> None:
    said = (seen.marker or "", "marker", "")
    if seen.marker is None or said in sessions.current.said:
        return
    from conda_pipsafe.render.outcome import marker_text

    sessions.current.said.add(said)
    tell(marker_text(seen.transaction.prefix, seen.marker))


def _keys(harm: Harm) -> set[tuple[str, str, str]]:
    kinds = {
        "touched": bool(harm.overwritten or harm.deleted or harm.by_name_only),
        "orphaned": harm.orphaned,
        "shadowed": harm.shadowed,
        "doubled": harm.doubled,
        "broken": bool(harm.broken),
        "leftover": bool(harm.leftover),
    }
    # A package that was announced by its name is the same news when its paths are known; `doubled` goes with it.
    return {(harm.dist.path, kind, "") for kind, holds in kinds.items() if holds}


def _is_new(harm: Harm) -> bool:
    said = sessions.current.said
    if (harm.dist.path, "touched", "") in said:
        return harm.orphaned and (harm.dist.path, "orphaned", "") not in said
    return not _keys(harm) <= said
