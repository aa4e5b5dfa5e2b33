"""`pipsafe audit`: what conda and pip did to each other in an environment, or in many."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from conda_pipsafe.audit.choice import Choice
from conda_pipsafe.audit.condarc import Settings, read_settings
from conda_pipsafe.audit.configuration import Configuration, find_configuration
from conda_pipsafe.audit.findings import SEVERITIES
from conda_pipsafe.audit.many import Audited, Depth, audit_many
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.environments import add_environment_options, find_prefixes, known_environments
from conda_pipsafe.cli.progress import ProgressLine
from conda_pipsafe.cli.target import roots
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.hooks.recovery import recovered_texts
from conda_pipsafe.render.findings import Judged

if TYPE_CHECKING:
    from conda_pipsafe.audit.baseline import Baseline
    from conda_pipsafe.audit.catalogue import Entry

EXAMPLES = """
audit
audit -n myenv
audit -p ./env --json
audit --ignore PS104 --fail-on error
audit --all --write-baseline known.json
audit --all --baseline known.json --format sarif --output findings.sarif
"""

FORMATS = ("text", "json", "sarif", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    add_environment_options(parser)
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="environments at once (default: one per processor)")
    which = parser.add_argument_group("findings")
    which.add_argument(
        "--select", action="append", default=[], metavar="CODES", help="only these: codes, names or beginnings (PS1)"
    )
    which.add_argument("--ignore", action="append", default=[], metavar="CODES", help="all but these, likewise")
    which.add_argument(
        "--fail-on", choices=SEVERITIES, help="exit with 3 when there is a finding as bad or worse (default: warning)"
    )
    which.add_argument("--baseline", metavar="FILE", help="findings that are in this file are known: they never fail")
    which.add_argument("--write-baseline", metavar="FILE", help="write what is found to a baseline; none of it fails")
    which.add_argument("--no-config", action="store_true", help="read neither pyproject.toml nor conda's settings")
    depth = parser.add_argument_group("depth")
    depth.add_argument("--deep", action="store_true", help="compare every file with the hash that its owner recorded")
    depth.add_argument("--imports", action="store_true", help="import what is installed, with the environment's Python")
    depth.add_argument(
        "--import-limit", type=float, default=60.0, metavar="SECONDS", help="for one module (default: %(default)g)"
    )
    depth.add_argument("--no-cache", action="store_true", help="look again also where nothing seems to have changed")
    report = parser.add_argument_group("report")
    report.add_argument("--format", choices=FORMATS, help="how to write it (default: text)")
    report.add_argument("--output", metavar="FILE", help="where to write it (default: stdout)")


def run(args: argparse.Namespace, console: Console) -> int:
    """Audit environments.

    Raises:
        PipsafeError: When there is no such environment, code, baseline or configuration.
    """
    form = _format(args, console)
    settings = Configuration() if args.no_config else _configuration(console)
    chosen = Choice(args.select or settings.select, [*args.ignore, *settings.ignore])
    prefixes = find_prefixes(args, looks=True)
    for text in recovered_texts(prefixes):
        console.note(text)
    baseline = _baseline(args, settings)
    judged = [_judge(audited, chosen, baseline) for audited in _audited(prefixes, args, form, console)]
    _complain(judged, console)
    if len(judged) == 1 and judged[0].audited.error is not None:
        raise PipsafeError(judged[0].audited.error, hint="`conda env list` shows the environments")
    if args.write_baseline:
        _write_baseline(args.write_baseline, judged, console)
    # With a baseline to write the report is that file; what reads JSON still gets its one value.
    if not args.write_baseline or form != "text" or args.output:
        _write(form, judged, args, console)
    return _exit_code(judged, None if args.write_baseline else args.fail_on or settings.fail_on or "warning")


def _audited(prefixes: Sequence[str], args: argparse.Namespace, form: str, console: Console) -> Iterator[Audited]:
    """The audits, with a line that says how far they are: in files of the only one, or in environments."""
    shown = False if console.quiet else None
    hashing = ProgressLine("hashing", shown=shown if len(prefixes) == 1 else False)
    auditing = ProgressLine("auditing", "environments", shown=shown if len(prefixes) > 1 else False)
    for done, audited in enumerate(audit_many(prefixes, _depth(args, form), args.jobs, hashing), 1):
        auditing(done, len(prefixes))
        yield audited
    hashing.end()
    auditing.end()


def _write_baseline(path: str, judged: Sequence[Judged], console: Console) -> None:
    from conda_pipsafe.audit.baseline import write_baseline

    write_baseline(path, {item.prefix: item.report.findings for item in judged if item.report})
    console.note(f"pipsafe: wrote {sum(len(item.findings) for item in judged)} findings to {path}")


def _format(args: argparse.Namespace, console: Console) -> str:
    if args.json and args.format not in {None, "json"}:
        raise PipsafeError(f"--json and --format {args.format} contradict each other", exit_code=Exit.USAGE)
    form = "json" if args.json else args.format or "text"
    console.as_json = form == "json"
    if args.jobs is not None and args.jobs < 1:
        raise PipsafeError(f"--jobs {args.jobs}: must be 1 or more", exit_code=Exit.USAGE)
    return str(form)


def _configuration(console: Console) -> Configuration:
    """The project's settings, and conda's where the project says nothing."""
    project = find_configuration(os.getcwd())
    known = None
    if "conda" in sys.modules:
        from conda_pipsafe.engines.conda_context import audit_settings

        known = audit_settings()
    said = Settings(*known) if known else read_settings(roots())
    for note in filter(None, (project.note, *said.notes)):
        console.note(f"pipsafe: note: {note}")
    if said.fail_on is not None and said.fail_on not in SEVERITIES:
        raise PipsafeError(
            f"plugins: pipsafe_audit_fail_on of conda's configuration is {said.fail_on!r}",
            hint=f"it is one of: {', '.join(SEVERITIES)}",
            exit_code=Exit.USAGE,
        )
    return project._replace(
        select=project.select or said.select,
        ignore=(*project.ignore, *said.ignore),
        fail_on=project.fail_on or said.fail_on,
    )


def _depth(args: argparse.Namespace, form: str) -> Depth:
    if args.import_limit <= 0:
        raise PipsafeError(f"--import-limit {args.import_limit:g}: must be above 0", exit_code=Exit.USAGE)
    return Depth(
        overview=form == "html",
        deep=args.deep,
        imports=args.import_limit if args.imports else None,
        others=tuple(known_environments()) if args.deep else (),
        cached=not args.no_cache,
    )


def _entries(judged: Sequence[Judged]) -> Mapping[str, Entry]:
    """Catalogue entries of what was found; other packages' are looked for only where there is a code of theirs."""
    codes = {finding.code for item in judged for finding in (*item.findings, *item.known)}
    if not codes:
        return {}
    from conda_pipsafe.audit import catalogue

    own = {entry.code: entry for entry in catalogue.ENTRIES}
    if codes <= own.keys():
        return own
    from conda_pipsafe.audit import engine

    return engine.entries()


