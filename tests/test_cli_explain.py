"""`pipsafe explain`, and the page that is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conda_pipsafe.audit import catalogue
from conda_pipsafe.cli.app import main
from conda_pipsafe.render.pages import catalogue_markdown


@pytest.mark.parametrize("word", ["PS101", "ps101", "replaced-conda-package"])
def test_one_page(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main(["explain", word]) == 0
    out = capsys.readouterr().out
    assert out.startswith("PS101 replaced-conda-package (error)\n")
    assert "How to get out" in out


def test_list_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(catalogue.ENTRIES)


@pytest.mark.parametrize(("word", "hint"), [("PS1o1", "PS101"), ("zzzz", "lists all codes")])
def test_unknown(capsys: pytest.CaptureFixture[str], word: str, hint: str) -> None:
    assert main(["explain", word]) == 2
    assert hint in capsys.readouterr().err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "PS201", "PS202"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [code["code"] for code in value["codes"]] == ["PS201", "PS202"]
    assert main(["explain", "--json", "--all", "--markdown"]) == 0
    assert len(json.loads(capsys.readouterr().out)["codes"]) == len(catalogue.ENTRIES)


def test_page_in_the_docs_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).resolve().parent.parent / "docs/codes.md"
    assert main(["explain", "--all", "--markdown"]) == 0
    assert capsys.readouterr().out == page.read_text(encoding="utf-8"), "run: pipsafe explain --all --markdown"


def test_page_has_every_code_once() -> None:
    text = catalogue_markdown(catalogue.ENTRIES)
    assert [text.count(f"### {entry.code} ") for entry in catalogue.ENTRIES] == [1] * len(catalogue.ENTRIES)
