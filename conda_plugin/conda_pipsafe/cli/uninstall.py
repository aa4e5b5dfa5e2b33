"""`uninstall`: remove what pip installed; conda's packages and their files stay."""

from __future__ import annotations

import argparse
import shlex
import sys

from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.removal import Removal, names_in_file, plan_removal
from conda_pipsafe.installer.runner import find_pip
from conda_pipsafe.installer.uninstall import RemovalOutcome, remove
from conda_pipsafe.installer.uv_runner import find_uv
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

EXAMPLES = """
uninstall rich httpx
uninstall -n myenv -y -r requirements.txt
uninstall --dry-run gamma-core
uninstall --keep-shared gamma-core
"""
_INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a distribution, as `conda pipsafe list` names it")
    add_target_options(parser)
    group = parser.add_argument_group("uninstall")
    group.add_argument(
        "-r", "--requirement", action="append", default=[], metavar="FILE", help="all that a requirements file names"
    )
    group.add_argument("-y", "--yes", action="store_true", help="do not ask")
    group.add_argument("-d", "--dry-run", action="store_true", help="show what would go, remove nothing")
    group.add_argument(
        "--keep-shared", action="store_true", help="leave the files that a conda package has too where they are"
    )
    group.add_argument(
        "--backend", choices=["pip", "uv"], default="pip", help="who removes: the environment's pip (default) or uv"
    )
    group.add_argument("--override-frozen", action="store_true", help="work on a frozen environment too")


def run(args: argparse.Namespace, console: Console) -> int:
    """Look, refuse or ask, remove, verify, record.

    Raises:
        PipsafeError: When there is no such environment, no pip in it, or nobody to ask.
    """
    from conda_pipsafe.render.uninstall import plan_lines, refused_lines

    words = [*args.names, *(name for path in args.requirement for name in names_in_file(path))]
    if not words:
        raise PipsafeError(
            "nothing to uninstall: name at least one distribution",
            hint="`conda pipsafe list` shows them",
            exit_code=Exit.USAGE,
        )
    before = _read(find_prefix(args))
    removal = plan_removal(before, words, keep_shared=args.keep_shared, override_frozen=args.override_frozen)
    for key in removal.missing:
        console.note(f"note: {key} is not installed in {before.prefix}")
    if removal.refused:
        console.error("\n".join(refused_lines(removal.refused, every_path=console.verbose > 0)))
        return _emit(console, removal, code=int(Exit.REFUSED))
    console.say("\n".join(plan_lines(removal)))
    for dist, text in removal.missed_by:
        console.note(f"warning: {dist.name} {dist.version} needs {text} and will no longer have it")
    if args.dry_run or not removal.items:
        return _emit(console, removal, dry_run=args.dry_run)
    tool = find_uv(before) if args.backend == "uv" else find_pip(before)
    if not args.yes and not _confirmed():
        console.note("nothing was removed")
        return _emit(console, removal)
    names = [item.key for item in removal.items]
    backend = ["--backend", "uv"] if args.backend == "uv" else []
    command = shlex.join(["pipsafe", "uninstall", *backend, *(["--keep-shared"] if args.keep_shared else []), *names])
    outcome = remove(tool, removal, command, stdout_to_stderr=console.as_json or console.quiet)
    return _finish(console, removal, outcome)


def _read(prefix: str) -> Snapshot:
    try:
        return read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise PipsafeError("nobody can be asked whether to go on", hint="say -y", exit_code=Exit.USAGE)
    try:
        print("Go on? (y/[n]) ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _finish(console: Console, removal: Removal, outcome: RemovalOutcome) -> int:
    from conda_pipsafe.render.uninstall import outcome_lines

    code = int(Exit.OK)
    if outcome.interrupted:
        code = _INTERRUPTED
    elif outcome.left or outcome.code:
        code = int(Exit.ERROR)
    elif outcome.lost:
        code = int(Exit.FINDINGS)
    for line in outcome_lines(removal, outcome):
        (console.say if code == 0 else console.error)(line)
    if outcome.recorded.unsaved is not None:
        console.note(f"removed all the same, but not recorded: {outcome.recorded.unsaved}")
    return _emit(console, removal, outcome, code=code)


def _emit(
    console: Console, removal: Removal, outcome: RemovalOutcome | None = None, *, code: int = 0, dry_run: bool = False
) -> int:
    from conda_pipsafe.render.uninstall import removal_value

    console.emit("uninstall", {**removal_value(removal, outcome), "dry_run": dry_run, "exit_code": code})
    return code
