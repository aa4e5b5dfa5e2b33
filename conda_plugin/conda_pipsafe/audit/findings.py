"""A finding: one harm, its evidence and the way out, apart from how it is shown.

This, a report and what leads to one are named tuples: an audit that finds nothing changed is over before `dataclasses`
would be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
CRASHED = "PS902"  # a check that crashed: whatever is looked for, this may have hidden it


_NO_FACTS: Mapping[str, Any] = {}
_STOPPED = ("conda", "solves", "python", "pip")  # in this order


class Finding(NamedTuple):
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
    facts: Mapping[str, Any] = _NO_FACTS


def stops_conda(finding: Finding) -> bool:
    """Whether conda or pip refuses every command in the environment, or Python does not start: other ways fail then."""
    return _rank(finding) < len(_STOPPED)


def _rank(finding: Finding) -> int:
    """What comes first: conda brings Python back, and without Python there is no pip."""
    return next((rank for rank, what in enumerate(_STOPPED) if finding.facts.get(f"stops_{what}")), len(_STOPPED))


def sort_key(finding: Finding) -> tuple[int, int, str, str, str]:
    """What stops conda, Python or pip first, then errors, then by code and subject."""
    severity = SEVERITIES.index(finding.severity)
    return _rank(finding), severity, finding.code, finding.subject, finding.message
