"""`pipsafe audit`: what conda and pip did to each other in an environment."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Mapping

from conda_pipsafe.audit import catalogue, engine
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.findings import SEVERITIES, Finding
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError

EXAMPLES = """
audit
audit -n myenv
audit -p ./env --json
audit --ignore PS104 --fail-on error
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    add_target_options(parser)
    which = parser.add_argument_group("findings")
    which.add_argument(
        "--select", action="append", default=[], metavar="CODES", help="only these: codes, names or beginnings (PS1)"
    )
    which.add_argument("--ignore", action="append", default=[], metavar="CODES", help="all but these, likewise")
    which.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="warning",
        help="exit with 3 when there is a finding as bad as this or worse (default: %(default)s)",
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Audit one environment.

    Raises:
        PipsafeError: When there is no such environment, or no such code.
    """
    from conda_pipsafe.render.findings import findings_text, findings_value

    prefix = find_prefix(args)
    entries = engine.entries()
    select = _prefixes(args.select, entries)
    ignore = _prefixes(args.ignore, entries)
    try:
        gathered = gather(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error
    report = engine.audit(gathered.context)
    kept = tuple(finding for finding in report.findings if _wanted(finding, select, ignore))
    report = dataclasses.replace(report, findings=kept)
    for problem in gathered.problems:
        console.note(f"pipsafe: note: {problem}")
    console.emit("audit", {**findings_value(report, entries), "problems": list(gathered.problems)})
    # Quiet leaves the findings themselves: they are what was asked for.
    if kept or not console.quiet:
        console.result("\n".join(findings_text(report, entries, verbose=console.verbose > 0)))
    worst = SEVERITIES[: SEVERITIES.index(args.fail_on) + 1]
    return int(Exit.FINDINGS if any(finding.severity in worst for finding in kept) else Exit.OK)


def _prefixes(given: Iterable[str], entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """Codes, names and beginnings of codes, as beginnings of codes."""
    words = [word.strip() for item in given for word in item.split(",") if word.strip()]
    found: list[str] = []
    for word in words:
        entry = catalogue.find(word, entries.values())
        if entry is not None:
            found.append(entry.code)
        elif any(code.startswith(word.upper()) for code in entries):
            found.append(word.upper())
        else:
            near = catalogue.nearest(word, entries.values())
            hint = f"did you mean {' or '.join(near)}?" if near else "`pipsafe explain` lists all codes"
            raise PipsafeError(f"there is no code {word!r}", hint=hint, exit_code=Exit.USAGE)
    return tuple(found)


def _wanted(finding: Finding, select: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
    return (not select or finding.code.startswith(select)) and not finding.code.startswith(ignore or ("-",))
