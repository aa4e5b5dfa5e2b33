"""What is said of packages that are known by their names only, and again when they are downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks import session as sessions
from conda_pipsafe.hooks.guard import tell

if TYPE_CHECKING:
    from conda_pipsafe.forecast.effects import Forecast, Harm


def admit_names_only(seen: Forecast) -> None:
    """Nothing follows a dry run that would tell exactly."""
    from conda_pipsafe.hooks.ignoring import ignored
    from conda_pipsafe.render.names_only import names_text

    prefix = seen.transaction.prefix
    text = names_text(seen)
    if text is not None and not ignored().environment(prefix, engine.name_of(prefix)):
        tell(text)


def refine(seen: Forecast, harms: tuple[Harm, ...]) -> None:
    """Name the paths of what was announced by its name alone: it is downloaded now."""
    from dataclasses import replace

    from conda_pipsafe.render.forecast import refined_text

    said = sessions.current.said
    named = {path for path, kind, _ in said if kind == "named"}
    still = {harm.dist.path for harm in harms if harm.by_name_only}
    known = [harm for harm in harms if harm.dist.path in named - still and _has_come_true(harm)]
    touched = {harm.dist.path for harm in harms}
    before = sessions.current.before.get(seen.transaction.prefix)
    spared = [dist for dist in (before.distributions if before else ()) if dist.path in named - touched]
    if known or (spared and seen.exact):
        said.difference_update((path, "named", "") for path in named - still)
        # What else was said of them is no news.
        news = [
            replace(
                harm,
                broken=() if (harm.dist.path, "broken", "") in said else harm.broken,
                orphaned=harm.orphaned and (harm.dist.path, "orphaned", "") not in said,
            )
            for harm in known
        ]
        tell(refined_text(seen, news, spared))


def _has_come_true(harm: Harm) -> bool:
    """Whether what a package that was announced by its name does is known now."""
    return bool(harm.overwritten or harm.deleted or harm.shadowed or harm.doubled or harm.hidden)
