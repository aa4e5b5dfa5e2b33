"""`guard`: have pip itself refuse to replace what conda owns; opt-in, per environment."""

from __future__ import annotations

import argparse

from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.environments import add_environment_options, find_prefixes
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer import guard as guards
from conda_pipsafe.installer.guard import Guard
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot

EXAMPLES = """
guard on -n myenv
guard off -n myenv
guard status --all
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what to do, and with which environments."""
    parser.add_argument("action", choices=("on", "off", "status"), help="what to do")
    add_environment_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Turn the guard on or off, or say how it is; one environment's failure stops no other's.

    Raises:
        PipsafeError: When there is no such environment.
    """
    from conda_pipsafe.render.guard import guard_line, guard_lines, guard_value

    found: list[Guard] = []
    failed: list[dict[str, str | None]] = []
    prefixes = find_prefixes(args, looks=args.action == "status")
    for prefix in prefixes:
        try:
            guard = _act(args.action, prefix)
        except PipsafeError as error:
            if len(prefixes) == 1:
                raise
            failed.append({"prefix": prefix, "error": error.message, "hint": error.hint})
            console.error(f"pipsafe: {prefix}: {error.message}")
            continue
        found.append(guard)
        if args.action == "status" and (len(prefixes) == 1 or console.verbose):
            console.result("\n".join(guard_lines(guard, verbose=console.verbose > 0)))
        else:
            console.result(f"{guard.prefix}: guard {guard_line(guard)}")
            for note in (*guard.stale, *guard.notes) if args.action == "on" else ():
                console.note(f"note: {note}")
    stale = args.action == "status" and any(guard.stale for guard in found)
    code = Exit.ERROR if failed else Exit.FINDINGS if stale else Exit.OK
    values = [guard_value(guard) for guard in found]
    console.emit("guard", {"action": args.action, "environments": values, "failed": failed, "exit_code": int(code)})
    return int(code)


def _act(action: str, prefix: str) -> Guard:
    try:
        snapshot = read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error
    if action == "on":
        return guards.turn_on(snapshot)
    return guards.turn_off(snapshot) if action == "off" else guards.look(snapshot)
