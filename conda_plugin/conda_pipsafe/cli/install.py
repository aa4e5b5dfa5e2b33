"""`install`: pip's own plan first, refused where it would harm conda; then pip; then verified and recorded.

What is not needed to start pip is loaded while it works.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module

from conda_pipsafe.cli.conda_first import CondaFirst, StoppedError, add_conda_first_options, stopped
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import add_target_options, find_prefix, has_begun_install
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.arguments import PIP, UV, PipArguments, pip_arguments, split
from conda_pipsafe.installer.beforehand import refused_beforehand
from conda_pipsafe.installer.install import Options, Prepared, carry_out, preparing
from conda_pipsafe.installer.plan import PipFailedError
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

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
# What will be needed, once there is a plan.
_LATER = ("installer.overlap", "installer.shared_paths", "installer.verify", "cli.install_tells")


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
    options = _options(args, console)
    prefix = find_prefix(args, finish=False)
    _recover(prefix, console)
    before = _read(prefix)
    refusal = refused_beforehand(before, options, arguments.specs)
    if refusal is not None:
        from conda_pipsafe.cli.install_tells import refuse

        return refuse(console, before.prefix, (refusal,), None)
    console.note(f"Asking {args.backend} what it would do in {before.prefix} …")
    with (
        tempfile.TemporaryDirectory(prefix="pipsafe-") as folder,
        CondaFirst(args, console, arguments, folder) as first,
    ):
        options = replace(options, conda_first=first.wanted)
        try:
            before = first.take(before, options)
            with _preparing(
                before, arguments, options, folder, lambda: _meanwhile(before, console), console
            ) as prepared:
                return first.ended(_go_on(console, prepared, args.report, first))
        except PipFailedError as error:
            from conda_pipsafe.installer.record import record_failure

            record_failure(before, arguments, options, error)
            first.ended(error.code)
            return _pip_failed(console, error)
        except StoppedError as error:
            return stopped(console, prefix, error, first)


def _options(args: argparse.Namespace, console: Console) -> Options:
    return Options(
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
    from conda_pipsafe.cli.install_tells import emit, finish, refuse, tell_plan
    from conda_pipsafe.installer.record import begin_install, record_install

    _save_report(report, found.plan.report)
    prepared = first.meet(found)
    if first.took_all:
        console.say("Nothing of it is left for pip.")
    else:
        tell_plan(console, prepared)
    first.tell()
    if prepared.verdict.refusals:
        return refuse(console, prepared.before.prefix, prepared.verdict.refusals, prepared, first)
    if prepared.options.dry_run:
        emit(console, prepared, first, dry_run=True)
        return int(Exit.OK)
    marker, why_not = begin_install(prepared)
    if why_not is not None:
        console.note(f"should this install fail, it cannot be undone: {why_not}")
    sys.stdout.flush()
    outcome = carry_out(prepared, marker)
    return finish(console, prepared, outcome, record_install(prepared, outcome), first)


def _read(prefix: str) -> Snapshot:
    try:
        return read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error


def _recover(prefix: str, console: Console) -> None:
    if has_begun_install(prefix):
        from conda_pipsafe.cli.recovered import tell_recovered
        from conda_pipsafe.installer.record import recover

        tell_recovered(console, recover(prefix))


def _meanwhile(before: Snapshot, console: Console) -> None:
    """While pip works: record what others did before, and load what comes next."""
    from conda_pipsafe.installer.record import record_before

    recorded = record_before(before)
    if recorded.why_not is not None:
        console.note(f"the ledger cannot be written, so this install will not be recorded: {recorded.why_not}")
    for name in _LATER:
        import_module(f"conda_pipsafe.{name}")


def _pip_failed(console: Console, error: PipFailedError) -> int:
    from conda_pipsafe.cli.install_tells import SIGNAL_EXIT

    if error.interrupted is not None:  # what pip said of that is no news, or where in its code it was
        code = SIGNAL_EXIT + error.interrupted
        console.error(f"pipsafe: {error.message}")
        console.emit("error", {"error": error.message, "hint": None, "exit_code": code})
        return code
    # pip has removed passwords from its messages itself.
    if error.said:
        console.error(error.said.rstrip())
    raise error


def _save_report(path: str | None, report: bytes) -> None:
    if path:
        try:
            with open(os.path.expanduser(path), "wb") as file:
                file.write(report)
        except OSError as error:
            raise PipsafeError(f"--report {path}: cannot be written: {error.strerror}") from error
