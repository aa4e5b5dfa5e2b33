"""A project's own settings: `[tool.conda-pipsafe]` of its `pyproject.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, cast

from conda_pipsafe.audit.findings import SEVERITIES, Severity
from conda_pipsafe.errors import Exit, PipsafeError

FILE = "pyproject.toml"
TABLE = "conda-pipsafe"
_KEYS = ("select", "ignore", "fail-on", "baseline")


class Configuration(NamedTuple):
    """What a project asks for; the command line wins.

    Attributes:
        path: The file that says so, or None.
        baseline: Absolute path.
        note: A sentence for people where there is a table that could not be read.
    """

    path: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = None
    baseline: str | None = None
    note: str | None = None


def find_configuration(folder: str) -> Configuration:
    """The settings of the nearest `pyproject.toml` in a folder or above it that has our table.

    Raises:
        PipsafeError: When that file is not TOML, or the table has a key or value that is not understood.
    """
    folder = os.path.abspath(folder)
    while True:
        path = os.path.join(folder, FILE)
        text = _text(path)
        # Every pyproject.toml above has not to be valid: only those that name us are parsed.
        if text is not None and TABLE in text:
            found = _parse(path, text)
            if found is not None:
                return found
        parent = os.path.dirname(folder)
        if parent == folder:
            return Configuration()
        folder = parent


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _parse(path: str, text: str) -> Configuration | None:
    toml = _toml()
    if toml is None:
        # tomllib came with Python 3.11; a plugin does not bring a parser of its own for older ones.
        note = f"[tool.{TABLE}] of {path} is not read: Python 3.10 has no TOML parser; `pip install tomli` adds one"
        return Configuration(note=note) if f"tool.{TABLE}" in text else None
    try:
        data = toml.loads(text)
    except ValueError as error:
        raise PipsafeError(f"{path} is not TOML: {error}") from error
    table = data.get("tool", {}).get(TABLE) if isinstance(data.get("tool"), dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise _wrong(path, "is not a table", "")
    return _configuration(path, table)


def _toml() -> Any | None:  # noqa: ANN401 - one of two modules
    for name in ("tomllib", "tomli"):
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    return None


def _configuration(path: str, table: Mapping[str, Any]) -> Configuration:
    for key in table:
        if key not in _KEYS:
            raise _wrong(path, f"has no key {key!r}", f"known are: {', '.join(_KEYS)}")
    fail_on = table.get("fail-on")
    if fail_on is not None and fail_on not in SEVERITIES:
        raise _wrong(path, f"has fail-on = {fail_on!r}", f"it is one of: {', '.join(SEVERITIES)}")
    baseline = table.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise _wrong(path, "has a baseline that is not a path", "")
    return Configuration(
        path,
        _codes(path, table, "select"),
        _codes(path, table, "ignore"),
        cast("Severity | None", fail_on),
        os.path.join(os.path.dirname(path), baseline) if baseline else None,
    )


def _codes(path: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(path, f"has {key} = {value!r}", 'it is a list of codes: ["PS104", "PS5"]')
    return tuple(value)


def _wrong(path: str, what: str, hint: str) -> PipsafeError:
    return PipsafeError(f"[tool.{TABLE}] of {path} {what}", hint=hint or None, exit_code=Exit.USAGE)
