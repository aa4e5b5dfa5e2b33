"""The built-in checks, one file each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

NAMES = (
    "checkouts",
    "conda_requirements",
    "contested",
    "damaged_records",
    "duplicates",
    "emptied",
    "forgotten",
    "history",
    "husks",
    "incomplete_metadata",
    "interpreters",
    "leftovers",
    "lost_records",
    "overlapping",
    "pins",
    "pip_files",
    "python_requirements",
    "runtimes",
    "startup",
    "stranded",
    "targets",
    "unreadable",
)


def modules() -> Iterator[ModuleType]:
    """Load them; each implements `hookspec.CheckSpecs`."""
    return (import_module(f"{__name__}.{name}") for name in NAMES)
