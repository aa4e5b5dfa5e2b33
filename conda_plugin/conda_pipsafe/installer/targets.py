"""Which pip would run, and where would it install: asked of the disk and the variables, nothing is run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.targets import (
    CONF,
    REDIRECTING,
    distributions_in,
    on_disk,
    redirecting,
    settings_of,
    shadowing,
    user_site_folder,
)
from conda_pipsafe.audit.findings import Finding, sort_key
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.installer.pip_settings import config_files
from conda_pipsafe.prefix.paths import find_site_packages
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

_EXEC = lazy(r"""^'''exec' +"?([^"]+?)"? +"\$0" """)
_LIMIT = 1024 * 1024
_OWN = "To have an environment of your own: conda create -n myenv python pip"


@dataclass(frozen=True, slots=True)
class Program:
    """What a word typed at the prompt would run.

    Attributes:
        name: `pip` or `python`.
        path: The file that PATH leads to; None when there is none.
        python: The interpreter that it runs; None when the file does not say (a shim).
        prefix: The environment or installation of that interpreter.
    """

    name: str
    path: str | None
    python: str | None
    prefix: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """The answer.

    Attributes:
        active: Whether the environment is the active one.
        programs: What `pip` and `python` would run.
        folder: Where a plain `pip install` would install; None when nothing tells.
        why: What leads there, as a phrase.
        findings: What is wrong with that, and what leads away from the environment.
    """

    active: bool
    programs: tuple[Program, ...]
    folder: str | None
    why: str
    findings: tuple[Finding, ...]


def look(snapshot: Snapshot, environ: Mapping[str, str] | None = None) -> Target:
    """Answer for one environment.

    Args:
        snapshot: The environment.
        environ: The variables; `os.environ` when None.
    """
    environ = os.environ if environ is None else environ
    active = _same(environ.get("CONDA_PREFIX"), snapshot.prefix)
    programs = tuple(_program(name, environ.get("PATH", os.defpath)) for name in ("pip", "python"))
    settings = _settings(snapshot.prefix, environ)
    folder, why = _destination(snapshot, programs[0], settings, environ)
    findings = [
        *(_programs(snapshot, programs) if active else ()),
        *_environment(snapshot),
        *_python_path(snapshot, environ),
        *_redirected(snapshot, environ),
        *on_disk(snapshot, environ),
    ]
    return Target(active, programs, folder, why, tuple(sorted(findings, key=sort_key)))


def _program(name: str, path: str) -> Program:
    found = shutil.which(name, path=path)
    if found is None:
        return Program(name, None, None, None)
    python = found if name == "python" and not _is_script(found) else _interpreter(found)
    return Program(name, found, python, _prefix_of(python) if python else None)


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _interpreter(script: str) -> str | None:
    """The interpreter of a console script: its first line, or the second where the first could not hold the path."""
    if os.name == "nt":
        beside = os.path.join(os.path.dirname(os.path.dirname(script)), "python.exe")
        return beside if os.path.isfile(beside) else None
    try:
        with open(script, "rb") as file:
            first, _, rest = file.read(4096).partition(b"\n")
    except OSError:
        return None
    program = os.fsdecode(first.removeprefix(b"#!")).strip() if first.startswith(b"#!") else ""
    if os.path.basename(program.split(" ")[0]) == "sh":
        match = _EXEC.match(os.fsdecode(rest.partition(b"\n")[0]))
        program = match.group(1) if match else ""
    return program if os.path.basename(program).startswith(("python", "pypy")) else None


def _prefix_of(python: str) -> str:
    """The environment of an interpreter: a virtual or a conda one where it lies in one, else its installation."""
    above = os.path.dirname(python) if os.name == "nt" else os.path.dirname(os.path.dirname(python))
    if os.path.exists(os.path.join(above, "pyvenv.cfg")) or os.path.isdir(os.path.join(above, "conda-meta")):
        return above
    real = os.path.realpath(python)
    return os.path.dirname(real) if os.name == "nt" else os.path.dirname(os.path.dirname(real))


def _same(first: str | None, second: str) -> bool:
    return bool(first) and os.path.realpath(first or "") == os.path.realpath(second)


def _destination(
    snapshot: Snapshot, pip: Program, settings: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[str | None, str]:
    for option in ("target", "prefix", "root"):
        if settings.get(option):
            return settings[option], f"`{option}` is set"
    if pip.prefix is None:
        return None, "there is no pip on PATH" if pip.path is None else f"{pip.path} does not say which Python it runs"
    if _same(pip.prefix, snapshot.prefix):
        sites = [os.path.join(snapshot.prefix, site.path) for site in snapshot.sites if site.current]
        python = snapshot.python
    else:
        known = find_site_packages(pip.prefix, None, None)
        sites = [os.path.join(pip.prefix, site.path) for site in known]
        python = known[0].python if known else None
    home = user_site_folder(python, environ) if python else None
    if settings.get("user", "").lower() in {"1", "yes", "true", "on"}:
        return home, "`user` is set"
    if sites and not _writable(sites[0]):
        return home, f"{sites[0]} cannot be written, and pip falls back to your home"
    return (sites[0] if sites else pip.prefix), f"`pip` is {pip.path}"


def _writable(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def _settings(prefix: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that lead elsewhere, as pip merges them: variables over files."""
    found: dict[str, str] = {}
    for path in config_files(prefix, environ):
        found |= _file(path)
    found |= {option: environ[name] for option in REDIRECTING if environ.get(name := f"PIP_{option.upper()}")}
    return {option: value for option, value in found.items() if option in REDIRECTING}


def _file(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return settings_of(file.read(_LIMIT))
    except OSError:
        return {}


def _programs(snapshot: Snapshot, programs: tuple[Program, ...]) -> Iterator[Finding]:
    own = snapshot.distributions_named("pip")
    for program in programs:
        if program.path is None or _same(program.prefix, snapshot.prefix) or (program.name == "pip" and not own):
            continue  # without a pip of its own that is told (PS402)
        where = f"of {program.prefix}" if program.prefix else "of another Python"
        python = os.path.join(snapshot.prefix, "python.exe" if os.name == "nt" else "bin/python")
        yield make(
            "PS401",
            program.name,
            f"`{program.name}` runs {program.path} {where}, though {snapshot.prefix} is the active environment.",
            fixes=[f"Say `conda pipsafe install`, or `{fixes.quote(python)} -m pip` instead of `pip`."],
            facts={"name": program.name, "path": program.path, "prefix": program.prefix},
        )


def _environment(snapshot: Snapshot) -> Iterator[Finding]:
    prefix = snapshot.prefix
    python = any(snapshot.exists(path) for path in ("bin/python", "python.exe"))
    if python and not any(dist.site.current for dist in snapshot.distributions_named("pip")):
        yield make(
            "PS402",
            prefix,
            f"{prefix} has no pip: `pip` runs the next one on PATH, which installs elsewhere.",
            # Where its record is still there, conda believes that it has nothing to do.
            fixes=[
                fixes.conda(prefix, "install", *(["--force-reinstall"] if snapshot.record_named("pip") else []), "pip")
            ],
        )
    for site in snapshot.sites:
        if site.current and not _writable(os.path.join(prefix, site.path)):
            yield make(
                "PS406",
                prefix,
                f"{site.path} cannot be written by you: pip would install into your home folder and not say so.",
                paths=[site.path],
                fixes=[_OWN],
            )
    if snapshot.own_conda is not None:
        yield make(
            "PS407",
            prefix,
            f"{prefix} is the base environment, which conda itself runs in.",
            fixes=[_OWN, "To have no shell start in it: conda config --set auto_activate_base false"],
        )


def _python_path(snapshot: Snapshot, environ: Mapping[str, str]) -> Iterator[Finding]:
    for folder in dict.fromkeys(filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))):
        found = list(shadowing(snapshot, folder, "PS404", ("unset PYTHONPATH",)))
        yield from found
        others = distributions_in(folder)
        if others and not found:
            yield make(
                "PS404",
                folder,
                f"PYTHONPATH has {folder}, whose {listed(others)} every Python takes for installed.",
                severity="note",
                fixes=["unset PYTHONPATH"],
                facts={"folder": folder, "distributions": others},
            )


def _redirected(snapshot: Snapshot, environ: Mapping[str, str]) -> Iterator[Finding]:
    for option in REDIRECTING:
        name = f"PIP_{option.upper()}"
        yield from redirecting({option: environ.get(name, "")}, name)
    own = os.path.join(snapshot.prefix, CONF)
    for path in config_files(snapshot.prefix, environ):
        if path != own:
            yield from redirecting(_file(path), path)
