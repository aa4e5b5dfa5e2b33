"""UV_CONSTRAINT among an environment's variables (`conda-meta/state`), which conda sets when it activates it.

conda keeps them as JSON below `env_vars` (`conda env config vars`). The text is changed where it must be and nowhere
else, so that taking the variable out gives the file as it was.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.patterns import lazy

STATE = "conda-meta/state"
UV_CONSTRAINTS = "conda-meta/pipsafe/uv-constraints.txt"
NAME = "UV_CONSTRAINT"
_OURS = lazy(r"\S*conda-meta[/\\]pipsafe[/\\]uv-constraints\.txt")

# What was there before the variable was added: no file, a file without variables, or one with.
Before = Literal["nothing", "no-variables", "variables"]


def variable(text: str | None) -> str | None:
    """The guard's file that the environment's UV_CONSTRAINT names; None when it names none.

    Raises:
        PipsafeError: When the file is not what conda writes.
    """
    found = _OURS.search(_variables(_parse(text)).get(NAME, ""))
    return found.group() if found else None


def before(text: str | None) -> Before:
    """What is there before the variable is added."""
    if text is None:
        return "nothing"
    return "variables" if "env_vars" in _parse(text) else "no-variables"


def with_variable(text: str | None, reference: str) -> str:
    """The file with the constraints file in UV_CONSTRAINT, behind what stands there already.

    Args:
        text: The file; None when there is none.
        reference: The constraints file, as uv takes it.

    Raises:
        PipsafeError: When the file is not what conda writes.
    """
    state = _parse(text)
    variables = _variables(state)
    current = variables.get(NAME)
    others = [word for word in (current or "").split() if not _OURS.fullmatch(word)]
    wanted = copy.deepcopy(state)
    wanted["env_vars"] = {**variables, NAME: " ".join([*others, reference])}
    if wanted == state and text is not None:
        return text
    value = wanted["env_vars"][NAME]
    if current is not None:
        return _changed(text or "", wanted, _exchanges(current, value))
    return _changed(text or "", wanted, _additions(state, _pair(value)))


def without_variable(text: str, was: Before | None) -> str | None:
    """The file without what the guard added.

    Args:
        text: The file.
        was: What was there before; None when nobody knows.

    Returns:
        The text; None when the file was not there before and holds nothing else.

    Raises:
        PipsafeError: When the file is not what conda writes.
    """
    state = _parse(text)
    variables = _variables(state)
    current = variables.get(NAME)
    if current is None or not _OURS.search(current):
        return text
    others = " ".join(word for word in current.split() if not _OURS.fullmatch(word))
    wanted = copy.deepcopy(state)
    if others:
        wanted["env_vars"][NAME] = others
        return _changed(text, wanted, _exchanges(current, others))
    del wanted["env_vars"][NAME]
    if not wanted["env_vars"] and was in {"nothing", "no-variables"}:
        del wanted["env_vars"]
        if was == "nothing" and not wanted:
            return None
        return _changed(text, wanted, _removals('"env_vars": {' + _pair(current) + "}"))
    return _changed(text, wanted, _removals(_pair(current)))


_Attempt = Callable[[str], Iterator[str]]


def _changed(text: str, wanted: dict[str, Any], attempt: _Attempt) -> str:
    """The first attempt that means what is wanted; else as conda itself would write it."""
    for candidate in attempt(text):
        try:
            if json.loads(candidate) == wanted:
                return candidate
        except ValueError:
            continue
    return json.dumps(wanted, ensure_ascii=False)


def _pair(value: str) -> str:
    return f'"{NAME}": {json.dumps(value, ensure_ascii=False)}'


def _exchanges(current: str, value: str) -> _Attempt:
    def attempt(text: str) -> Iterator[str]:
        for escaped in (False, True):
            old, new = (json.dumps(item, ensure_ascii=escaped) for item in (current, value))
            for match in re.finditer(re.escape(old), text):
                yield f"{text[: match.start()]}{new}{text[match.end() :]}"

    return attempt


def _additions(state: dict[str, Any], pair: str) -> _Attempt:
    def attempt(text: str) -> Iterator[str]:
        if "env_vars" in state:
            comma = ", " if state["env_vars"] else ""
            for match in re.finditer(r'"env_vars"\s*:\s*\{', text):
                yield f"{text[: match.end()]}{pair}{comma}{text[match.end() :]}"
        else:
            start = text.find("{") + 1
            yield f'{text[:start]}"env_vars": {{{pair}}}{", " if state else ""}{text[start:]}'

    return attempt


def _removals(added: str) -> _Attempt:
    def attempt(text: str) -> Iterator[str]:
        for piece in (f"{added}, ", added, f", {added}"):
            for match in re.finditer(re.escape(piece), text):
                yield f"{text[: match.start()]}{text[match.end() :]}"

    return attempt


def _parse(text: str | None) -> dict[str, Any]:
    try:
        state = json.loads(text) if text is not None else {}
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, dict) or not _is_variables(state.get("env_vars", {})):
        raise PipsafeError(
            f"{STATE} is not what conda writes there, so the environment's variables cannot be changed",
            hint="`conda env config vars list` shows what conda makes of it",
        )
    return state


def _is_variables(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _variables(state: dict[str, Any]) -> dict[str, str]:
    return dict(state.get("env_vars", {}))
