"""A finding: one harm, its evidence and the way out, apart from how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One harm.

    Attributes:
        code: `PS` and three digits; stable, explained by `pipsafe explain CODE`.
        severity: How bad it is.
        subject: The package, distribution or file that it is about, as a person names it.
        message: One sentence with the names, versions and owners.
        paths: The paths that are evidence, prefix-relative, complete and in order.
        fixes: Commands or steps that lead out, in order.
        facts: The evidence as JSON values, for `--json`.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    paths: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def sort_key(finding: Finding) -> tuple[int, str, str, str]:
    """Errors first, then by code and subject."""
    return SEVERITIES.index(finding.severity), finding.code, finding.subject, finding.message
