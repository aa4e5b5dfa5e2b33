"""What `install` says: the plan, why it is refused, how it ended; as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conda_pipsafe.cli.conda_first import CondaFirst
from conda_pipsafe.cli.console import Console
from conda_pipsafe.errors import Exit
from conda_pipsafe.installer.install import Outcome, Prepared
from conda_pipsafe.installer.policy import Refusal
from conda_pipsafe.installer.record import Recorded
from conda_pipsafe.installer.runner import Ended
from conda_pipsafe.render.plan import (
    difference_json,
    difference_lines,
    plan_json,
    plan_lines,
    refusal_json,
    refusal_lines,
)

#: What a shell adds to a signal's number.
SIGNAL_EXIT = 128


def tell_plan(console: Console, prepared: Prepared) -> None:
    """Say what will be installed."""
    for setting in prepared.pip.dropped:
        console.note(f"note: {setting} is left aside: it would lead the install elsewhere or harm conda's packages")
    detailed = prepared.options.dry_run or prepared.options.verbose > 0
    for line in plan_lines(
        prepared.plan,
        prepared.before.prefix,
        wheels=prepared.wheels if detailed else None,
        asked_by=prepared.asked_by() if detailed else None,
    ):
        console.say(line)
    for warning in prepared.verdict.warnings:
        console.note(f"note: {warning}")


def refuse(
    console: Console,
    prefix: str,
    refusals: Sequence[Refusal],
    prepared: Prepared | None,
    first: CondaFirst | None = None,
) -> int:
    """Say why nothing is installed; the exit code."""
    for line in refusal_lines(refusals, "conda-pipsafe", every_path=console.verbose > 0):
        console.error(line)
    if not console.as_json:
        return int(Exit.REFUSED)
    console.emit(
        "install",
        {
            "prefix": prefix,
            "plan": _plan_json(prepared) if prepared else None,
            "conda_first": first.value() if first else None,
            "refused": [refusal_json(refusal) for refusal in refusals],
            "installed": [],
            "exit_code": int(Exit.REFUSED),
        },
    )
    return int(Exit.REFUSED)


def finish(console: Console, prepared: Prepared, outcome: Outcome, recorded: Recorded, first: CondaFirst) -> int:
    """Say how it ended; the exit code."""
    code = _exit_code(outcome)
    for line in difference_lines(outcome.differences, every_path=console.verbose > 0):
        console.error(line)
    if recorded.why_not is not None:
        console.note(f"installed all the same, but not recorded: {recorded.why_not}")
    if outcome.ended is not None and (outcome.ended.code != 0 or outcome.put_back is not None):
        _tell_failure(console, outcome, outcome.ended, prepared.options.backend)
    elif outcome.ended is not None and code == 0:
        count = len(prepared.plan.dists)
        console.say(f"Checked on disk{'' if recorded.why_not else ' and recorded'}: {count} as planned.")
    emit(console, prepared, first, outcome=outcome, recorded=recorded, code=code)
    return code


def _tell_failure(console: Console, outcome: Outcome, ended: Ended, backend: str) -> None:
    if outcome.put_back is None:
        what = "what it left is recorded"
    else:
        what = "the environment is as it was before" if outcome.put_back else "not all could be put back:"
    how = f"{backend} did not finish (exit code {ended.code})" if ended.code else f"{backend} did not do as planned"
    console.error(f"pipsafe: {how}; {what}")
    for line in outcome.left:
        console.error(f"    {line}")


def _exit_code(outcome: Outcome) -> int:
    if outcome.ended is not None and outcome.ended.interrupted is not None:
        return SIGNAL_EXIT + outcome.ended.interrupted
    if not outcome.succeeded:
        return int(Exit.ERROR)
    return int(Exit.FINDINGS) if outcome.differences else int(Exit.OK)


def emit(
    console: Console,
    prepared: Prepared,
    first: CondaFirst,
    *,
    outcome: Outcome | None = None,
    recorded: Recorded | None = None,
    code: int = 0,
    dry_run: bool = False,
) -> None:
    """With `--json`: all of it as one value."""
    if not console.as_json:
        return
    done = outcome is not None and outcome.ended is not None and outcome.succeeded
    console.emit(
        "install",
        {
            "prefix": prepared.before.prefix,
            "dry_run": dry_run,
            "plan": _plan_json(prepared),
            "conda_first": first.value(),
            "refused": [],
            "warnings": list(prepared.verdict.warnings),
            "installed": [f"{dist.name}=={dist.version}" for dist in prepared.plan.dists] if done else [],
            "differences": [difference_json(item) for item in outcome.differences] if outcome else [],
            "put_back": outcome.put_back if outcome else None,
            "ledger": {"events": len(recorded.events), "why_not": recorded.why_not} if recorded else None,
            "exit_code": code,
        },
    )


def _plan_json(prepared: Prepared) -> dict[str, Any]:
    return plan_json(prepared.plan, wheels=prepared.wheels, asked_by=prepared.asked_by())
