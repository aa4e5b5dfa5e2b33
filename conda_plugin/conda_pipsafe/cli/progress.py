"""A line on stderr that says how far a long command is; only for a person at a terminal."""

from __future__ import annotations

import sys
import time

_EVERY = 0.1
_WIDTH = 30


class ProgressLine:
    """Draws itself over and over in one line, and leaves nothing behind.

    Args:
        what: What is being done.
        unit: To what, in the plural.
        shown: Whether to draw at all; by default when stderr is a terminal.
    """

    def __init__(self, what: str, unit: str = "files", *, shown: bool | None = None) -> None:
        self._what = what
        self._unit = unit
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._last = 0.0
        self._drawn = 0

    def __call__(self, done: int, total: int) -> None:
        """Say how many of how many are done."""
        now = time.monotonic()
        if not self._shown or not total or now - self._last < _EVERY:
            return
        self._last = now
        filled = _WIDTH * done // total
        line = f"{self._what} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:,} of {total:,} {self._unit}"
        print("\r" + line.ljust(self._drawn), end="", file=sys.stderr, flush=True)
        self._drawn = len(line)

    def end(self) -> None:
        """Remove the line."""
        if self._drawn:
            print("\r" + " " * self._drawn + "\r", end="", file=sys.stderr, flush=True)
            self._drawn = 0
