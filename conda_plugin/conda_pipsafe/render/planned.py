"""What `plan` says: the hook's blocks and the whole forecast, for a command that is not carried out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from conda_pipsafe.forecast.copying import Replaced
from conda_pipsafe.forecast.effects import Forecast
from conda_pipsafe.render.forecast import forecast_text, forecast_value
from conda_pipsafe.render.outcome import copy_text
from conda_pipsafe.render.paths import FEW


def planned_lines(
    seen: Forecast,
    replaced: Sequence[Replaced] = (),
    source: str | None = None,
    ignored: Collection[str] = frozenset(),
    *,
    every_path: bool = False,
) -> list[str]:
    """What `plan` says of a forecast: the block of the hook; empty when nothing is harmed.

    Args:
        seen: The forecast.
        replaced: What a copy of the environment would not carry over.
        source: The environment that is copied.
        ignored: Paths of the distributions that the user's settings pass over.
        every_path: As for `forecast_text`.
    """
    told = [item for item in replaced if item.dist.path not in ignored]
    harms = [harm for harm in seen.harms if harm.dist.path not in ignored]
    blocks = []
    if source and (told or harms):
        blocks.append(copy_text(source, told, harms, few=None if every_path else FEW))
    elif harms:
        blocks.append(forecast_text(seen, harms, every_path=every_path, planned=True))
    return [line for block in blocks for line in block.splitlines()]


def planned_value(
    seen: Forecast,
    replaced: Sequence[Replaced] = (),
    source: str | None = None,
    ignored: Collection[str] = frozenset(),
    *,
    sections: Sequence[tuple[str, Sequence[tuple[str, str, str, str]]]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """What `plan --json` says: the forecast, and whether something is harmed that the user does not pass over.

    Args:
        seen: The forecast.
        replaced: As for `planned_lines`; so are `source` and `ignored`.
        source: The environment that is copied.
        ignored: Paths of the distributions that the user's settings pass over.
        sections: Files whose `pip:` section replaces conda's packages, with the lines that do, as `section_text` has
            them.
        notes: What else has to be said.
    """
    paths = [harm.dist.path for harm in seen.harms] + [item.dist.path for item in replaced]
    return {
        "harmed": bool(sections) or any(path not in ignored for path in paths),
        **forecast_value(seen, ignored=ignored),
        **({"ways_out": _ways_out_of_copy(seen, replaced, ignored)} if source else {}),
        "copied_from": source,
        "replaced": [
            {
                "name": item.dist.name,
                "version": item.dist.version,
                "path": item.dist.path,
                "becomes": {"name": item.record.name, "version": item.record.version, "build": item.record.build},
                "ignored": item.dist.path in ignored,
            }
            for item in replaced
        ],
        "pip_section": [
            {"file": file, "requirement": line, "replaces": {"name": name, "version": version or None}}
            for file, clashes in sections
            for line, name, version, _ in clashes
        ],
        "notes": list(notes),
    }


def _ways_out_of_copy(seen: Forecast, replaced: Sequence[Replaced], ignored: Collection[str]) -> list[dict[str, Any]]:
    every = [*(item.dist for item in replaced), *(harm.dist for harm in seen.harms)]
    dists = {dist.path: dist for dist in every if dist.path not in ignored}
    names = [word for dist in sorted(dists.values(), key=lambda dist: dist.key) for word in dist.again]
    if not names:
        return []
    pip = [f"{seen.transaction.prefix}/bin/python", "-m", "pip"]
    command = [*pip, "install", "--force-reinstall", "--no-deps", *names]
    return [{"when": "after", "why": "to have pip's in the copy too", "command": command}]
