"""The guard for raw pip: the environment's own pip.conf holds every pip of it to what conda owns.

Opt-in. On or off is what the disk says: the guard is on where the environment's pip.conf names its constraints file.
For uv the environment's variables name another, which counts where the environment is activated.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer import guard_conf, guard_variables
from conda_pipsafe.installer.guard_conf import CONSTRAINTS, reference
from conda_pipsafe.installer.guard_files import read, read_file, read_text, replace
from conda_pipsafe.installer.guard_pins import Pins, constraints_text, find_pins, stamp_of
from conda_pipsafe.installer.guard_variables import NAME, STATE, UV_CONSTRAINTS
from conda_pipsafe.ledger.folder import write_atomically
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

MEMORY = "conda-meta/pipsafe/guard.json"
CONF = "pip.ini" if os.name == "nt" else "pip.conf"


@dataclass(frozen=True, slots=True)
class Guard:
    """How an environment is guarded.

    Attributes:
        prefix: Absolute path of the environment.
        on: Whether its pip.conf names the guard's constraints file.
        uv: Whether its variables name the one for uv.
        stale: What is not as it should be, as sentences; empty when in sync or off.
        pins: What is pinned, or would be.
        notes: What else a person should know, as sentences.
    """

    prefix: str
    on: bool
    uv: bool
    stale: tuple[str, ...]
    pins: Pins
    notes: tuple[str, ...] = ()


def look(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Guard:
    """Whether an environment is guarded, and whether by what conda has now."""
    prefix = snapshot.prefix
    environ = os.environ if environ is None else environ
    pins = find_pins(snapshot)
    named = guard_conf.guarded(read(prefix, CONF))
    notes: list[str] = []
    try:
        variable = guard_variables.variable(read_text(prefix, STATE))
    except PipsafeError as error:
        variable = None
        notes.append(error.message)
    if named is None:
        return Guard(prefix, on=False, uv=False, stale=(), pins=pins)
    stale = list(_stale(prefix, named, variable, pins))
    if pins.for_builds:
        notes.append(
            f"this pip holds isolated builds to constraints, so {len(pins.for_builds)} distributions that builds ask "
            f"for are not pinned for it: {', '.join(pins.for_builds)}. `conda install 'pip>=26.2'` pins them"
        )
    notes += [f"{key} is not pinned: {reason}" for key, reason in pins.skipped]
    notes += _overridden(prefix, environ)
    return Guard(prefix, on=True, uv=variable is not None, stale=tuple(stale), pins=pins, notes=tuple(notes))


def turn_on(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Guard:
    """Guard an environment, or put its guard right.

    Raises:
        PipsafeError: When a file cannot be read or written; then pip.conf is as it was.
    """
    prefix = snapshot.prefix
    conf = read(prefix, CONF, may_write=True)
    changed = guard_conf.with_guard(conf, os.path.join(prefix, *CONSTRAINTS.split("/")))
    _write_pins(snapshot, find_pins(snapshot))
    # Last, and only when the file that it names is there: pip fails without it.
    replace(prefix, CONF, conf, changed)
    with contextlib.suppress(PipsafeError):  # `look` tells
        _add_variable(prefix)
    _write_pins(snapshot, find_pins(snapshot))  # the stamp anew: what was written changed conda-meta
    return look(snapshot, environ)


def turn_off(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Guard:
    """Take the guard away: every file as it was before, apart from what a person changed since.

    Raises:
        PipsafeError: When a file cannot be read or written.
    """
    prefix = snapshot.prefix
    conf = read(prefix, CONF, may_write=True)
    if conf is not None:
        replace(prefix, CONF, conf, guard_conf.without_guard(conf))
    _remove_variable(prefix)
    for path in (CONSTRAINTS, UV_CONSTRAINTS, MEMORY):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(prefix, path))
    return look(snapshot, environ)


def refresh(prefix: str, snapshot: Snapshot | None = None) -> str | None:
    """Put the guard of an environment right, where it has one: after conda commands, in a clone, at every look.

    Costs one read where there is no guard, and a few stats where nothing changed. Never raises.

    Args:
        prefix: Absolute path of the environment.
        snapshot: It, if the caller has read it just now.

    Returns:
        Why it could not be put right, as a sentence; None when it is, or there is none.
    """
    try:
        named = guard_conf.guarded(read(prefix, CONF))
        if named is None or _is_fresh(prefix, named):
            return None
        turn_on(snapshot or read_snapshot(prefix))
    except PipsafeError as error:
        return error.message
    except (NotAnEnvironmentError, OSError) as error:
        return str(error)
    return None


def held_by_pip(snapshot: Snapshot) -> Pins | None:
    """What the guard holds an environment's pip to; None where it is off."""
    try:
        on = guard_conf.guarded(read(snapshot.prefix, CONF)) is not None
    except PipsafeError:
        on = False
    return find_pins(snapshot) if on else None


