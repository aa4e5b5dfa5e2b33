"""What an uninstall would do and did, as text and as JSON values."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from conda_pipsafe.audit.wording import counted
from conda_pipsafe.installer.removal import NotRemoved, Removal
from conda_pipsafe.installer.uninstall import RemovalOutcome
from conda_pipsafe.render.ways import way_lines

_SHOWN = 5


def plan_lines(removal: Removal) -> list[str]:
    """What would go."""
    if not removal.items:
        return ["Nothing to uninstall."]
    lines = [f"Would go from {removal.before.prefix}:"]
    for item in removal.items:
        versions = " and ".join(dist.version or "?" for dist in item.dists)
        kept = sum(len(shared.paths) for shared in item.shared)
        lines.append(
            f"  {item.dists[0].name} {versions}  ({item.files} files"
            f"{f', {kept} of them stay: conda has them too' if kept else ''})"
        )
    return lines


def refused_lines(refused: Iterable[NotRemoved], *, every_path: bool) -> list[str]:
    """Why nothing is removed, and the ways out."""
    lines = ["conda-pipsafe: refused, nothing was changed:"]
    for item in refused:
        lines.append(f"  {item.message}")
        shown = item.paths if every_path else item.paths[:_SHOWN]
        lines += [f"      {path}" for path in shown]
        if len(shown) < len(item.paths):
            lines.append(f"      and {counted(len(item.paths) - len(shown), 'more path')} (-v shows them)")
        lines += way_lines(item.fixes)
    return lines


def outcome_lines(removal: Removal, outcome: RemovalOutcome) -> list[str]:
    """What happened, and what is left to do."""
    prefix = shlex.quote(removal.before.prefix)
    if outcome.interrupted:
        return ["pipsafe: interrupted; what is there now is recorded"]
    if outcome.left:
        names = ", ".join(f"{dist.name} {dist.version} ({dist.path})" for dist in outcome.left)
        return [f"pipsafe: pip did not remove {names} (exit code {outcome.code})"]
    lines = [f"pipsafe: conda's {path} went along" for path in outcome.lost]
    if not outcome.lost:
        count = len(removal.items)
        what = removal.items[0].dists[0].name if count == 1 else f"{count} distributions"
        saved = "" if outcome.recorded.unsaved else " and recorded"
        lines.append(f"Checked on disk{saved}: {what} gone, every file of conda's is there.")
    lines += [
        f"conda's {record.name} still has files that were written over; conda's own come back with: "
        f"conda install -p {prefix} --force-reinstall {record.name}={record.version}={record.build}"
        for record in outcome.altered
    ]
    return lines


def removal_value(removal: Removal, outcome: RemovalOutcome | None) -> dict[str, Any]:
    """The plan and its outcome as JSON values."""
    return {
        "prefix": removal.before.prefix,
        "plan": [
            {
                "name": item.dists[0].name,
                "versions": [dist.version for dist in item.dists],
                "files": item.files,
                "shared": [{"conda_package": it.record.dist_str, "paths": list(it.paths)} for it in item.shared],
            }
            for item in removal.items
        ],
        "not_installed": list(removal.missing),
        "missed_by": [{"name": dist.name, "version": dist.version, "needs": text} for dist, text in removal.missed_by],
        "refused": [
            {
                "reason": item.reason,
                "subject": item.subject,
                "message": item.message,
                "paths": list(item.paths),
                "fixes": list(item.fixes),
            }
            for item in removal.refused
        ],
        "removed": [item.key for item in removal.items if outcome and item.key not in {d.key for d in outcome.left}],
        "lost": list(outcome.lost) if outcome else [],
        "altered": [record.dist_str for record in outcome.altered] if outcome else [],
        "ledger": {"events": len(outcome.recorded.events), "why_not": outcome.recorded.unsaved} if outcome else None,
    }
