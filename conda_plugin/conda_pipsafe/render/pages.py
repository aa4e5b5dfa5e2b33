"""The catalogue's entries as pages: for a terminal, as Markdown, as JSON values."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterable
from typing import Any

from conda_pipsafe.audit.catalogue import Entry

_WIDTH = 96
_SERIES = {
    "1": "pip changed what conda installed",
    "2": "conda changed what pip installed",
    "3": "Python moved",
    "4": "wrong target, shadowing",
    "5": "metadata",
    "6": "binary",
    "7": "other installers",
    "9": "the audit itself",
}


def entry_text(entry: Entry) -> list[str]:
    """One entry as a page for a terminal."""
    lines = [f"{entry.code} {entry.name} ({entry.severity})", entry.title]
    for heading, text in _sections(entry):
        wrapped = textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        lines += ["", heading, *wrapped]
    if entry.modes:
        lines += ["", f"Failure modes: {', '.join(entry.modes)}"]
    return [*lines, *(f"See {link}" for link in entry.links)]


def index_text(entries: Iterable[Entry]) -> list[str]:
    """All entries, one line each."""
    listed = sorted(entries, key=lambda entry: entry.code)
    width = max(len(entry.name) for entry in listed)
    return [f"{entry.code}  {entry.name:<{width}}  {entry.severity:<7}  {entry.title}" for entry in listed]


def entry_value(entry: Entry) -> dict[str, Any]:
    """One entry as JSON values."""
    return dataclasses.asdict(entry)


def catalogue_markdown(entries: Iterable[Entry]) -> str:
    """The whole catalogue as one Markdown page: `docs/codes.md` is `pipsafe explain --all --markdown`."""
    lines = [
        "# Codes of findings",
        "",
        "Made by `pipsafe explain --all --markdown` from the catalogue; do not edit by hand.",
        "A severity is the worst that a code is reported with.",
    ]
    series = ""
    for entry in sorted(entries, key=lambda entry: entry.code):
        if entry.code[2] != series:
            series = entry.code[2]
            lines += ["", f"## PS{series}xx: {_SERIES.get(series, 'more')}"]
        lines += ["", f"### {entry.code} {entry.name}", "", f"**{entry.title}** ({entry.severity})", ""]
        for heading, text in _sections(entry):
            lines += [f"*{heading}.* {text}", ""]
        if entry.modes:
            lines += [f"Failure modes: {', '.join(f'`{mode}`' for mode in entry.modes)}.", ""]
        if entry.links:
            lines += [f"See {', '.join(f'<{link}>' for link in entry.links)}.", ""]
        lines.pop()
    return "\n".join(lines) + "\n"


def _sections(entry: Entry) -> Iterable[tuple[str, str]]:
    return (
        ("What it means", entry.meaning),
        ("How it comes about", entry.causes),
        ("How to get out", entry.way_out),
    )
