"""Run every check over one environment; a check that crashes is a finding, and never stops the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pluggy

from conda_pipsafe.audit import catalogue, checks
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding, sort_key
from conda_pipsafe.audit.hookspec import ENTRY_POINT_GROUP, NAMESPACE, Check, CheckSpecs
from conda_pipsafe.audit.report import AuditReport

CRASHED = "PS902"

__all__ = ["AuditReport", "audit", "entries", "entry_points", "registered_checks", "with_findings"]


def audit(context: AuditContext, extra: Sequence[Check] = ()) -> AuditReport:
    """Run the built-in checks, those that other packages registered, and `extra`.

    Args:
        context: What is looked at.
        extra: More checks, after the others.
    """
    found, crashed = registered_checks()
    ran = [*found, *extra]
    findings = list(crashed)
    for check in ran:
        findings.extend(_run(check, context))
    snapshot = context.snapshot
    owned = len(snapshot.record_paths) + sum(len(context.paths(dist)) for dist in context.foreign)
    return AuditReport(
        prefix=snapshot.prefix,
        findings=tuple(sorted(_once(findings), key=sort_key)),
        records=len(snapshot.records),
        distributions=sum(1 for dist in snapshot.distributions if context.owner(dist) != "conda"),
        paths=owned,
        checks=tuple(check.name for check in ran),
    )


def with_findings(report: AuditReport, more: Iterable[Finding], name: str) -> AuditReport:
    """A report with the findings of one more look, which had this name."""
    findings = sorted(_once([*report.findings, *more]), key=sort_key)
    return report._replace(findings=tuple(findings), checks=(*report.checks, name))


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    for finding in findings:
        identity = (finding.code, finding.subject, finding.message)
        if identity not in seen:
            seen.add(identity)
            yield finding


def _run(check: Check, context: AuditContext) -> list[Finding]:
    try:
        return list(check.run(context))
    except Exception as error:  # noqa: BLE001 - a check is anybody's code
        return [_crash(check.name, error)]


def _crash(name: str, error: Exception) -> Finding:
    return Finding(
        code=CRASHED,
        severity=catalogue.entry(CRASHED).severity,
        subject=name,
        message=f"The check {name} crashed ({type(error).__name__}: {error}); what it looks for was not looked for.",
        fixes=("Report it to the authors of the check, with the output of `pipsafe audit --json`.",),
        facts={"check": name, "exception": type(error).__name__, "detail": str(error)},
    )


def registered_checks() -> tuple[list[Check], list[Finding]]:
    """The built-in checks and those of other packages; a package that fails to register is a finding.

    Looked for once in a process: they are not of the environment that is looked at, but of the one that we run in.
    """
    found, crashed = _registered(tuple(sys.path))
    return list(found), list(crashed)


@lru_cache(maxsize=1)
def _registered(search: tuple[str, ...]) -> tuple[tuple[Check, ...], tuple[Finding, ...]]:
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(CheckSpecs)
    crashed: list[Finding] = []
    for module in checks.modules():
        manager.register(module)
    for name, load in entry_points(search):
        try:
            manager.register(load(), name=name)
        except Exception as error:  # noqa: BLE001 - somebody else's package
            crashed.append(_crash(name, error))
    found: list[Check] = []
    # One by one, not through the hook's own call: an implementation that raises must not hide the others.
    for implementation in manager.hook.conda_pipsafe_checks.get_hookimpls():
        try:
            offered: Iterable[Check] = implementation.function()  # type: ignore[assignment]
            found.extend(offered)
        except Exception as error:  # noqa: BLE001 - somebody else's package
            crashed.append(_crash(implementation.plugin_name, error))
    return tuple(sorted(found, key=lambda check: check.name)), tuple(crashed)


def entries() -> dict[str, Entry]:
    """Every catalogue entry by code, those of other packages' checks included."""
    known = {entry.code: entry for entry in catalogue.ENTRIES}
    for check in registered_checks()[0]:
        for entry in check.entries:
            known.setdefault(entry.code, entry)
    return known


def entry_points(search: Sequence[str]) -> Iterator[tuple[str, _Loader]]:
    """Entry points of our group on a search path, as name and loader.

    `importlib.metadata.entry_points` parses every distribution's file (70 ms for 350); here a file is parsed only
    when the group's name is in it. Distributions in zip files are not looked at.
    """
    group = ENTRY_POINT_GROUP.encode()
    for folder in dict.fromkeys(search):
        try:
            names = sorted(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name, "entry_points.txt")
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                continue
            if group in content:
                yield from _parse_entry_points(content.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Loader:
    value: str

    def __call__(self) -> object:
        from importlib.metadata import EntryPoint

        loaded: object = EntryPoint(name="check", value=self.value, group=ENTRY_POINT_GROUP).load()
        return loaded


def _parse_entry_points(text: str) -> Iterator[tuple[str, _Loader]]:
    from configparser import ConfigParser, Error

    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    try:
        parser.read_string(text)
    except Error:
        return
    if parser.has_section(ENTRY_POINT_GROUP):
        for name, value in parser.items(ENTRY_POINT_GROUP):
            yield name, _Loader(value)
