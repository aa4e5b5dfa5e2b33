"""A whole environment goes: with `remove --all`, or because `create` or `rename` puts another one in its place."""

from __future__ import annotations

import os
from typing import Any

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks.guard import Refusal, tell


def warn_of_deletion(command: str, options: Any) -> None:  # noqa: ANN401 - conda's parsed command line
    """Name what pip installed in an environment that the command deletes.

    Raises:
        Refusal: In the mode `block`, or when a person says no, unless the deletion is what was asked for.
    """
    asked, prefix = _deleted(command, options)
    if prefix is None or not os.path.isdir(os.path.join(prefix, "conda-meta")):
        return
    from conda_pipsafe.forecast.deletion import forecast_deletion
    from conda_pipsafe.hooks.ignoring import passed_over
    from conda_pipsafe.prefix.snapshot import read_snapshot
    from conda_pipsafe.render.deletion import deletion_text

    # Not the session's snapshot: what comes in its place is met with what is there then.
    seen = forecast_deletion(read_snapshot(prefix))
    over = passed_over(prefix, (harm.dist for harm in seen.harms))
    harms = tuple(harm for harm in seen.harms if harm.dist.path not in over)
    if not harms:
        return
    if engine.mode() == "block" and not asked:
        raise Refusal(deletion_text(seen, harms, refused=True))
    tell(deletion_text(seen, harms))
    if engine.mode() == "prompt" and not asked and engine.may_ask():
        from conda_pipsafe.hooks.asking import confirmed

        if not confirmed():
            raise Refusal("conda-pipsafe: stopped at your word; nothing was changed")


def _deleted(command: str, options: Any) -> tuple[bool, str | None]:  # noqa: ANN401
    """Whether that is what the command is for, and the environment that it deletes, if any."""
    if command == "env_remove" or (command == "remove" and getattr(options, "all", False)):
        return True, None if getattr(options, "keep_env", False) else engine.target_prefix()
    if command == "rename":
        if not (getattr(options, "yes", False) or getattr(options, "force", False)):
            return False, None  # conda refuses it itself
        return False, engine.prefix_of_destination(getattr(options, "destination", None))
    if engine.replaces(command, options) and not engine.is_dry_run():
        named = getattr(options, "name", None) or getattr(options, "prefix", None)
        return False, engine.target_prefix() if named else engine.prefix_of_file(getattr(options, "file", None))
    return False, None
