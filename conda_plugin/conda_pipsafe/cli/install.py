"""`install`: pip's own plan first, refused where it would harm conda; then pip; then verified and recorded."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from conda_pipsafe.cli.conda_first import CondaFirst, StoppedError, add_conda_first_options, stopped
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.recovered import tell_recovered
from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.arguments import PIP, UV, PipArguments, pip_arguments, split
from conda_pipsafe.installer.install import Options, Outcome, Prepared, carry_out, preparing, refused_beforehand
from conda_pipsafe.installer.plan import PipFailedError
from conda_pipsafe.installer.policy import Refusal
from conda_pipsafe.installer.record import (
    Recorded,
    begin_install,
    record_before,
    record_failure,
    record_install,
    recover,
)
from conda_pipsafe.installer.runner import Ended
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot
from conda_pipsafe.render.plan import (
    difference_json,
    difference_lines,
    plan_json,
    plan_lines,
    refusal_json,
    refusal_lines,
)

__all__ = ["EXAMPLES", "configure", "run", "split"]  # `split`: most words are pip's

EXAMPLES = """\
install rich httpx
install -n myenv -r requirements.txt
install -n myenv -e '.[dev]'
install --dry-run -U 'httpx[http2]>=0.27'
install --conda-first -n myenv -e .
install --allow-replace requests 'requests>=2.32'
install --backend uv -n myenv -r requirements.txt
"""
_SIGNAL_EXIT = 128


def configure(parser: argparse.ArgumentParser) -> None:
    """Add our options; all others are pip's."""
    parser.usage = "%(prog)s [-n ENVIRONMENT | -p PATH] [OPTIONS] [anything that `pip install` takes]"
    add_target_options(parser)
    group = parser.add_argument_group("install")
    group.add_argument("-d", "--dry-run", action="store_true", help="show the plan, install nothing")
    group.add_argument(
        "--allow-replace",
        metavar="NAME",
        action="append",
        default=[],
        help="let pip replace conda's NAME; may be given several times; recorded",
    )
    group.add_argument("--override-frozen", action="store_true", help="install into a frozen environment too")
    group.add_argument("--allow-base", action="store_true", help="install into the environment that conda runs in too")
    group.add_argument("--report", metavar="FILE", help="write pip's installation report (JSON) to FILE")
    add_conda_first_options(group)
    group.add_argument(
        "--backend", choices=["pip", "uv"], default="pip", help="who installs: the environment's pip (default) or uv"
    )
    group.add_argument(
        "-y", "--yes", action="store_true", help="conda does not ask either (--conda-first); we ask nothing, as pip"
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Plan, show, install, verify, record."""
    with_uv = args.backend == "uv"
    arguments = pip_arguments(args.rest, UV if with_uv else PIP)
    options = Options(
        allowed=frozenset(canonical_name(name) for name in args.allow_replace),
        override_frozen=args.override_frozen,
        allow_base=args.allow_base,
        dry_run=args.dry_run,
        stdout_to_stderr=console.as_json,
        quiet=console.quiet,
        verbose=console.verbose,
        backend=args.backend,
        typed=tuple(getattr(args, "typed", ())),  # `upgrade` does its work through here
    )
    prefix = find_prefix(args, finish=False)
    tell_recovered(console, recover(prefix))
    before = _read(prefix)
    refusal = refused_beforehand(before, options)
    if refusal is not None:
        return _refuse(console, before.prefix, (refusal,), None)
    console.note(f"Asking {args.backend} what it would do in {before.prefix} …")
    with (
        tempfile.TemporaryDirectory(prefix="pipsafe-") as folder,
        CondaFirst(args, console, arguments, folder) as first,
    ):
        options = replace(options, conda_first=first.wanted)
        try:
            before = first.take(before, options)
            with _preparing(
                before, arguments, options, folder, lambda: _tell_others(console, record_before(before)), console
            ) as prepared:
                return first.ended(_go_on(console, prepared, args.report, first))
        except PipFailedError as error:
            record_failure(before, arguments, options, error)
            first.ended(error.code)
            return _pip_failed(console, error)
        except StoppedError as error:
            return stopped(console, prefix, error, first)


def _preparing(
    before: Snapshot,
    arguments: PipArguments,
    options: Options,
    folder: str,
    meanwhile: Callable[[], None],
    console: Console,
) -> AbstractContextManager[Prepared]:
    if options.backend == "uv":
        from conda_pipsafe.installer.uv_install import preparing_with_uv

        return preparing_with_uv(before, arguments, options, folder, meanwhile=meanwhile, tell=console.note)
    return preparing(before, arguments, options, folder, meanwhile=meanwhile)


def _go_on(console: Console, found: Prepared, report: str | None, first: CondaFirst) -> int:
    """pip waits for what is said here."""
    _save_report(report, found.plan.report)
    prepared = first.meet(found)
    if first.took_all:
        console.say("Nothing of it is left for pip.")
    else:
        _tell_plan(console, prepared)
    first.tell()
    if prepared.verdict.refusals:
        return _refuse(console, prepared.before.prefix, prepared.verdict.refusals, prepared, first)
    if prepared.options.dry_run:
        _emit(console, prepared, first, dry_run=True)
        return int(Exit.OK)
    marker, why_not = begin_install(prepared)
    if why_not is not None:
        console.note(f"should this install fail, it cannot be undone: {why_not}")
    sys.stdout.flush()
    outcome = carry_out(prepared, marker)
    return _finish(console, prepared, outcome, record_install(prepared, outcome), first)


def _read(prefix: str) -> Snapshot:
    try:
        return read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error


def _tell_others(console: Console, recorded: Recorded) -> None:
    if recorded.why_not is not None:
        console.note(f"the ledger cannot be written, so this install will not be recorded: {recorded.why_not}")


def _tell_plan(console: Console, prepared: Prepared) -> None:
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


def _refuse(
    console: Console,
    prefix: str,
    refusals: Sequence[Refusal],
    prepared: Prepared | None,
    first: CondaFirst | None = None,
) -> int:
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


def _pip_failed(console: Console, error: PipFailedError) -> int:
    # pip has removed passwords from its messages itself.
    if error.said:
        console.error(error.said.rstrip())
    if error.interrupted is not None:
        console.error(f"pipsafe: {error.message}")
        return _SIGNAL_EXIT + error.interrupted
    raise error


def _finish(console: Console, prepared: Prepared, outcome: Outcome, recorded: Recorded, first: CondaFirst) -> int:
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
    _emit(console, prepared, first, outcome=outcome, recorded=recorded, code=code)
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
        return _SIGNAL_EXIT + outcome.ended.interrupted
    if not outcome.succeeded:
        return int(Exit.ERROR)
    return int(Exit.FINDINGS) if outcome.differences else int(Exit.OK)


def _emit(
    console: Console,
    prepared: Prepared,
    first: CondaFirst,
    *,
    outcome: Outcome | None = None,
    recorded: Recorded | None = None,
    code: int = 0,
    dry_run: bool = False,
) -> None:
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


def _save_report(path: str | None, report: bytes) -> None:
    if path:
        try:
            with open(os.path.expanduser(path), "wb") as file:
                file.write(report)
        except OSError as error:
            raise PipsafeError(f"--report {path}: cannot be written: {error.strerror}") from error
