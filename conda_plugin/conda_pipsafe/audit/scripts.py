"""Commands in `bin`: which Python they start, and what of it they call.

conda and pip write the same kind of file for an entry point (PyPA "Entry points specification"), each in its own
words: the text differs, what it calls must not. Neither keeps a hash that would tell (conda none, pip one that conda's
rewriting makes wrong).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.paths import scripts_dir

_READ = 4096  # bytes of a command that are looked at
_CALL = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+(\w+)", re.MULTILINE)
_SHEBANG = re.compile(r"^#![ \t]*([^\s\0]+)")
# A path that is too long for a shebang, or has spaces: `#!/bin/sh`, then this line, which Python takes for a string.
_TRAMPOLINE = re.compile(r"""^'''exec' (?:"([^"\n\0]+)"|([^\s\0]+)) """, re.MULTILINE)
_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*t?$")
Target = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Script:
    """What a command's text says.

    Attributes:
        interpreter: Absolute path of the Python that it starts; None when the text names none.
        calls: Module and the first name of the object that it calls; None when it is not an entry point's script.
        executable: Whether anybody may run it.
    """

    interpreter: str | None
    calls: Target | None
    executable: bool = True


def read_script(prefix: str, path: str) -> Script | None:
    """Read the beginning of a command; None when it is no regular file or not text.

    A symbolic link is not followed: its text is that of another path, which has its own owner.
    """
    absolute = os.path.join(prefix, path)
    try:
        mode = os.lstat(absolute).st_mode
        if not stat.S_ISREG(mode):
            return None
        with open(absolute, "rb") as file:
            content = file.read(_READ)
    except (OSError, ValueError):
        return None
    # As the system reads it: the path of the Python may hold bytes that are no text.
    return replace(parse_script(os.fsdecode(content)), executable=may_run(mode)) if content.startswith(b"#!") else None


def may_run(mode: int) -> bool:
    """Whether a file's mode lets anybody run it; Windows has no such bits."""
    return os.name == "nt" or bool(mode & 0o111)


def parse_script(text: str) -> Script:
    """What the beginning of a command says."""
    found = _SHEBANG.match(text)
    interpreter = found.group(1) if found else None
    if interpreter and os.path.basename(interpreter) == "sh" and (inner := _TRAMPOLINE.search(text)):
        interpreter = inner.group(1) or inner.group(2)
    if interpreter and (not os.path.isabs(interpreter) or not _PYTHON.match(os.path.basename(interpreter))):
        interpreter = None
    call = _CALL.search(text) if "sys.exit(" in text else None
    return Script(interpreter, (call.group(1), call.group(2)) if call else None)


def command_paths(paths: tuple[str, ...]) -> list[str]:
    """Those of an owner's paths that are commands."""
    start = f"{scripts_dir()}/"
    return [path for path in paths if path.startswith(start)]


def declared(context: AuditContext, dist: Distribution) -> Mapping[str, Target]:
    """The commands that a distribution declares, by their prefix-relative path."""
    try:
        text = read_text(context.snapshot.prefix, f"{dist.path}/entry_points.txt")
    except UnreadableError:
        return {}
    return parse_targets(text)


def parse_targets(text: str) -> Mapping[str, Target]:
    """The commands in the text of an `entry_points.txt`, by their prefix-relative path."""
    return {f"{scripts_dir()}/{name}": target for name, target in _parse(text).items()}


def declared_by_record(context: AuditContext, record: Record) -> Mapping[str, Target]:
    """The commands that the distributions of a conda package declare."""
    found: dict[str, Target] = {}
    for dist in context.current:
        if context.snapshot.record_of(dist) is record:
            found.update(declared(context, dist))
    return found


@lru_cache(maxsize=1024)
def _parse(text: str) -> Mapping[str, Target]:
    found: dict[str, Target] = {}
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section in {"console_scripts", "gui_scripts"} and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            module, _, attribute = value.partition("[")[0].partition(":")
            found[name.strip()] = (module.strip(), attribute.strip().partition(".")[0])
    return found
