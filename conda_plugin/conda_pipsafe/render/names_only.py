"""What is said when packages are known by their names only, and these harm nothing."""

from __future__ import annotations

from conda_pipsafe.forecast.effects import Forecast
from conda_pipsafe.render.paths import FEW


def names_text(seen: Forecast) -> str | None:
    """What has to be said where nothing is harmed as far as names tell: None when no Python package is meant."""
    names = [package.name for package in seen.transaction.link if package.paths is None and package.distributions]
    if not names:
        return None
    more = f", … ({len(names)} packages)" if len(names) > FEW else ""
    which = f"{', '.join(names[:FEW])}{more} {'is' if len(names) == 1 else 'are'} not downloaded"
    return (
        f"conda-pipsafe: names only: by their names nothing that pip installed is harmed; {which}\n"
        "  exactly:  conda pipsafe plan --download -- CONDA-COMMAND"
    )
