"""Environment files, read by conda's own specifiers: what stands in their `pip:` section, and beside it."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PipSection:
    """What an environment file asks pip for.

    Attributes:
        file: The file.
        requirements: The lines of its `pip:` section, as they stand there.
        conda: The packages that the file asks conda for: name to version, empty where it leaves that open.
    """

    file: str
    requirements: tuple[str, ...]
    conda: dict[str, str]


def pip_sections(files: object) -> tuple[PipSection, ...]:
    """The `pip:` sections of environment files; none of a file that conda cannot read (it says so itself).

    Args:
        files: What was given as `--file`: a path or several.
    """
    named = files if isinstance(files, (list, tuple)) else (files,)
    sections = (_section(file) for file in named if isinstance(file, str) and os.path.isfile(file))
    return tuple(section for section in sections if section is not None)


def _section(file: str) -> PipSection | None:
    from conda_pipsafe.engines.conda_compat import read_environment_file

    try:
        # conda reads it again, and then says what there is to say about it.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = read_environment_file(file)
    except Exception:  # noqa: BLE001 - any fault of a file is conda's to tell, when it reads it
        return None
    return PipSection(file, found.pip, {str(spec.name): _version(spec) for spec in found.specs}) if found.pip else None


def _version(spec: Any) -> str:  # noqa: ANN401 - a conda MatchSpec or PackageRecord
    """The one version that a spec can mean, else nothing."""
    exact = spec.get_exact_value("version") if hasattr(spec, "get_exact_value") else getattr(spec, "version", None)
    return str(exact) if exact else ""
