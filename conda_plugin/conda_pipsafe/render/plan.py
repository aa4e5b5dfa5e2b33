"""A pip plan, its refusals and how it ended: as lines for people, and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import Refusal
from conda_pipsafe.installer.verify import Difference
from conda_pipsafe.installer.wheels import Wheel
from conda_pipsafe.render.ways import parted

MOST_PATHS = 5


def plan_lines(
    plan: Plan,
    prefix: str,
    *,
    wheels: Mapping[str, Wheel] | None = None,
    asked_by: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """What pip would do, one line per distribution.

    Args:
        plan: pip's plan.
        prefix: Absolute path of the environment.
        wheels: With it, the size of each.
        asked_by: With it, who asks for each.
    """
    if not plan.dists:
        return [f"Nothing to do: all that is asked for is in {prefix} already."]
    width = max(len(dist.name) for dist in plan.dists)
    lines = [f"{'uv' if plan.pip_version.startswith('uv') else 'pip'}'s plan for {prefix}:"]
    for dist in plan.dists:
        lines.append(f"  {dist.name:<{width}}  {dist.version}  {_what(dist)}".rstrip())
        wheel = (wheels or {}).get(dist.key)
        if wheel is not None:
            packed_size = "" if wheel.size is None else f"{_size(wheel.size)}, "
            lines.append(f"      {packed_size}{_size(wheel.paths.size)} unpacked in {_files(wheel)}")
        lines += [f"      {asker}" for asker in (asked_by or {}).get(dist.key, ())]
    if wheels and len(wheels) > 1:
        packed, unpacked = sum(one.size or 0 for one in wheels.values()), sum(one.paths.size for one in wheels.values())
        lines.append(f"{len(plan.dists)} in all: {_size(packed)}, {_size(unpacked)} unpacked")
    return lines


def refusal_lines(refusals: Sequence[Refusal], program: str, *, every_path: bool = False) -> list[str]:
    """Why nothing was installed, by name, and the ways out."""
    lines = [f"{program}: refused, nothing was changed"]
    for refusal in refusals:
        lines.append(f"  {refusal.message}")
        shown = refusal.paths if every_path else refusal.paths[:MOST_PATHS]
        lines += [f"      {path}" for path in shown]
        if len(refusal.paths) > len(shown):
            lines.append(f"      … and {len(refusal.paths) - len(shown)} more (-v shows them)")
        lines += [f"    because {asker}" for asker in refusal.asked_by]
        for index, fix in enumerate(refusal.fixes):
            lead, (aim, command) = "instead: " if index == 0 else "or:      ", parted(fix)
            lines += [f"    {lead}{aim}:", f"{' ' * 13}{command}"] if command else [f"    {lead}{fix}"]
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


def plan_json(
    plan: Plan,
    *,
    wheels: Mapping[str, Wheel] | None = None,
    asked_by: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The plan as JSON values; sizes in bytes, None where nothing was looked into."""
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
                "size": wheel.size if (wheel := (wheels or {}).get(dist.key)) else None,
                "unpacked_size": wheel.paths.size if wheel else None,
                "files": len(wheel.paths.members) if wheel else None,
                "asked_by": list((asked_by or {}).get(dist.key, ())),
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
        "paths": list(refusal.paths),
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


def _size(size: int) -> str:
    for unit, limit in (("B", 1000), ("kB", 1000**2), ("MB", 1000**3)):
        if size < limit:
            return f"{size} B" if unit == "B" else f"{size * 1000 / limit:.1f} {unit}"
    return f"{size / 1000**3:.1f} GB"


def _files(wheel: Wheel) -> str:
    count = len(wheel.paths.members)
    return "1 file" if count == 1 else f"{count} files"
