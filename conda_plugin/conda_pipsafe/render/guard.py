"""How environments are guarded, as text and as JSON values."""

from __future__ import annotations

from typing import Any

from conda_pipsafe.installer.guard import Guard

_SHOWN = 8

NOT_COVERED = (
    "`--force-reinstall` and `--ignore-installed` without another version: the same one is written over conda's",
    "`pip uninstall` and `uv pip uninstall` of what conda owns, `uv pip sync`",
    "pip with PIP_CONFIG_FILE set to the null device, or with a PIP_CONSTRAINT of one's own",
    "a package of another name that brings the same files",
    "uv where the environment is not activated (`uv pip install --python PATH`)",
)


def guard_line(guard: Guard) -> str:
    """One line: on, stale or off."""
    if not guard.on:
        return "off: `conda pipsafe guard on` makes pip itself refuse to replace what conda owns"
    state = "on, STALE" if guard.stale else "on, in sync"
    return f"{state}; {len(guard.pins.pinned)} distributions of conda's pinned{'' if guard.uv else ', not for uv'}"


def guard_lines(guard: Guard, *, verbose: bool = False) -> list[str]:
    """Everything about one environment's guard."""
    lines = [f"{guard.prefix}", f"  guard: {guard_line(guard)}"]
    if not guard.on:
        return lines
    lines += [f"  STALE: {sentence}" for sentence in guard.stale]
    if guard.stale:
        lines.append("  -> `conda pipsafe guard on` puts it right; so does the next conda command")
    words = [f"{key}=={version}" for key, version in guard.pins.pinned]
    shown = words if verbose else words[:_SHOWN]
    more = f" and {len(words) - len(shown)} more (-v shows them)" if len(shown) < len(words) else ""
    lines.append(f"  pinned: {', '.join(shown) or 'nothing: conda owns no distribution here'}{more}")
    lines += [f"  note: {note}" for note in guard.notes]
    lines.append("  not stopped (see docs/guard.md):")
    lines += [f"    - {item}" for item in NOT_COVERED]
    return lines


def guard_value(guard: Guard) -> dict[str, Any]:
    """One environment's guard as JSON values."""
    return {
        "prefix": guard.prefix,
        "on": guard.on,
        "uv": guard.uv,
        "in_sync": guard.on and not guard.stale,
        "stale": list(guard.stale),
        "pinned": dict(guard.pins.pinned) if guard.on else {},
        "left_out_for_builds": list(guard.pins.for_builds) if guard.on else [],
        "skipped": dict(guard.pins.skipped) if guard.on else {},
        "notes": list(guard.notes),
        "not_covered": list(NOT_COVERED) if guard.on else [],
    }
