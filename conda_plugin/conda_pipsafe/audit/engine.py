"""Run every check over one environment; a check that crashes is a finding, and never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from conda_pipsafe.audit import catalogue
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding, sort_key
from conda_pipsafe.audit.hookspec import Check, Skipped
from conda_pipsafe.audit.offered import crash, offered_checks, sound
from conda_pipsafe.audit.report import AuditReport

# The codes of which a look finds all: what a check found of them without it is there again.
_ALL_OF = {"deep": frozenset({"PS120", "PS121", "PS220", "PS221"})}

__all__ = ["AuditReport", "audit", "entries", "with_findings", "with_look"]


class _Ran(NamedTuple):
    """What came of one check: its findings, and why it was skipped if it was."""

    name: str
    findings: tuple[Finding, ...]
    skipped: str | None = None


def audit(context: AuditContext, extra: Sequence[Check] = ()) -> AuditReport:
    """Run the built-in checks, those that other packages registered, and `extra`.

    Args:
        context: What is looked at.
        extra: More checks, after the others.
    """
    offered = offered_checks()
    ran = [_run(check.name, partial(check.run, context)) for check in offered.own]
    ran += [_run(check.name, partial(_others, check, context)) for check in (*offered.others, *extra)]
    snapshot = context.snapshot
    owned = len(snapshot.record_paths) + sum(len(context.paths(dist)) for dist in context.foreign)
    report = AuditReport(
        prefix=snapshot.prefix,
        findings=offered.crashed,
        records=len(snapshot.records),
        distributions=sum(1 for dist in snapshot.distributions if context.owner(dist) != "conda"),
        paths=owned,
        checks=(),
    )
    return _with(report, ran)


def _others(check: Check, context: AuditContext) -> Iterator[Finding]:
    return map(sound, check.run(context))


def with_findings(report: AuditReport, more: Iterable[Finding], name: str) -> AuditReport:
    """A report with the findings of one more look, which had this name."""
    return with_look(report, name, lambda: more)


def with_look(report: AuditReport, name: str, look: Callable[[], Iterable[Finding]]) -> AuditReport:
    """A report with one more look, which may crash or be skipped like any check."""
    all_of = _ALL_OF.get(name, frozenset())
    fewer = tuple(finding for finding in report.findings if finding.code not in all_of)
    return _with(report._replace(findings=fewer), [_run(name, look)])


def _with(report: AuditReport, ran: Sequence[_Ran]) -> AuditReport:
    findings = [*report.findings, *(finding for each in ran for finding in each.findings)]
    return report._replace(
        findings=tuple(sorted(_once(findings), key=sort_key)),
        checks=(*report.checks, *(each.name for each in ran if each.skipped is None)),
        skipped=(*report.skipped, *((each.name, each.skipped) for each in ran if each.skipped is not None)),
    )


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    for finding in findings:
        identity = (finding.code, finding.subject, finding.message)
        if identity not in seen:
            seen.add(identity)
            yield finding


def _run(name: str, look: Callable[[], Iterable[Finding]]) -> _Ran:
    """Run a check: what it found before it crashed counts."""
    found: list[Finding] = []
    try:
        for finding in look():
            found.append(finding)  # noqa: PERF402 - one at a time: what came before a crash is kept
    except Skipped as reason:
        return _Ran(name, tuple(found), str(reason))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a check is anybody's code
        found.append(crash(name, error))
    return _Ran(name, tuple(found))


def entries() -> dict[str, Entry]:
    """Every catalogue entry by code, those of other packages' checks included."""
    known = {entry.code: entry for entry in catalogue.ENTRIES}
    for check in offered_checks().others:
        for entry in check.entries:
            known.setdefault(entry.code, entry)
    return known
