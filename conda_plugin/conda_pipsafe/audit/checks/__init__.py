"""The built-in checks, one file each."""

from __future__ import annotations

from types import ModuleType

from conda_pipsafe.audit.checks import (
    conda_requirements,
    contested,
    damaged_records,
    duplicates,
    husks,
    incomplete_metadata,
    interpreters,
    leftovers,
    lost_records,
    pins,
    pip_files,
    python_requirements,
    runtimes,
    stranded,
    targets,
    unreadable,
)

MODULES: tuple[ModuleType, ...] = (
    conda_requirements,
    contested,
    damaged_records,
    duplicates,
    husks,
    incomplete_metadata,
    interpreters,
    leftovers,
    lost_records,
    pins,
    pip_files,
    python_requirements,
    runtimes,
    stranded,
    targets,
    unreadable,
)
