"""Which findings count: `select` and `ignore`, as codes, names or beginnings of codes."""

from __future__ import annotations

from collections.abc import Iterable

from conda_pipsafe.audit.findings import CRASHED, Finding
from conda_pipsafe.errors import Exit, PipsafeError


class Choice:
    """Findings that are wanted.

    Args:
        select: Only these; all where there are none.
        ignore: None of these.

    Raises:
        PipsafeError: When one is no code, name or beginning of a code.
    """

    def __init__(self, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> None:
        self._select = _beginnings(select)
        self._ignore = _beginnings(ignore)

    def wants(self, finding: Finding) -> bool:
        """Whether a finding counts.

        A crash that nobody ignores does, whatever is selected: what the check would have found may be.
        """
        if self._select and not finding.code.startswith((*self._select, CRASHED)):
            return False
        return not (self._ignore and finding.code.startswith(self._ignore))

    def of(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those that count."""
        return tuple(finding for finding in findings if self.wants(finding))


def _beginnings(given: Iterable[str]) -> tuple[str, ...]:
    words = [word.strip() for item in given for word in item.split(",") if word.strip()]
    if not words:
        return ()
    from conda_pipsafe.audit import catalogue, engine

    entries = engine.entries()
    found: list[str] = []
    for word in words:
        entry = catalogue.find(word, entries.values())
        if entry is not None:
            found.append(entry.code)
        elif any(code.startswith(word.upper()) for code in entries):
            found.append(word.upper())
        else:
            near = catalogue.nearest(word, entries.values())
            hint = f"did you mean {' or '.join(near)}?" if near else "`pipsafe explain` lists all codes"
            raise PipsafeError(f"there is no code {word!r}", hint=hint, exit_code=Exit.USAGE)
    return tuple(found)
