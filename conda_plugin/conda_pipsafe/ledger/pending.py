"""`conda-meta/pipsafe/pending.json`: a conda transaction that has begun and whose end nobody has seen yet.

conda calls no hook after a command that failed, rolled back or was killed. What was noted before is kept here, and the
next command compares with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from conda_pipsafe.ledger import PENDING
from conda_pipsafe.ledger.folder import LedgerError, write_atomically
from conda_pipsafe.prefix.files import MIB, UnreadableError, read_json

_VERSION = 1
_LIMIT = 64 * MIB


def write_pending(prefix: str, command: str, time: str, baseline: Mapping[str, Any]) -> bool:
    """Note that a transaction begins.

    Args:
        prefix: Absolute path of the environment.
        command: conda's name of the command.
        time: UTC, ISO 8601.
        baseline: What the prefix looks like, as JSON values.

    Returns:
        Whether it could be written; that it cannot is no reason to stop.
    """
    value = {"v": _VERSION, "pid": os.getpid(), "command": command, "time": time, "baseline": dict(baseline)}
    data = json.dumps(value, separators=(",", ":")).encode("ascii")
    if len(data) > _LIMIT:
        return False
    try:
        write_atomically(prefix, PENDING, data)
    except LedgerError:
        return False
    return True


def read_pending(prefix: str) -> dict[str, Any] | None:
    """A transaction whose process has ended without clearing it; None when there is none.

    Returns:
        `command`, `time` and `baseline` as they were given to `write_pending`.
    """
    try:
        value = read_json(prefix, PENDING, _LIMIT)
    except UnreadableError:
        clear_pending(prefix)
        return None
    if not isinstance(value, dict) or value.get("v") != _VERSION or not isinstance(value.get("baseline"), dict):
        return None
    return None if _is_running(value.get("pid")) else value


def clear_pending(prefix: str) -> None:
    """The end was seen."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(prefix, PENDING))


def _is_running(pid: object) -> bool:
    """Whether another process of that number is alive; where that cannot be asked (Windows) none is believed to be."""
    if not isinstance(pid, int) or pid <= 0 or pid == os.getpid() or sys.platform == "win32":
        return False
    try:
        with contextlib.suppress(PermissionError):  # it is another user's
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True
