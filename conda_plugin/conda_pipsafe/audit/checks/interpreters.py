"""PS109, PS114: commands that start the Python of another environment, or one that is gone, or that nobody may run."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.relocated import relocated_files
from conda_pipsafe.audit.scripts import Script, command_paths, may_run, read_script
from conda_pipsafe.audit.wording import counted, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.files import may_follow
from conda_pipsafe.prefix.paths import scripts_dir

_PYTHON = re.compile(r"^bin/python[\d.]*t?$")
_ENTRY_POINT = "unix_python_entry_point"


@dataclass(slots=True)
class _Group:
    """Commands that start one Python."""

    paths: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)


def check(context: AuditContext) -> Iterator[Finding]:
    """Look at the first lines of the commands that installers wrote."""
    if os.name == "nt":  # an .exe hides its interpreter in a zip at its end
        return
    yield from _own_python(context)
    prefix = context.snapshot.prefix
    home = os.path.realpath(os.path.join(prefix, scripts_dir()))
    groups: dict[str, _Group] = defaultdict(_Group)
    dead = _dead_python(context)
    for path, way, record in _commands(context):
        script = read_script(prefix, path)
        if script is not None and record is None and not script.executable and _is_to_be_run(script, home):
            dead.append(path)
        if script is None or script.interpreter is None or _is_told(context, script.interpreter, home):
            continue
        if _is_foreign(prefix, path, script, home, record):
            group = groups[script.interpreter]
            group.paths.append(path)
            if way not in group.ways:
                group.ways.append(way)
    for interpreter, group in groups.items():
        yield _finding(interpreter, group)
    if dead:
        yield _unrunnable(prefix, sorted(dead))


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("interpreters", check)]


def _own_python(context: AuditContext) -> Iterator[Finding]:
    """The environment's `bin/python` itself, where it is a link that leads out."""
    record, prefix = context.snapshot.record_named("python"), context.snapshot.prefix
    names = [path for path in record.files if _PYTHON.match(path)] if record else []
    led = [path for path in names if _leads_out(prefix, path)]
    if record and led:
        target = os.path.realpath(os.path.join(prefix, led[0]))
        there = "another Python" if os.path.exists(target) else "not there"
        yield make(
            "PS109",
            target,
            f"{listed(led, 3)} {'leads' if len(led) == 1 else 'lead'} to {target}, which is {there}: "
            "what runs is not the environment's Python.",
            paths=led,
            fixes=[fixes.conda_reinstall(prefix, record)],
            facts={"interpreter": target, "exists": os.path.exists(target), "stops_python": not os.path.exists(target)},
        )


def _dead_python(context: AuditContext) -> list[str]:
    """The programs of the environment's Python that nobody may run."""
    record, disk = context.snapshot.record_named("python"), context.disk
    names = [path for path in record.files if _PYTHON.match(path)] if record else []
    return [path for path in names if (mode := disk.mode(path)) is not None and not may_run(mode)]


def _is_to_be_run(script: Script, home: str) -> bool:
    """Whether an installer wrote it as a command; a package's own text may be there to be read."""
    return script.calls is not None or os.path.realpath(os.path.dirname(script.interpreter or "/")) == home


def _unrunnable(prefix: str, paths: Sequence[str]) -> Finding:
    one = len(paths) == 1
    python = any(_PYTHON.match(path) for path in paths)
    return make(
        "PS114",
        os.path.commonpath(paths) if not one else paths[0],
        f"{counted(len(paths), 'command')} ({listed(map(os.path.basename, paths), 3)}) cannot be run: "
        f"{'it is' if one else 'they are'} not executable.",
        paths=paths,
        fixes=[" ".join(["chmod a+x", *(fixes.quote(os.path.join(prefix, path)) for path in paths)])],
        facts={"stops_python": True} if python else {},
    )


def _leads_out(prefix: str, path: str) -> bool:
    absolute = os.path.join(prefix, path)
    return os.path.islink(absolute) and not may_follow(prefix, absolute)


def _commands(context: AuditContext) -> Iterator[tuple[str, str, Record | None]]:
    """Every command that an installer wrote, with how to have it written again; and the record whose file it is."""
    prefix = context.snapshot.prefix
    seen: set[str] = set()
    for dist in context.foreign:
        for path in command_paths(context.paths(dist)):
            seen.add(path)
            yield path, fixes.pip_anew(prefix, dist), None
    for health in context.health:
        if not health.removed and not health.replaced:
            for path, is_file in _written(health.record):
                if path not in seen:
                    again = fixes.conda_reinstall(prefix, health.record)
                    yield path, again, health.record if is_file else None


def _written(record: Record) -> Iterator[tuple[str, bool]]:
    """Commands into which conda wrote the prefix: made for an entry point, or the package's own files (True)."""
    if len(record.files) != len(record.paths_data):
        return
    start = f"{scripts_dir()}/"
    for path, fact in zip(record.files, record.paths_data, strict=True):
        if path.startswith(start):
            if fact.get("path_type") == _ENTRY_POINT:
                yield path, False
            elif fact.get("prefix_placeholder") and fact.get("file_mode") != "binary":
                yield path, True


def _is_told(context: AuditContext, interpreter: str, home: str) -> bool:
    """Whether it is a file of conda's python that is gone: told as that, and back with it; no pip runs before."""
    folder, name = os.path.split(interpreter)
    return os.path.realpath(folder) == home and f"{scripts_dir()}/{name}" in context.snapshot.record_paths


def _is_foreign(prefix: str, path: str, script: Script, home: str, record: Record | None) -> bool:
    interpreter = script.interpreter or ""
    there = os.path.exists(interpreter)
    folder = os.path.dirname(interpreter)
    if os.path.realpath(folder) == home:
        return not there
    root = os.path.dirname(folder)
    if record is not None:
        # A package's file may name any Python: this one only if it is the package's, with that prefix in it.
        return bool(relocated_files(prefix, record, [path], root))
    if script.calls is not None:
        return True
    # A script of somebody's own that names a system's Python does what its author meant.
    return any(os.path.exists(os.path.join(root, mark)) for mark in ("conda-meta", "pyvenv.cfg"))


def _finding(interpreter: str, group: _Group) -> Finding:
    there = os.path.exists(interpreter)
    names = listed([os.path.basename(path) for path in group.paths], 3)
    what = "the Python of another environment" if there else "a Python that is not there"
    one = len(group.paths) == 1
    return make(
        "PS109",
        interpreter,
        f"{counted(len(group.paths), 'command')} ({names}) start{'s' if one else ''} {interpreter}, {what}.",
        severity="warning" if there else "error",
        paths=sorted(group.paths),
        fixes=group.ways,
        facts={"interpreter": interpreter, "exists": there},
    )
