"""PS109: commands that start the Python of another environment, or one that is gone."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.pip_files import reinstall
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.scripts import Script, command_paths, read_script
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
    for path, way in _commands(context):
        script = read_script(prefix, path)
        if script is not None and script.interpreter is not None and _is_foreign(script, home):
            group = groups[script.interpreter]
            group.paths.append(path)
            if way not in group.ways:
                group.ways.append(way)
    for interpreter, group in groups.items():
        yield _finding(interpreter, group)


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
            facts={"interpreter": target, "exists": os.path.exists(target)},
        )


def _leads_out(prefix: str, path: str) -> bool:
    absolute = os.path.join(prefix, path)
    return os.path.islink(absolute) and not may_follow(prefix, absolute)


def _commands(context: AuditContext) -> Iterator[tuple[str, str]]:
    """Every command that an installer wrote, with how to have it written again."""
    prefix = context.snapshot.prefix
    seen: set[str] = set()
    for dist in context.foreign:
        for path in command_paths(context.paths(dist)):
            seen.add(path)
            yield path, reinstall(prefix, dist)
    for health in context.health:
        if not health.removed and not health.replaced:
            for path in _entry_points(health.record):
                if path not in seen:
                    yield path, fixes.conda_reinstall(prefix, health.record)


def _entry_points(record: Record) -> list[str]:
    # Scripts that a package brings as files may name any Python: conda rewrites those that named the package's own.
    if len(record.files) != len(record.paths_data):
        return []
    start = f"{scripts_dir()}/"
    return [
        path
        for path, fact in zip(record.files, record.paths_data, strict=True)
        if path.startswith(start) and fact.get("path_type") == _ENTRY_POINT
    ]


def _is_foreign(script: Script, home: str) -> bool:
    interpreter = script.interpreter or ""
    there = os.path.exists(interpreter)
    folder = os.path.dirname(interpreter)
    if os.path.realpath(folder) == home:
        return not there
    if script.calls is not None:
        return True
    # A script of somebody's own that names a system's Python does what its author meant.
    root = os.path.dirname(folder)
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
