"""An audit's report as text for people and as JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from conda_pipsafe.audit.findings import SEVERITIES, Finding, stops_conda
from conda_pipsafe.audit.many import Audited
from conda_pipsafe.audit.report import AuditReport
from conda_pipsafe.render.ways import one_line, way_lines

if TYPE_CHECKING:
    from conda_pipsafe.audit.entries.entry import Entry, Step

_HEADINGS: dict[Step, str] = {
    "cause": "Mend first, in this order:",
    "consequence": "Then look again: mending the above may mend these:",
    "leftover": "Leftovers:",
    "audit": "What the audit could not look at:",
}
_NOTES = "To know; no harm is done:"
_SHOWN = 3  # paths of one finding without -v


class Judged(NamedTuple):
    """One environment's audit, after the choice of codes and the baseline.

    Attributes:
        audited: Its report has what is new.
        known: Findings that the baseline has.
    """

    audited: Audited
    known: tuple[Finding, ...]

    @property
    def prefix(self) -> str:
        """Absolute path of the environment."""
        return self.audited.prefix

    @property
    def report(self) -> AuditReport | None:
        """What is new; None when the environment could not be audited."""
        return self.audited.report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The new findings."""
        return self.audited.report.findings if self.audited.report else ()


def audit_text(
    judged: Sequence[Judged], entries: Mapping[str, Entry], *, verbose: bool = False, quiet: bool = False
) -> list[str]:
    """One environment's report, or those of several with a line that sums them up.

    Args:
        judged: What was found in each.
        entries: Catalogue entries by code.
        verbose: Show every path.
        quiet: Show nothing but findings.
    """
    lines: list[str] = []
    for item in judged:
        if item.report is None or (quiet and not item.findings):
            continue
        if len(judged) > 1:
            lines += [f"== {one_line(item.prefix)}"]
        lines += findings_text(item.report, entries, verbose=verbose, quiet=quiet)
        if item.known and not quiet:
            lines.append(f"{_plural(len(item.known), 'finding')} more that the baseline knows.")
        lines += [""] if len(judged) > 1 else []
    if len(judged) > 1 and not quiet:
        with_some = sum(1 for item in judged if any(finding.severity != "note" for finding in item.findings))
        failed = sum(1 for item in judged if item.report is None)
        tail = f", {failed} could not be audited" if failed else ""
        clean = len(judged) - with_some - failed
        lines.append(f"{_plural(len(judged), 'environment')}: {clean} clean, {with_some} with findings{tail}")
    return lines


def audit_value(
    judged: Sequence[Judged], entries: Mapping[str, Entry], *, several: bool | None = None
) -> dict[str, Any]:
    """The reports as JSON values (`docs/schema/audit-1.json`): one environment's own, of several a list.

    Args:
        judged: What was found in each.
        entries: Catalogue entries by code.
        several: Whether several were asked for, though there may be one; by default, whether there are.
    """
    values = [_judged_value(item, entries) for item in judged]
    if len(values) == 1 and not several:
        return values[0]
    count = Counter(finding.severity for item in judged for finding in item.findings)
    return {
        "environments": values,
        "summary": {
            "environments": len(values),
            "clean": sum(1 for item in judged if item.report and not any(f.severity != "note" for f in item.findings)),
            "failed": sum(1 for item in judged if item.report is None),
            **{f"{severity}s": count[severity] for severity in SEVERITIES},
        },
    }


def _judged_value(item: Judged, entries: Mapping[str, Entry]) -> dict[str, Any]:
    if item.report is None:
        return {"prefix": item.prefix, "error": item.audited.error}
    return {
        **findings_value(item.report, entries),
        "known": [finding_value(finding, entries) for finding in item.known],
        "problems": list(item.audited.problems),
    }


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def findings_text(
    report: AuditReport, entries: Mapping[str, Entry], *, verbose: bool = False, quiet: bool = False
) -> list[str]:
    """The report as lines: grouped by what to do first, then how many there are.

    Args:
        report: What was found.
        entries: Catalogue entries by code.
        verbose: Show every path.
        quiet: Show nothing but findings.
    """
    if not report.findings:
        return [_clean(report), *skipped_lines(report)]
    lines: list[str] = []
    for heading, group in grouped(report, entries):
        if group:
            lines += [heading, ""]
            for finding in group:
                lines += [*_one(finding, entries, verbose=verbose), ""]
    if quiet:
        return lines[:-1]
    lines.append(_count(report))
    lines.append("`pipsafe explain CODE` says what a code means and how it comes about.")
    if not any(finding.severity != "note" for finding in report.findings):
        lines.append(_clean(report))
    return [*lines, *skipped_lines(report)]


