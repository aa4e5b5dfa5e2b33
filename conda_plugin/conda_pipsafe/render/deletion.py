"""What is said of an environment that goes as a whole, with what pip installed in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from conda_pipsafe.forecast.effects import Forecast, Harm
from conda_pipsafe.render.paths import MOST_PACKAGES


def deletion_text(seen: Forecast, harms: Sequence[Harm], *, refused: bool = False) -> str:
    """A whole environment goes: the names of what pip installed in it. Their files are no news, all of them go."""
    prefix = seen.transaction.prefix
    names = [f"{harm.dist.name} {harm.dist.version}" for harm in harms]
    shown = ", ".join(names[:MOST_PACKAGES]) + (", …" if len(names) > MOST_PACKAGES else "")
    start = "conda-pipsafe refuses this command:" if refused else "conda-pipsafe:"
    lines = [f"{start} {deletion_title(seen, len(harms))}", f"  {shown}"]
    if refused:
        lines.append("  to have it all the same, first:  conda remove --all -p " + shlex.quote(prefix))
    lines.append(f"  to know later what was there, first:  conda pipsafe list -p {shlex.quote(prefix)} --json > FILE")
    return "\n".join(lines)


def deletion_title(seen: Forecast, count: int) -> str:
    """The sentence that says so, without a beginning."""
    packages = "1 package" if count == 1 else f"{count} packages"
    return f"the environment {seen.transaction.prefix} will be deleted, with {packages} that pip installed in it"