def unguarded(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Variables for a pip or uv that is looked after in another way: the guard does not bind it.

    pip takes PIP_CONSTRAINT in place of the files' `constraint`, and ignores it when it is empty.
    """
    changed = dict(variables)
    ours = guard_conf.guarded(read(prefix, CONF))
    if ours is not None and not changed.get("PIP_CONSTRAINT"):
        others = [word for word in guard_conf.constraint_words(read(prefix, CONF)) if word != ours]
        changed["PIP_CONSTRAINT"] = " ".join(others) or os.devnull
    words = changed.get(NAME, "").split()
    kept = [word for word in words if not word.replace("\\", "/").endswith(UV_CONSTRAINTS)]
    if kept != words:
        del changed[NAME]
        changed |= {NAME: " ".join(kept)} if kept else {}
    return changed


def _stale(prefix: str, named: str, variable: str | None, pins: Pins) -> list[str]:
    found = []
    if named != reference(os.path.join(prefix, *CONSTRAINTS.split("/"))):
        found.append(f"{CONF} names {named}, which is not of this environment")
    there = _pins_in(read(prefix, CONSTRAINTS))
    if there is None:
        found.append(f"{CONSTRAINTS} is not there: pip fails on every install")
    elif there != pins.lines_for_pip():
        found.append("conda's distributions have changed since they were pinned")
    if variable is None:
        found.append(f"{NAME} is not among the environment's variables ({STATE}): uv is not held back")
    elif variable != reference(os.path.join(prefix, *UV_CONSTRAINTS.split("/"))):
        found.append(f"{NAME} names {variable}, which is not of this environment")
    elif _pins_in(read(prefix, UV_CONSTRAINTS)) != pins.lines_for_uv() and there == pins.lines_for_pip():
        found.append(f"{UV_CONSTRAINTS} is not what it should be")
    return found


def _pins_in(data: bytes | None) -> list[str] | None:
    if data is None:
        return None
    return [line for line in data.decode("utf-8", "replace").splitlines() if line and not line.startswith("#")]


def _overridden(prefix: str, environ: Mapping[str, str]) -> list[str]:
    """What makes pip look past the guard here, and what the guard makes pip look past."""
    from conda_pipsafe.installer.pip_settings import config_files

    notes = []
    if environ.get("PIP_CONSTRAINT"):
        notes.append("PIP_CONSTRAINT is set: pip takes it in place of the guard's file")
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        notes.append("PIP_CONFIG_FILE says that pip reads no file: the guard does not count")
    own = os.path.join(prefix, CONF)
    for path in config_files(prefix, environ):
        if path != own and guard_conf.constraint_words(read_file(path)):
            first = "in place of the guard's" if path == chosen else "no longer: the environment's own takes its place"
            notes.append(f"the `constraint` of {path} counts {first}")
    return notes


def _write_pins(snapshot: Snapshot, pins: Pins) -> None:
    prefix = snapshot.prefix
    stamp = _stamp(prefix, [site.path for site in snapshot.sites if site.current])
    for path, lines in ((CONSTRAINTS, pins.lines_for_pip()), (UV_CONSTRAINTS, pins.lines_for_uv())):
        content = constraints_text(lines, stamp)
        if read(prefix, path) != content:
            write_atomically(prefix, path, content)


def _is_fresh(prefix: str, named: str) -> bool:
    """Whether nothing has changed since the pins were written, told by a handful of stats."""
    written = stamp_of(read(prefix, CONSTRAINTS) or b"")
    sites = [part.rpartition("=")[0] for part in written.split(" ") if part.startswith(("lib", "Lib"))]
    mine = reference(os.path.join(prefix, *CONSTRAINTS.split("/")))
    uv = reference(os.path.join(prefix, *UV_CONSTRAINTS.split("/")))
    return (
        bool(written)
        and named == mine
        and written == _stamp(prefix, sites)
        and os.path.exists(os.path.join(prefix, UV_CONSTRAINTS))
        and guard_variables.variable(read_text(prefix, STATE)) == uv
    )


def _stamp(prefix: str, sites: list[str]) -> str:
    parts = []
    for path in ("conda-meta", "conda-meta/history", *sites):
        try:
            info = os.stat(os.path.join(prefix, path))
            parts.append(f"{path}={info.st_mtime_ns}")
        except OSError:
            parts.append(f"{path}=0")
    return " ".join(parts)


def _add_variable(prefix: str) -> None:
    text = read_text(prefix, STATE)
    if guard_variables.variable(text) is None:
        write_atomically(prefix, MEMORY, json.dumps({"format": 1, "state": guard_variables.before(text)}).encode())
    changed = guard_variables.with_variable(text, reference(os.path.join(prefix, *UV_CONSTRAINTS.split("/"))))
    replace(prefix, STATE, None if text is None else _bytes(text), _bytes(changed))


def _remove_variable(prefix: str) -> None:
    text = read_text(prefix, STATE)
    if text is None or guard_variables.variable(text) is None:
        return
    memory: Any = {}
    with contextlib.suppress(ValueError):
        memory = json.loads(read(prefix, MEMORY) or b"{}")
    was = memory.get("state") if isinstance(memory, dict) else None
    changed = guard_variables.without_variable(text, was if was in {"nothing", "no-variables"} else None)
    replace(prefix, STATE, _bytes(text), None if changed is None else _bytes(changed))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
