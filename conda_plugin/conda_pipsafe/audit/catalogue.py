"""The catalogue of findings: what each code means, how it comes about, how to get out.

`pipsafe explain` and `docs/codes.md` are both made from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conda_pipsafe.audit.entries import ps1, ps2, ps3, ps4, ps5, ps6, ps9
from conda_pipsafe.audit.entries.entry import STEPS, Entry, Step
from conda_pipsafe.audit.findings import Finding, Severity

__all__ = ["ENTRIES", "STEPS", "Entry", "Step", "entry", "find", "make", "nearest"]

ENTRIES: tuple[Entry, ...] = (
    *ps1.ENTRIES,
    *ps2.ENTRIES,
    *ps3.ENTRIES,
    *ps4.ENTRIES,
    *ps5.ENTRIES,
    *ps6.ENTRIES,
    *ps9.ENTRIES,
)
_BY_CODE = {item.code: item for item in ENTRIES}


def entry(code: str) -> Entry:
    """The entry of one of our codes.

    Raises:
        KeyError: When there is none.
    """
    return _BY_CODE[code]


def find(word: str, entries: Iterable[Entry]) -> Entry | None:
    """The entry that a person means by a code or a name, in any case."""
    wanted = word.strip().lower()
    return next((item for item in entries if wanted in {item.code.lower(), item.name}), None)


def nearest(word: str, entries: Iterable[Entry]) -> list[str]:
    """Codes and names like a word that is neither, the likeliest first."""
    known = {text.lower(): item for item in entries for text in (item.code, item.name)}
    # Letters in the place of digits: PS1O1.
    digits = word.strip().lower().replace("o", "0").replace("l", "1")
    if digits in known:
        return [f"{known[digits].code} ({known[digits].name})"]
    import difflib

    matches = difflib.get_close_matches(word.strip().lower(), known, n=3, cutoff=0.5)
    return list(dict.fromkeys(f"{known[match].code} ({known[match].name})" for match in matches))


def make(
    code: str,
    subject: str,
    message: str,
    *,
    severity: Severity | None = None,
    paths: Iterable[str] = (),
    fixes: Iterable[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> Finding:
    """Make a finding of one of our codes, with the code's severity unless another is given."""
    return Finding(
        code=code,
        severity=severity or entry(code).severity,
        subject=subject,
        message=message,
        paths=tuple(paths),
        fixes=tuple(fixes),
        facts=dict(facts or {}),
    )
