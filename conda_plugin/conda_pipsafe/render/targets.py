"""Which pip would run and where it would install, as text and as JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.installer.targets import Program, Target
from conda_pipsafe.render.ways import way_lines


def target_lines(target: Target) -> list[str]:
    """The answer in a few lines."""
    lines = [f"active        {'yes' if target.active else 'no: what is typed at the prompt is about another one'}"]
    lines += [f"{f'`{program.name}`':<13} {_program(program)}" for program in target.programs]
    lines.append(f"would go to   {target.folder or 'nowhere that is known'} ({target.why})")
    return lines


def _program(program: Program) -> str:
    if program.path is None:
        return "none on PATH"
    if program.prefix is None:
        return f"{program.path} (does not say which Python it runs)"
    return f"{program.path} (of {program.prefix})"


def target_finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Each finding with its way out."""
    lines: list[str] = []
    for finding in findings:
        lines += ["", f"{finding.code} ({finding.severity}): {finding.message}"]
        lines += way_lines(finding.fixes, "  ")
    return lines


def target_value(target: Target) -> dict[str, Any]:
    """The answer as JSON values, its findings apart."""
    return {
        "active": target.active,
        "programs": [
            {"name": item.name, "path": item.path, "python": item.python, "prefix": item.prefix}
            for item in target.programs
        ],
        "installs_into": target.folder,
        "why": target.why,
    }
