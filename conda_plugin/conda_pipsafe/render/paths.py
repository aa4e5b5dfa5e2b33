"""Paths for people: how many, and the first few."""

from __future__ import annotations

from collections.abc import Sequence

FEW = 3
MOST_PACKAGES = 10


def counted_paths(paths: Sequence[str], few: int | None = FEW) -> str:
    """`2 files (a, b)`.

    Args:
        paths: Prefix-relative.
        few: How many are named, with a `…` for the rest; None for all of them, one a line.
    """
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    if few is None:
        return count + "".join(f"\n      {path}" for path in paths)
    return f"{count} ({', '.join(paths[:few])}{', …' if len(paths) > few else ''})"
