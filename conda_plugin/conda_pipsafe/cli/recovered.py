"""Tell what became of an install that was cut off."""

from __future__ import annotations

from conda_pipsafe.cli.console import Console
from conda_pipsafe.installer.record import Recovered


def tell_recovered(console: Console, recovered: Recovered | None, where: str | None = None) -> None:
    """Say what the command finished, or put back, before its own work.

    Args:
        console: Where to tell.
        recovered: What became of it.
        where: The environment, where the command is about several.
    """
    if recovered is None:
        return
    into = f" into {where}" if where else ""
    begun = f"an install of {recovered.time}{into} was cut off ({recovered.command})"
    if recovered.completed:
        console.note(f"note: {begun}; pip had finished it, and it is recorded now")
    elif not recovered.left:
        console.note(f"note: {begun}; what it had changed was put back")
    else:
        console.error(f"error: {begun}; not all that it had changed could be put back:")
        for line in recovered.left:
            console.error(f"    {line}")
