"""`create --clone` and `rename`: what of pip's the copy will not have, before it is made and when all is unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks import session as sessions
from conda_pipsafe.hooks.asking import CANNOT_ASK, STOPPED, confirmed
from conda_pipsafe.hooks.guard import Refusal, tell

if TYPE_CHECKING:
    from conda_pipsafe.forecast.outcome import Baseline
    from conda_pipsafe.forecast.transaction import LinkedPackage


def warn_of_copy(source: str) -> None:
    """Warn, ask or refuse before anything is copied.

    Args:
        source: The environment that is copied.

    Raises:
        Refusal: When the mode refuses, or a person says no.
    """
    from conda_pipsafe.engines.conda import copied_packages
    from conda_pipsafe.forecast.copying import forecast_copy, replaced_packages
    from conda_pipsafe.forecast.outcome import doubled_distributions
    from conda_pipsafe.hooks.ignoring import passed_over
    from conda_pipsafe.render.outcome import copy_text

    snapshot = sessions.snapshot_before(source)
    if snapshot is not None:
        sessions.current.copied = source
        # What lies twice in the source will lie twice in the copy: no news.
        doubled = (dist for dists in doubled_distributions(snapshot) for dist in dists)
        sessions.current.said.update((dist.path, "doubled", "") for dist in doubled)
    if snapshot is None or not snapshot.pip_distributions():
        return
    seen, replaced = forecast_copy(snapshot, "", copied_packages(snapshot)), replaced_packages(snapshot)
    sessions.current.lost_in_copy = seen
    dists = [*(harm.dist for harm in seen.harms), *(item.dist for item in replaced)]
    over = passed_over(source, dists)
    told = [item for item in replaced if item.dist.path not in over]
    harms = [harm for harm in seen.harms if harm.dist.path not in over]
    # The transaction in the copy will show the same again.
    sessions.current.said.update((dist.path, kind, "") for dist in dists for kind in ("touched", "doubled"))
    if not told and not harms:
        return
    if engine.mode() == "block":
        raise Refusal(copy_text(source, told, harms, refused=True))
    tell(copy_text(source, told, harms))
    if engine.mode() == "prompt" and engine.may_ask() and not confirmed():
        raise Refusal(STOPPED)


def baseline_of_copy(prefix: str) -> Baseline | None:
    """What a copy is compared with where no transaction is seen (conda before 25.5): what it was not to have."""
    from conda_pipsafe.forecast.outcome import Baseline, with_losses

    source, lost = sessions.current.copied, sessions.current.lost_in_copy
    if source is None or lost is None:
        return None
    empty = Baseline(prefix, None, None, watched=(), stamps={}, foreseen=lost.paths)
    return with_losses(empty, sessions.current.before[source], lost)


def look_again(prefix: str, packages: Sequence[LinkedPackage]) -> None:
    """Every package is unpacked now: learn what the records alone did not tell.

    Args:
        prefix: The copy.
        packages: What conda is about to link there, in its order.

    Raises:
        Refusal: As `warn_of_copy`; here nobody can be asked.
    """
    from conda_pipsafe.forecast.copying import forecast_copy
    from conda_pipsafe.hooks.ignoring import passed_over
    from conda_pipsafe.render.outcome import begun_text, copy_text

    source, before = sessions.current.copied, sessions.current.lost_in_copy
    if source is None or before is None or prefix == source:
        return
    seen = forecast_copy(sessions.current.before[source], prefix, packages)
    sessions.current.lost_in_copy = seen
    over = passed_over(source, (harm.dist for harm in seen.harms))
    # What is not copied for its name or its folder was known from the records.
    more = [
        replace(harm, overwritten=paths, deleted=())
        for harm in seen.harms
        if harm.dist.path not in over and (paths := tuple(sorted(set(harm.overwritten) - before.paths)))
    ]
    if not more:
        return
    sessions.current.said.update((harm.dist.path, kind, "") for harm in more for kind in ("touched", "doubled"))
    mode = engine.mode()
    if mode == "block":
        raise Refusal(f"{copy_text(source, (), more, refused=True)}\n{begun_text(prefix)}")
    tell(copy_text(source, (), more, again=True))
    if mode == "prompt" and engine.may_ask():
        raise Refusal(f"{CANNOT_ASK}\n{begun_text(prefix)}")
