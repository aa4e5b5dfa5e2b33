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
    lost_records,
    pip_files,
    python_requirements,
    stranded,
    unreadable,
)

MODULES: tuple[ModuleType, ...] = (
    conda_requirements,
    contested,
    damaged_records,
    duplicates,
    husks,
    incomplete_metadata,
    lost_records,
    pip_files,
    python_requirements,
    stranded,
    unreadable,
)
