"""An audit's report as text for people and as JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from conda_pipsafe.audit.catalogue import STEPS, Entry, Step
from conda_pipsafe.audit.engine import AuditReport
from conda_pipsafe.audit.findings import SEVERITIES, Finding

_HEADINGS: dict[Step, str] = {
    "cause": "Mend first, in this order:",
    "consequence": "Then look again: mending the above may mend these:",
    "leftover": "Leftovers:",
    "audit": "What the audit could not look at:",
}
_SHOWN = 3  # paths of one finding without -v


def findings_text(report: AuditReport, entries: Mapping[str, Entry], *, verbose: bool = False) -> list[str]:
    """The report as lines: grouped by what to do first, then how many there are.

    Args:
        report: What was found.
        entries: Catalogue entries by code.
        verbose: Show every path.
    """
    if not report.findings:
        return [_clean(report)]
    lines: list[str] = []
    for step in STEPS:
        group = [finding for finding in report.findings if _step(finding, entries) == step]
        if group:
            lines += [_HEADINGS[step], ""]
            for finding in group:
                lines += [*_one(finding, entries, verbose=verbose), ""]
    lines.append(_count(report))
    lines.append("`pipsafe explain CODE` says what a code means and how it comes about.")
    if not any(finding.severity != "note" for finding in report.findings):
        lines.append(_clean(report))
    return lines


def _step(finding: Finding, entries: Mapping[str, Entry]) -> Step:
    known = entries.get(finding.code)
    return known.step if known else "cause"


def _one(finding: Finding, entries: Mapping[str, Entry], *, verbose: bool) -> Iterator[str]:
    known = entries.get(finding.code)
    name = f" {known.name}" if known else ""
    yield f"  {finding.code}{name} ({finding.severity})"
    yield f"    {_line(finding.message)}"
    shown = finding.paths if verbose or len(finding.paths) <= _SHOWN + 1 else finding.paths[:_SHOWN]
    for path in shown:
        yield f"      {_line(path)}"
    if len(shown) < len(finding.paths):
        yield f"      and {len(finding.paths) - len(shown)} more paths (-v shows them)"
    for number, fix in enumerate(finding.fixes, 1):
        yield f"    {f'{number}.' if len(finding.fixes) > 1 else '->'} {_line(fix)}"


def _line(text: str) -> str:
    # What comes from files may hold line ends; a finding's line stays one.
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _count(report: AuditReport) -> str:
    count = Counter(finding.severity for finding in report.findings)
    parts = [f"{count[severity]} {severity}{'' if count[severity] == 1 else 's'}" for severity in SEVERITIES]
    return f"{', '.join(parts)} in {report.prefix} ({_looked_at(report)})"


def _clean(report: AuditReport) -> str:
    return f"clean: {report.prefix} ({_looked_at(report)})"


def _looked_at(report: AuditReport) -> str:
    return f"{report.records} conda packages, {report.distributions} pip distributions, {report.paths} paths"


def findings_value(report: AuditReport, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The report as JSON values (`docs/json.md`): prefix, findings, summary."""
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
            "checks": list(report.checks),
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