def _baseline(args: argparse.Namespace, settings: Configuration) -> Baseline | None:
    path = args.baseline or settings.baseline
    if not path or args.write_baseline:
        return None
    from conda_pipsafe.audit.baseline import read_baseline

    return read_baseline(path)


def _judge(audited: Audited, chosen: Choice, baseline: Baseline | None) -> Judged:
    if audited.report is None:
        return Judged(audited, ())
    kept = chosen.of(audited.report.findings)
    new, known = baseline.split(audited.prefix, kept) if baseline else (kept, ())
    report = audited.report._replace(findings=new)
    return Judged(audited._replace(report=report), known)


def _complain(judged: Sequence[Judged], console: Console) -> None:
    for item in judged:
        where = "" if len(judged) == 1 else f"{item.prefix}: "
        for problem in item.audited.problems:
            console.note(f"pipsafe: note: {where}{problem}")
        if item.audited.error and len(judged) > 1:
            console.error(f"pipsafe: error: {item.audited.error}")


def _exit_code(judged: Sequence[Judged], fail_on: str | None) -> int:
    # An environment that could not be looked at is worse than one with findings: nobody knows.
    if any(item.report is None for item in judged):
        return int(Exit.ERROR)
    if fail_on is None:
        return int(Exit.OK)
    worst = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return int(Exit.FINDINGS if any(f.severity in worst for item in judged for f in item.findings) else Exit.OK)


def _write(form: str, judged: Sequence[Judged], args: argparse.Namespace, console: Console) -> None:
    entries = _entries(judged)
    # By what was asked for, not by what was found: who reads --all gets a list also where there is one.
    several = len(judged) > 1 or args.all or bool(args.below)
    if form == "json" and not args.output:
        from conda_pipsafe.render.findings import audit_value

        console.emit("audit", audit_value(judged, entries, several=several))
        return
    text = "\n".join(_lines(form, judged, entries, several=several, console=console))
    if args.output:
        from conda_pipsafe.render.terminal import printable

        try:
            with open(args.output, "w", encoding="utf-8") as file:
                file.write(printable(text) + "\n")
        except OSError as error:
            raise PipsafeError(f"--output {args.output} cannot be written: {error.strerror}") from error
    elif form != "text" or not console.quiet or any(item.findings for item in judged):
        # Quiet leaves the findings themselves: they are what was asked for.
        console.result(text)


def _lines(
    form: str, judged: Sequence[Judged], entries: Mapping[str, Entry], *, several: bool, console: Console
) -> Iterator[str]:
    if form == "sarif":
        from conda_pipsafe.render.sarif import sarif_text

        yield sarif_text(judged, entries)
    elif form == "html":
        from conda_pipsafe.render.html import page

        yield page(judged, entries)
    elif form == "json":
        import json

        from conda_pipsafe.cli.console import SCHEMA_VERSION
        from conda_pipsafe.render.findings import audit_value

        value = audit_value(judged, entries, several=several)
        document = {"schema_version": SCHEMA_VERSION, "command": "audit", **value}
        yield json.dumps(document, indent=2, ensure_ascii=True, default=str)
    else:
        from conda_pipsafe.render.findings import audit_text

        yield from audit_text(judged, entries, verbose=console.verbose > 0, quiet=console.quiet)
