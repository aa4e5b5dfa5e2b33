"""The table in docs/guard.md is what raw pip and uv do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import CHECKOUT, MakeEnv
from support.guard_matrix import BEGIN, END, as_markdown, matrix
from support.projects import project

DOC = CHECKOUT / "docs" / "guard.md"


@pytest.mark.slow
def test_the_matrix_in_the_docs_is_what_happens(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("piponly\neta\n")
    (tmp_path / "empty.txt").write_text("")
    places = {
        "wheels": str(wheelhouse),
        "requirements": str(tmp_path / "requirements.txt"),
        "empty": str(tmp_path / "empty.txt"),
        "project": str(project(tmp_path / "proj")),
        "elsewhere": str(tmp_path / "elsewhere"),
        "cache": str(tmp_path / "uv-cache"),
    }
    rows = matrix(lambda name: make_env("python", "pip", "alpha=1.0", "gamma", name=name), places)
    assert "BROKEN" not in {after for _, _, after in rows}
    table = as_markdown(rows)
    text = DOC.read_text(encoding="utf-8")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    if os.environ.get("PIPSAFE_WRITE_DOCS"):
        DOC.write_text(text[:start] + table + text[end:], encoding="utf-8")
        return
    assert text[start:end] == table
