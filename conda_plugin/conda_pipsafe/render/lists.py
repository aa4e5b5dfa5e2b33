"""The list of Python distributions, as a table and as JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One Python distribution.

    Attributes:
        owner: `conda`, `conda:NAME` where the conda package has another name, `pip` (or another installer), `both`.
        record: `name-version-build` of conda's package, or None.
        source: Channel, index, direct URL or checkout, as far as known.
        requested: Asked for by name; None when nobody knows.
        when: UTC, ISO 8601; None when nobody knows.
        guessed: Whether `when` is the time of a file, not one that was recorded.
        by: Who installed it: the user where recorded, else the tool.
        path: Its dist-info or egg-info, prefix-relative.
        importable: Whether it lies where the environment's Python looks.
    """

    name: str
    version: str
    owner: str
    record: str | None
    source: str | None
    requested: bool | None
    when: str | None
    guessed: bool
    by: str | None
    path: str
    importable: bool


_HEADINGS = ("Name", "Version", "Owner", "Source", "Requested", "When", "By")
_REQUESTED = {True: "yes", False: "no", None: "?"}


def list_text(rows: Sequence[Row]) -> list[str]:
    """The table, in the order given; a time with `~` is a file's, not a recorded one."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _cells(row: Row) -> tuple[str, ...]:
    when = f"{'~' if row.guessed else ''}{row.when[:16].replace('T', ' ')}" if row.when else "?"
    owner = row.owner if row.importable else f"{row.owner} (stranded)"
    cells = (row.name, row.version or "?", owner, row.source or "?", _REQUESTED[row.requested], when, row.by or "?")
    return tuple(cell.replace("\n", "\\n").replace("\r", "\\r").replace("\t", " ") for cell in cells)


def list_value(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON values."""
    return [dataclasses.asdict(row) for row in rows]
