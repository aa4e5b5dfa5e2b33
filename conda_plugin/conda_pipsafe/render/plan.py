"""A pip plan, its refusals and how it ended: as lines for people, and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import Refusal
from conda_pipsafe.installer.verify import Difference

MOST_PATHS = 5


def plan_lines(plan: Plan, prefix: str) -> list[str]:
    """What pip would do, one line per distribution."""
    if not plan.dists:
        return [f"Nothing to do: all that is asked for is in {prefix} already."]
    width = max(len(dist.name) for dist in plan.dists)
    lines = [f"pip's plan for {prefix}:"]
    return lines + [f"  {dist.name:<{width}}  {dist.version}  {_what(dist)}".rstrip() for dist in plan.dists]


def refusal_lines(refusals: Sequence[Refusal], program: str) -> list[str]:
    """Why nothing was installed, by name, and the ways out."""
    lines = [f"{program}: refused, nothing was changed"]
    for refusal in refusals:
        lines.append(f"  {refusal.message}")
        lines += [f"    because {asker}" for asker in refusal.asked_by]
        lines += [f"    {'instead: ' if index == 0 else 'or:      '}{fix}" for index, fix in enumerate(refusal.fixes)]
    return lines


def difference_lines(differences: Sequence[Difference], *, every_path: bool = False) -> list[str]:
    """What is not as planned, with its paths and the ways out."""
    lines = []
    for difference in differences:
        lines.append(f"error: {difference.message}")
        shown = difference.paths if every_path else difference.paths[:MOST_PATHS]
        lines += [f"    {path}" for path in shown]
        if len(difference.paths) > len(shown):
            lines.append(f"    … and {len(difference.paths) - len(shown)} more (-v shows them)")
        lines += [f"    way out: {fix}" for fix in difference.fixes]
    return lines


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values."""
    return {
        "pip_version": plan.pip_version,
        "keeps_conda": plan.constrained,
        "install": [
            {
                "name": dist.name,
                "version": dist.version,
                "url": dist.url,
                "hash": dist.hash,
                "revision": dist.revision,
                "requested": dist.requested,
                "extras": list(dist.extras),
                "editable": dist.editable,
                "direct": dist.is_direct,
                "yanked": dist.yanked,
                "replaces": [
                    {"name": old.dist.name, "version": old.dist.version, "owner": old.owner} for old in dist.replaces
                ],
            }
            for dist in plan.dists
        ],
    }


def refusal_json(refusal: Refusal) -> dict[str, Any]:
    """A refusal as JSON values."""
    return {
        "reason": refusal.reason,
        "subject": refusal.subject,
        "message": refusal.message,
        "asked_by": list(refusal.asked_by),
        "fixes": list(refusal.fixes),
        "facts": dict(refusal.facts),
    }


def difference_json(difference: Difference) -> dict[str, Any]:
    """A difference as JSON values."""
    return {
        "kind": difference.kind,
        "subject": difference.subject,
        "message": difference.message,
        "paths": list(difference.paths),
        "fixes": list(difference.fixes),
    }


def _what(dist: PlannedDist) -> str:
    notes = []
    if not dist.replaces:
        notes.append("new")
    for old in dist.replaces:
        same = old.dist.version == dist.version
        notes.append("again" if same else f"from {old.dist.version}" + ("" if old.owner == "pip" else " (conda's)"))
    if not dist.requested:
        notes.append("dependency")
    if dist.editable:
        notes.append("editable")
    if dist.is_direct and dist.url:
        notes.append(dist.url)
    return ", ".join(notes)
