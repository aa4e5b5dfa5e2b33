"""Pieces of sentences that several checks share."""

from __future__ import annotations

from collections.abc import Iterable

from conda_pipsafe.prefix.dist_info import Distribution

_CODE = (".py", ".so", ".pyd", ".dll", ".dylib", ".exe", ".pth")


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def part_of(number: int, total: int) -> str:
    """`2 of the 5 files`, `The only file`: how sentences begin that say what became of some."""
    return "The only file" if total == 1 else f"{number} of the {total} files"


def listed(items: Iterable[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    words = list(items)
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def installer(dist: Distribution) -> str:
    """Who installed a distribution, as far as it says: `pip` unless another tool is named."""
    # A dist-info without INSTALLER, or with conda's (its record is lost), is at any rate none that conda knows of.
    return dist.installer if dist.installer and dist.installer != "conda" else "pip"


def matters(paths: Iterable[str]) -> bool:
    """Whether any of these is something that Python imports or that a person runs."""
    return any(path.endswith(_CODE) or ".so." in path or path.startswith(("bin/", "Scripts/")) for path in paths)
