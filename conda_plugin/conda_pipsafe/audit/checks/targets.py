"""PS403, PS405, PS408, PS409: what on the disk leads pip or Python away from the environment."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.prefix.files import UnreadableError, read_json, read_text
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot

CONF = "pip.ini" if os.name == "nt" else "pip.conf"
REDIRECTING = ("user", "target", "prefix", "root", "python")
_KERNELS = "share/jupyter/kernels"
_LIMIT = 1024 * 1024
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?(?:\.exe)?", re.IGNORECASE)


def check(context: AuditContext) -> Iterator[Finding]:
    """Look at the home folder and at the environment's own files."""
    yield from on_disk(context.snapshot, os.environ)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("targets", check)]


def on_disk(snapshot: Snapshot, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that the disk tells."""
    yield from user_site(snapshot, environ)
    yield from kernels(snapshot, environ)
    yield from own_settings(snapshot)


def user_site_folder(python: str, environ: Mapping[str, str]) -> str:
    """Where a Python (`3.12`) has the user's packages (docs.python.org, `site`)."""
    base = environ.get("PYTHONUSERBASE")
    if os.name == "nt":
        base = base or os.path.join(environ.get("APPDATA") or os.path.expanduser("~"), "Python")
        return os.path.join(base, f"Python{python.replace('.', '')}", "site-packages")
    base = base or os.path.join(os.path.expanduser("~"), ".local")
    return os.path.join(base, "lib", f"python{python}", "site-packages")


def user_site(snapshot: Snapshot, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Distributions in the user's site-packages that the environment has too."""
    if snapshot.python is None or environ.get("PYTHONNOUSERSITE") or _is_off(snapshot.prefix):
        return
    folder = user_site_folder(snapshot.python, environ)
    off = f"conda env config vars set -p {fixes.quote(snapshot.prefix)} PYTHONNOUSERSITE=1"
    ways = (f"To leave them out, from the next activation on: {off}", "Or uninstall them from the home folder.")
    yield from shadowing(snapshot, folder, "PS403", ways)


def shadowing(snapshot: Snapshot, folder: str, code: str, ways: tuple[str, ...]) -> Iterator[Finding]:
    """The finding that a folder hides distributions of the environment, if it does; a note where versions agree."""
    there = distributions_in(folder)
    own = {dist.key: dist.version for dist in snapshot.distributions if dist.site.current and dist.has_metadata}
    shared = sorted(there.keys() & own.keys())
    if not shared:
        return
    differing = [key for key in shared if there[key] != own[key]]
    named = listed(f"{key} {there[key]} (the environment has {own[key]})" for key in differing or shared)
    yield make(
        code,
        folder,
        f"{folder} comes before the environment: what is imported is its {named}.",
        severity=None if differing else "note",
        fixes=ways,
        facts={"folder": folder, "shadowed": {key: {"there": there[key], "environment": own[key]} for key in shared}},
    )


def distributions_in(folder: str) -> dict[str, str]:
    """The distributions of a folder, canonical name to version, by the names of their metadata alone."""
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    found = {}
    for name in sorted(names):
        stem, dot, kind = name.rpartition(".")
        if dot and kind in {"dist-info", "egg-info"} and not name.startswith("~"):
            project, _, rest = stem.partition("-")
            found[canonical_name(project)] = rest.split("-", 1)[0]
    return found


def _is_off(prefix: str) -> bool:
    """Whether activation switches the user's packages off."""
    try:
        state = read_json(prefix, "conda-meta/state", _LIMIT)
    except UnreadableError:
        return False
    variables = state.get("env_vars") if isinstance(state, dict) else None
    return isinstance(variables, dict) and bool(variables.get("PYTHONNOUSERSITE"))


def own_settings(snapshot: Snapshot) -> Iterator[Finding]:
    """The environment's own pip.conf: what leads elsewhere, and a constraints file that is not there."""
    path = os.path.join(snapshot.prefix, CONF)
    try:
        text = read_text(snapshot.prefix, CONF, _LIMIT)
    except UnreadableError:
        return
    settings = settings_of(text)
    yield from redirecting(settings, path)
    for word in settings.get("constraint", "").split():
        named = word.removeprefix("file://")
        if "%" not in named and os.path.isabs(named) and not os.path.exists(named):
            guard = "conda-meta/pipsafe/" in named.replace("\\", "/")
            prefix = fixes.quote(snapshot.prefix)
            ways = [
                f"To have the guard right again: conda pipsafe guard on -p {prefix}",
                f"To be without it: conda pipsafe guard off -p {prefix}",
            ]
            yield make(
                "PS409",
                path,
                f"{path} names {word} as a constraint, which is not there: every `pip install` fails.",
                paths=[CONF],
                fixes=ways if guard else [f"Take it out of {path}."],
                facts={"file": path, "constraint": word},
            )


def settings_of(text: str) -> dict[str, str]:
    """The settings of a pip configuration file that count for `pip install`; none where pip cannot read it."""
    import configparser

    parser = configparser.RawConfigParser()
    found: dict[str, str] = {}
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {name.removeprefix("--").replace("_", "-"): value for name, value in parser.items(section)}
    return found


def redirecting(settings: Mapping[str, str], where: str) -> Iterator[Finding]:
    """A finding for each setting that leads installs elsewhere."""
    for option in REDIRECTING:
        value = settings.get(option, "")
        if value and value.lower() not in {"0", "no", "false", "off"}:
            way_out = f"unset {where}" if where == f"PIP_{option.upper()}" else f"Remove `{option}` from {where}."
            yield make(
                "PS405",
                where,
                f"{where} sets {option} = {value}: `pip install` puts packages elsewhere, and says nothing.",
                fixes=[way_out, "`conda pipsafe install` leaves it aside."],
                facts={"where": where, "option": option, "value": value},
            )


def kernels(snapshot: Snapshot, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Kernels of the environment, and those of the user that hide them, whose Python is another one."""
    own = os.path.join(snapshot.prefix, *_KERNELS.split("/"))
    names = _folders(own)
    for name in names:
        yield from _kernel(snapshot, os.path.join(own, name), hides=False)
    user = user_kernels(environ)
    for name in names if user != own else ():
        # Jupyter looks into the user's folder before the environment's.
        yield from _kernel(snapshot, os.path.join(user, name), hides=True)


def _kernel(snapshot: Snapshot, folder: str, *, hides: bool) -> Iterator[Finding]:
    path = os.path.join(folder, "kernel.json")
    spec = _json(path)
    argv = spec.get("argv") if isinstance(spec, dict) else None
    program = argv[0] if isinstance(argv, list) and argv and isinstance(argv[0], str) else ""
    # Jupyter runs a bare `python` as its own.
    if not os.path.isabs(program) or not _PYTHON.fullmatch(os.path.basename(program)):
        return
    prefix = os.path.realpath(snapshot.prefix)
    real = os.path.join(os.path.realpath(os.path.dirname(program)), os.path.basename(program))
    if real.startswith(prefix + os.sep) and os.path.exists(program):
        return
    gone = "" if os.path.exists(program) else ", which is not there"
    name = os.path.basename(folder)
    before = "; it comes before the environment's kernel of that name" if hides else ""
    python = os.path.join(snapshot.prefix, "python.exe" if os.name == "nt" else "bin/python")
    remove = "rmdir /s /q" if os.name == "nt" else "rm -r"
    again = f"{fixes.quote(python)} -m ipykernel install --prefix {fixes.quote(snapshot.prefix)} --name {name}"
    yield make(
        "PS408",
        name,
        f"The notebook kernel {name} ({path}) runs {program}{gone}{before}.",
        paths=[] if hides else [f"{_KERNELS}/{name}/kernel.json"],
        fixes=[f"To be without it: {remove} {fixes.quote(folder)}" if hides else again],
        facts={"kernel": name, "file": path, "python": program, "exists": not gone, "hides": hides},
    )


def user_kernels(environ: Mapping[str, str]) -> str:
    """Jupyter's folder of the user (docs.jupyter.org, "Common Directories and File Locations")."""
    home = os.path.expanduser("~")
    if environ.get("JUPYTER_DATA_DIR"):
        folder = environ["JUPYTER_DATA_DIR"]
    elif os.name == "nt":
        folder = os.path.join(environ.get("APPDATA") or home, "jupyter")
    elif sys.platform == "darwin":
        folder = os.path.join(home, "Library", "Jupyter")
    else:
        folder = os.path.join(environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "jupyter")
    return os.path.join(folder, "kernels")


def _folders(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _json(path: str) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        with open(path, "rb") as file:
            return json.loads(file.read(_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
