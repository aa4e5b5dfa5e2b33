"""What an environment is like at one moment, to be compared with another."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conda_pipsafe.prefix.snapshot import read_snapshot


def contents(prefix: Path) -> dict[str, tuple[str, int, int, bytes]]:
    """Every path of the prefix but our own: kind, mode, time and bytes of files; the mode of folders."""
    found: dict[str, tuple[str, int, int, bytes]] = {}
    for folder, folders, files in os.walk(prefix):
        if "pipsafe" in folders:
            folders.remove("pipsafe")
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            kind = "link" if stat.S_ISLNK(info.st_mode) else "folder" if stat.S_ISDIR(info.st_mode) else "file"
            data = Path(path).read_bytes() if kind == "file" else os.readlink(path).encode() if kind == "link" else b""
            moment = info.st_mtime_ns if kind == "file" else 0
            found[os.path.relpath(path, prefix)] = (kind, stat.S_IMODE(info.st_mode), moment, data)
    return found


def ledger_events(prefix: Path) -> list[dict[str, Any]]:
    """What the ledger has, in order."""
    ledger = prefix / "conda-meta" / "pipsafe" / "ledger.jsonl"
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


def versions(prefix: Path) -> dict[str, str]:
    """The version of each distribution, by canonical name."""
    return {dist.key: dist.version for dist in read_snapshot(str(prefix)).distributions if dist.site.current}


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something is so; False when it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