def skipped_lines(report: AuditReport) -> list[str]:
    """What was not looked at, and why, one line each."""
    return [f"Skipped {name}, because {one_line(reason)}." for name, reason in report.skipped]


def grouped(report: AuditReport, entries: Mapping[str, Entry]) -> Iterator[tuple[str, list[Finding]]]:
    """Headings and what belongs below each: what to mend in order of the steps, notes, what was not looked at."""
    from conda_pipsafe.audit.entries.entry import STEPS

    for step in STEPS:
        group = [finding for finding in report.findings if _step(finding, entries) == step]
        notes = step == "audit"
        if notes:
            yield (
                _NOTES,
                [
                    finding
                    for finding in report.findings
                    if finding.severity == "note" and _step(finding, entries) != step
                ],
            )
        yield _HEADINGS[step], [finding for finding in group if notes or finding.severity != "note"]


def _step(finding: Finding, entries: Mapping[str, Entry]) -> Step:
    if stops_conda(finding):
        return "cause"
    known = entries.get(finding.code)
    return known.step if known else "cause"


def _one(finding: Finding, entries: Mapping[str, Entry], *, verbose: bool) -> Iterator[str]:
    known = entries.get(finding.code)
    name = f" {known.name}" if known else ""
    yield f"  {finding.code}{name} ({finding.severity})"
    yield f"    {one_line(finding.message)}"
    shown = finding.paths if verbose or len(finding.paths) <= _SHOWN + 1 else finding.paths[:_SHOWN]
    for path in shown:
        yield f"      {one_line(path)}"
    if len(shown) < len(finding.paths):
        yield f"      and {len(finding.paths) - len(shown)} more paths (-v shows them)"
    yield from way_lines(finding.fixes)


def _count(report: AuditReport) -> str:
    count = Counter(finding.severity for finding in report.findings)
    parts = [f"{count[severity]} {severity}{'' if count[severity] == 1 else 's'}" for severity in SEVERITIES]
    return f"{', '.join(parts)} in {report.prefix} ({_looked_at(report)})"


def _clean(report: AuditReport) -> str:
    return f"clean: {report.prefix} ({_looked_at(report)})"


def _looked_at(report: AuditReport) -> str:
    hashed = "" if report.hashed is None else f", {report.hashed} files hashed"
    conda, pip = _plural(report.records, "conda package"), _plural(report.distributions, "pip distribution")
    return f"{conda}, {pip}, {_plural(report.paths, 'path')}{hashed}"


def findings_value(report: AuditReport, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The report as JSON values (`docs/schema/audit-1.json`): prefix, findings, summary."""
    count = Counter(finding.severity for finding in report.findings)
    return {
        "prefix": report.prefix,
        "findings": [finding_value(finding, entries) for finding in report.findings],
        "summary": {
            "clean": not any(finding.severity != "note" for finding in report.findings),
            **{f"{severity}s": count[severity] for severity in SEVERITIES},
            "conda_packages": report.records,
            "pip_distributions": report.distributions,
            "paths": report.paths,
            "hashed": report.hashed,
            "checks": list(report.checks),
            "skipped": [{"check": name, "reason": reason} for name, reason in report.skipped],
        },
    }


def finding_value(finding: Finding, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """One finding as JSON values."""
    known = entries.get(finding.code)
    return {
        "code": finding.code,
        "name": known.name if known else None,
        "severity": finding.severity,
        "subject": finding.subject,
        "message": finding.message,
        "paths": list(finding.paths),
        "fixes": list(finding.fixes),
        "facts": dict(finding.facts),
    }
