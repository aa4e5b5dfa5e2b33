"""The guard's edits of pip.conf and of conda's state file: what they mean, and that they undo themselves exactly."""

from __future__ import annotations

import configparser
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.guard_conf import constraint_words, guarded, reference, with_guard, without_guard
from conda_pipsafe.installer.guard_variables import before, variable, with_variable, without_variable

PLAIN = "/e/conda-meta/pipsafe/constraints.txt"
BLANK = "/e n/x=1/conda-meta/pipsafe/constraints.txt"
UV = "/e/conda-meta/pipsafe/uv-constraints.txt"
HEADERS = ("[install]", "[global]", "[list]", "  [install]")
OPTIONS = (
    "constraint = a.txt", "constraint=", "Constraint: b.txt c.txt", "constraint =\n    d.txt",
    "constraint = a\n  e.txt",     "# a comment", "; another", "", "   ",
    "index-url = https://u:p@h/", "extra-index-url =\n\thttps://h",
    "no_build = 1", "x=1", "é = \u00a0é", "    deep = 1",
)  # fmt: skip
SECTION = st.tuples(st.sampled_from(HEADERS), st.lists(st.sampled_from(OPTIONS), max_size=4, unique=True))
Parsed = dict[str, dict[str, str]]


def parsed(data: bytes) -> Parsed:
    parser = configparser.RawConfigParser()
    parser.read_string(data.decode().replace("\r\n", "\n"))
    return {section: dict(parser.items(section)) for section in parser.sections()}


def counts(found: Parsed) -> list[str]:
    """The constraints that pip takes: `[install]` in place of `[global]`."""
    return found.get("install", {}).get("constraint", found.get("global", {}).get("constraint", "")).split()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(SECTION, max_size=3, unique_by=lambda item: item[0].strip()),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([PLAIN, BLANK]),
)
def test_it_adds_one_constraint_and_undoes_it(
    sections: list[tuple[str, list[str]]], newline: str, ends: bool, path: str
) -> None:
    text = "\n".join(line for header, options in sections for line in (header, *options))
    data = (text.replace("\n", newline) + (newline if ends else "")).encode()
    try:
        was = parsed(data)
    except configparser.Error:
        assume(False)
    added = with_guard(data, path)
    now = parsed(added)
    assert guarded(data) is None
    assert guarded(added) == reference(path)
    assert counts(now) == [*counts(was), reference(path)] == constraint_words(added)
    for section, options in was.items():
        for name, value in options.items():
            assert name == "constraint" or now[section][name].split() == value.split()
    assert with_guard(added, path) == added
    assert guarded(with_guard(added, PLAIN)) == PLAIN
    assert without_guard(added) == data


def test_a_file_of_its_own_goes_again() -> None:
    made = with_guard(None, PLAIN)
    assert parsed(made) == {"install": {"constraint": PLAIN}}
    assert without_guard(made) is None
    assert without_guard(made + b"x = 1\n") == b"[install]\nx = 1\n"
    assert without_guard(b"[global]\nx = 1\n") == b"[global]\nx = 1\n"


@pytest.mark.parametrize(
    ("edited", "left"),
    [
        (f"[install]\nconstraint = a {PLAIN} b\n", "[install]\nconstraint = a b\n"),
        (f"[install]\nconstraint = {PLAIN} b\n", "[install]\nconstraint = b\n"),
        (f"[install]\nconstraint = a {PLAIN}\n", "[install]\nconstraint = a\n"),
        (f"[install]\nconstraint = {PLAIN}\n  b\n", "[install]\nconstraint =\n  b\n"),
        (f"[install]\nconstraint={PLAIN}\nx = 1\n", "[install]\nx = 1\n"),
        (f"# {PLAIN}\n[install]\nx = {PLAIN}\n", f"# {PLAIN}\n[install]\nx = {PLAIN}\n"),
    ],
)
def test_what_a_person_moved_around_comes_out_too(edited: str, left: str) -> None:
    assert without_guard(edited.encode()) == left.encode()


def test_what_pip_cannot_read_is_not_touched() -> None:
    with pytest.raises(PipsafeError, match=r"cannot be read \(line 1\): MissingSectionHeaderError"):
        with_guard(b"x = 1\n", PLAIN)


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=2))
STATES = st.dictionaries(st.sampled_from(["version", "é", "a"]), JSON, max_size=2)
VARIABLES = st.dictionaries(st.sampled_from(["A", "B", "UV_CONSTRAINT"]), st.sampled_from(["", "x", "é.txt", "a b"]))


@settings(max_examples=200, deadline=None)
@given(STATES, st.none() | VARIABLES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_the_variable_is_added_and_taken_out(
    state: dict[str, Any], variables: dict[str, str] | None, indent: int | str | None, ascii_only: bool
) -> None:
    whole = state if variables is None else {**state, "env_vars": variables}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    added = with_variable(text, UV)
    found = json.loads(added)["env_vars"]
    others = (variables or {}).get("UV_CONSTRAINT", "").split()
    assert found.pop("UV_CONSTRAINT").split() == [*others, UV]
    assert found == {name: value for name, value in (variables or {}).items() if name != "UV_CONSTRAINT"}
    assert (variable(text), variable(added)) == (None, UV)
    assert with_variable(added, UV) == added
    undone = without_variable(added, before(text))
    if others or "UV_CONSTRAINT" not in (variables or {}):
        assert undone == text
    assert with_variable(with_variable(text, f"/old{UV}"), UV) == added


def test_the_variable_alone() -> None:
    assert (before(None), before("{}"), before('{"env_vars": {}}')) == ("nothing", "no-variables", "variables")
    made = with_variable(None, UV)
    assert without_variable(made, "nothing") is None
    assert without_variable(made, None) == '{"env_vars": {}}'
    assert without_variable('{"env_vars": {"A": "1"}}', "nothing") == '{"env_vars": {"A": "1"}}'


@pytest.mark.parametrize("text", ["", "[]", '{"env_vars": []}', '{"env_vars": {"A": 1}}'])
def test_a_state_file_that_is_none(text: str) -> None:
    with pytest.raises(PipsafeError, match="is not what conda writes"):
        with_variable(text, UV)
