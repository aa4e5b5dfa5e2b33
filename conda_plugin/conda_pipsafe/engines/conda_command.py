"""Let the user's conda install: in a process of its own, with its solver, its pins, its hooks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conda_pipsafe.engines.conda_context import in_conda
from conda_pipsafe.installer.runner import interrupts

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class CondaRun:
    """How a `conda install` ended.

    Attributes:
        command: What was run, as a person would type it.
        code: Its exit code; `INTERRUPTED` when a signal came meanwhile.
        said: conda's own message, where its output was kept.
        link: Packages that came or would come: `name`, `version`, `channel`; empty where its output was shown.
        unlink: Packages that went or would go.
    """

    command: tuple[str, ...]
    code: int
    said: str = ""
    link: tuple[Mapping[str, Any], ...] = field(default=())
    unlink: tuple[Mapping[str, Any], ...] = field(default=())


def find_conda_command() -> list[str] | None:
    """How to call the user's conda; None where there is none."""
    if in_conda():
        return [sys.executable, "-m", "conda"]
    found = os.environ.get("CONDA_EXE") or shutil.which("conda")
    return [found] if found else None


def conda_install(
    conda: Sequence[str], prefix: str, specs: Sequence[str], options: Sequence[str], folder: str, *, captured: bool
) -> CondaRun:
    """Run `conda install`.

    Args:
        conda: How to call it.
        prefix: The environment.
        specs: What to ask for.
        options: Options of conda's.
        folder: An empty folder to run in: what stands in the user's is not to be imported.
        captured: Keep its output instead of showing it; it may ask nothing then.
    """
    words = ["install", "-p", prefix, *options, *specs]
    shown = ("conda", *words)
    kept = subprocess.PIPE if captured else None
    stdin = subprocess.DEVNULL if captured else None
    command = [*conda, *words, *(["--json"] if captured else [])]
    # A signal is conda's to handle: it puts back what it has half done.
    child = subprocess.Popen(command, cwd=folder, stdin=stdin, stdout=kept, text=True)
    with child, interrupts(child) as caught:
        told, _ = child.communicate()
    code = INTERRUPTED if caught else child.returncode
    try:
        value = json.loads(told or "{}")
    except ValueError:
        value = {}
    actions = value.get("actions") or {}
    said = str(value.get("error") or value.get("message") or "").strip()
    return CondaRun(shown, code, said, _packages(actions, "LINK"), _packages(actions, "UNLINK"))


def _packages(actions: Mapping[str, Any], which: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"name": item.get("name"), "version": item.get("version"), "channel": item.get("channel")}
        for item in actions.get(which) or ()
    )
