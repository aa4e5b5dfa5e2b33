"""Every code of the catalogue has its tests: on damage, by real tools wherever they can make it, and a harmless twin.

The tests say so themselves, by the marks `damage(*codes, by_hand=None)` and `twin(*codes)`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from conda_pipsafe.audit import catalogue
from support.damages import DAMAGES

HERE = Path(__file__).parent


class Marks:
    """What the marks of all test files say: code to the tests that have it."""

    def __init__(self) -> None:
        self.damage: dict[str, list[str]] = defaultdict(list)
        self.by_hand: dict[str, list[str]] = defaultdict(list)
        self.twin: dict[str, list[str]] = defaultdict(list)
        for file in sorted(HERE.glob("test_*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    for mark in node.decorator_list:
                        self._note(mark, f"{file.name}::{node.name}")

    def _note(self, mark: ast.expr, test: str) -> None:
        if not (isinstance(mark, ast.Call) and ast.unparse(mark.func) in {"pytest.mark.damage", "pytest.mark.twin"}):
            return
        reasons = [ast.literal_eval(word.value) for word in mark.keywords]
        assert all(isinstance(reason, str) and reason for reason in reasons), f"{test}: why by hand?"
        kind = "twin" if ast.unparse(mark.func).endswith("twin") else "by_hand" if reasons else "damage"
        for code in mark.args:
            getattr(self, kind)[ast.literal_eval(code)].append(test)


MARKS = Marks()
CODES = sorted(entry.code for entry in catalogue.ENTRIES)
# No tool makes these: they are about the audit itself, or about a disk that fails.
HAND_ONLY = {"PS902"}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_two_tests_on_damage_and_a_twin(code: str) -> None:
    real, hand = MARKS.damage[code], MARKS.by_hand[code]
    assert len(set(real + hand)) >= 2, f"{code}: {real + hand}"
    assert real or code in HAND_ONLY, f"{code} has none by real tools"
    assert MARKS.twin[code], f"{code} has no twin"


def test_marks_name_codes_that_there_are() -> None:
    assert {*MARKS.damage, *MARKS.by_hand, *MARKS.twin} <= set(CODES)


def test_the_damage_matrix_has_rows_of_every_group_and_is_as_the_script_made_it() -> None:
    assert {damage.group for damage in DAMAGES} == set("-ABCDEFGH")
    page = (HERE.parent / "docs/damage-matrix.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[:3] for line in page.splitlines() if line.startswith("| ")][1:]
    assert [(group[2:], title) for group, title, _ in rows] == [(damage.group, damage.title) for damage in DAMAGES]
    silent = [title for group, title, ours in rows if ours == "silent" and group != "| -"]
    assert silent == ["PYTHONPATH hides conda's package"]  # the shell's, not the environment's: `status` tells it
