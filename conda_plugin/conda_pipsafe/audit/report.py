"""An audit's report, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from conda_pipsafe.audit.findings import Finding


class AuditReport(NamedTuple):
    """What an audit found, and what it looked at.

    Attributes:
        prefix: Absolute path of the environment.
        findings: Errors first, then by code and subject.
        records: How many conda packages were looked at.
        distributions: How many Python distributions conda did not bring.
        paths: How many paths have an owner.
        checks: Names of the checks that ran.
        skipped: Names of those that could not, each with the reason.
        hashed: How many files were compared with a hash; None where that was not asked for, or crashed.
    """

    prefix: str
    findings: tuple[Finding, ...]
    records: int
    distributions: int
    paths: int
    checks: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    hashed: int | None = None


def encode_report(report: AuditReport) -> dict[str, Any]:
    """A report as JSON values."""
    return {**report._asdict(), "findings": [finding._asdict() for finding in report.findings]}


def decode_report(value: Mapping[str, Any]) -> AuditReport:
    """A report from JSON values.

    Raises:
        LookupError, TypeError, ValueError: When they are not those of a report.
    """
    findings = [
        Finding(**{**item, "paths": tuple(item["paths"]), "fixes": tuple(item["fixes"])}) for item in value["findings"]
    ]
    skipped = tuple((name, reason) for name, reason in value["skipped"])
    return AuditReport(**{**value, "findings": tuple(findings), "checks": tuple(value["checks"]), "skipped": skipped})
