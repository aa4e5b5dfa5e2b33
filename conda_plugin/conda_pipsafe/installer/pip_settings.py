"""pip's own settings: keep where packages come from, drop what leads an install elsewhere.

pip ignores an empty variable, so `PIP_TARGET=` does not undo a `target =` of pip.conf; and an empty `--target ''` or
`--prefix ''` still counts as given: pip then does not look for the EXTERNALLY-MANAGED marker. What works (tried with
pip 23.0, 24.2 and 26.3): where a configuration file has such a setting, tell pip to read no file (`PIP_CONFIG_FILE` =
the null device) and give it the other settings as variables, which the pip of an isolated build inherits.
https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.patterns import lazy

# Where an install goes, whether it is one, and what conda's distributions are guarded by.
_DROPPED = frozenset(
    {"user", "target", "prefix", "root", "python", "dry-run", "report", "ignore-installed", "force-reinstall"}
)
PYTHON_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
_SETTING = lazy(r"^[ \t]*([A-Za-z_-]+)[ \t]*[=:]", re.MULTILINE)
_LISTED = lazy(r"^(global|install)\.([^=]+)=(.*)$")


def clean_environment(prefix: str, python: str, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables that pip runs with.

    Args:
        prefix: Absolute path of the environment.
        python: Its interpreter.
        environ: The user's variables.

    Returns:
        The variables, and what was dropped, as a person would name it (`PIP_TARGET`, `target in /etc/pip.conf`).
    """
    variables = dict(environ)
    dropped: list[str] = []
    for name in environ:
        if name in PYTHON_VARIABLES:
            del variables[name]
        elif name.upper().startswith("PIP_") and _option(name[4:]) in _DROPPED:
            del variables[name]
            dropped.append(name)
    variables["PYTHONNOUSERSITE"] = "1"
    # A conda environment is what the setting asks for, but pip takes only venvs for virtual.
    variables["PIP_REQUIRE_VIRTUALENV"] = "0"
    in_files = [f"{option} in {path}" for path in config_files(prefix, variables) for option in _dropped_options(path)]
    if in_files:
        listed = _ask_pip(python, variables)
        for option, value in listed.items():
            name = "PIP_" + option.upper().replace("-", "_")
            if option not in _DROPPED and not variables.get(name):
                variables[name] = value
        variables["PIP_CONFIG_FILE"] = os.devnull
    return variables, tuple(sorted(dropped) + in_files)


def config_files(prefix: str, environ: Mapping[str, str]) -> list[str]:
    """Every configuration file that the environment's pip may read; not all of them need exist."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = os.path.expanduser("~")
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    if os.name == "nt":
        folders = [environ.get("PROGRAMDATA", r"C:\ProgramData"), environ.get("APPDATA", home)]
        files = [os.path.join(folder, "pip", name) for folder in folders] + [os.path.join(home, "pip", name)]
    else:
        machine = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        folders = [*machine.split(os.pathsep), environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")]
        if sys.platform == "darwin":
            folders += [
                "/Library/Application Support",
                os.path.join(home, "Library/Application Support"),
            ]
        files = [os.path.join(folder, "pip", name) for folder in folders]
        files += ["/etc/pip.conf", os.path.join(home, ".pip", name)]
    files.append(os.path.join(prefix, name))
    return list(dict.fromkeys([*files, *([chosen] if chosen else [])]))


def _dropped_options(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(1024 * 1024)
    except OSError:
        return []
    return sorted({_option(name) for name in _SETTING.findall(text)} & _DROPPED)


def _option(name: str) -> str:
    return name.lower().replace("_", "-")


def _ask_pip(python: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The settings of all files as pip merges them: `[install]` over `[global]`, user over machine."""
    command = [python, "-I", "-m", "pip", "config", "list"]
    try:
        done = subprocess.run(command, env=dict(variables), capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        # Going on without them would ask PyPI for what a private index should give.
        raise PipsafeError(
            "pip's settings cannot be read (`pip config list` failed), and one of them would install elsewhere",
            hint="remove `target`, `prefix`, `root` and `user` from pip's configuration files",
        ) from error
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in done.stdout.splitlines():
        match = _LISTED.match(line)
        if match:
            section, option, literal = match.groups()
            sections[section][_option(option)] = str(ast.literal_eval(literal))
    return {**sections["global"], **sections["install"]}
