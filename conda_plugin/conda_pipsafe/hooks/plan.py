"""Inside the conda that `conda pipsafe plan` starts: hand out the forecast, and end the command before it does a thing.

The answer goes to the file that the variable `PIPSAFE_PLAN` names, as one JSON value. This needs no `--dry-run` of
conda's: some commands have none, and the command ends here at the latest when its solver is done.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

from conda_pipsafe.engines import conda_context as engine

if TYPE_CHECKING:
    from conda_pipsafe.engines.conda_plan import Foreseen
    from conda_pipsafe.forecast.transaction import Transaction
    from conda_pipsafe.hooks.pip_section import Clash

ANSWER = "PIPSAFE_PLAN"
DOWNLOAD = "PIPSAFE_PLAN_DOWNLOAD"
ANSWER_VERSION = 1

P = ParamSpec("P")
_pending: list[str] = []  # what the pre-command hook has to say beside the forecast
_prefix: list[str] = []
_sections: list[tuple[str, list[Clash]]] = []  # what its pip: sections do to conda's packages
_later: list[Any] = []  # options of a command whose pip: sections are looked at when the solver is done


def _clearly(function: Callable[P, None]) -> Callable[P, None]:
    """Let a fault of ours end the command with one line: here, unlike in a user's command, nothing may go on."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from conda.exceptions import CondaError

        try:
            function(*args, **kwargs)
        except CondaError:
            raise
        except Exception as error:
            if os.environ.get("PIPSAFE_DEBUG"):
                raise
            raise CondaError(f"conda-pipsafe could not make the forecast: {type(error).__name__}: {error}") from error

    return wrapped


@_clearly
def before(command: str) -> None:
    """Answer for a command whose solver will not run; for others note what the solver's result does not tell.

    Raises:
        conda.exceptions.DryRunExit: When the answer is given.
    """
    from conda_pipsafe.engines.conda_plan import addresses, command_prefix, foresee_unsolved, pip_requirements

    options = engine.arguments()
    _write({"state": "started"})
    seen = foresee_unsolved(command, options, download=_download())
    prefix = seen.forecast.transaction.prefix if seen else command_prefix(command, options)
    count = pip_requirements(options) if command in {"install", "create", "env_create", "env_update"} else 0
    if count:
        lines = "1 requirement" if count == 1 else f"{count} requirements"
        _pending.append(
            f"of the file's pip: section ({lines}) only what conda has too is shown: what else pip would do tells "
            f"`conda pipsafe install --dry-run -p {shlex.quote(prefix)} …`"
        )
        from conda_pipsafe.hooks.pip_section import is_known_later

        if is_known_later(getattr(options, "file", None)):
            _later.append(options)
        else:
            _sections.extend(_section_clashes(options, prefix))
    _pending.extend(f"a pip: section of {file} is not looked at: download it first" for file in addresses(options))
    _prefix.append(prefix)
    if seen is not None:
        _finish(seen)


@_clearly
def solved(unlink: tuple[Any, ...], link: tuple[Any, ...]) -> None:
    """Answer with the solver's result.

    Raises:
        conda.exceptions.DryRunExit: Always.
    """
    from conda_pipsafe.engines.conda_plan import foresee_solved

    if engine.only_downloads():
        _pending.append("--download-only changes no environment")
        unlink, link = (), ()
    # The prefix of `env update` may be named in its file; that of a dry `create` may be conda's own invention.
    prefix = (_prefix[0] if _prefix else None) or engine.target_prefix() or ""
    seen = foresee_solved(prefix, unlink, link, download=_download())
    for options in _later:
        _sections.extend(_section_clashes(options, prefix, seen.forecast.transaction))
    _finish(seen)


def stop_action() -> type[Any]:
    """A transaction action that ends whatever comes as far as a transaction, though nothing should."""
    from conda.core.path_actions import Action

    class StopAction(Action):  # type: ignore[misc]  # conda is untyped for us
        """Never lets a transaction begin."""

        def __init__(self, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401
            raise _end()

        def verify(self) -> None:
            """Never reached."""

        def execute(self) -> None:
            """Never reached."""

        def reverse(self) -> None:
            """Never reached."""

        def cleanup(self) -> None:
            """Never reached."""

    return StopAction


def _section_clashes(
    options: Any,  # noqa: ANN401
    prefix: str,
    transaction: Transaction | None = None,
) -> list[tuple[str, list[Clash]]]:
    from conda_pipsafe.hooks.pip_section import clashing_lines
    from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot

    try:
        snapshot = read_snapshot(prefix)
    except NotAnEnvironmentError:
        snapshot = None
    return clashing_lines(getattr(options, "file", None), snapshot, transaction)


def _download() -> bool:
    return os.environ.get(DOWNLOAD) == "1"


def _finish(seen: Foreseen) -> None:
    from conda_pipsafe.hooks.ignoring import passed_over, wrong_entries
    from conda_pipsafe.render.outcome import marker_note
    from conda_pipsafe.render.pip_section import section_text
    from conda_pipsafe.render.planned import planned_lines, planned_value

    prefix = seen.source or seen.forecast.transaction.prefix
    over = passed_over(prefix, [*(harm.dist for harm in seen.forecast.harms), *(item.dist for item in seen.replaced)])
    notes = [*seen.notes, *_pending]
    if seen.forecast.marker is not None:
        notes.append(marker_note(prefix, seen.forecast.marker))
    wrong = wrong_entries()
    if wrong:
        notes.append(wrong.removeprefix("conda-pipsafe: "))
    parts = (seen.forecast, seen.replaced, seen.source, over)
    section = [line for file, clashes in _sections for line in section_text(file, clashes).splitlines()]
    _write({
        "state": "done",
        "value": planned_value(*parts, sections=_sections, notes=notes),
        "lines": planned_lines(*parts) + section,
        "every_path": planned_lines(*parts, every_path=True) + section,
    })  # fmt: skip
    raise _end()


def _end() -> Exception:
    from conda.exceptions import DryRunExit

    return DryRunExit()  # type: ignore[no-any-return]  # conda is untyped for us


def _write(answer: dict[str, Any]) -> None:
    with open(os.environ[ANSWER], "w", encoding="utf-8") as file:
        json.dump({"version": ANSWER_VERSION, **answer}, file)
