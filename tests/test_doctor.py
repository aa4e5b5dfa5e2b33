"""The audit as a health check of `conda doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.hooks.doctor import check
from support.prefixes import SITE, PrefixFactory
from support.running import Conda, pip

if TYPE_CHECKING:
    from conftest import MakeEnv


def test_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.record("odd", depends=["lib[x=1]"])  # a note is nothing wrong
    check(str(make.root), verbose=False)
    assert capsys.readouterr().out == "\u2705 conda and pip did each other no harm.\n\n"


def test_something_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.write(f"{SITE}/~ip\x1b/x.py")
    check(str(make.root), verbose=False)
    out = capsys.readouterr().out
    assert out.startswith("\u274c conda and pip: 1 finding:\n\n  PS505 ")
    assert f"conda pipsafe audit -p {make.root}" in out
    assert "\x1b" not in out
    check(str(make.root), verbose=True)
    assert "-> rm -r" in capsys.readouterr().out


def test_not_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(str(tmp_path / "nowhere"), verbose=False)
    assert capsys.readouterr().out == f"\u274c conda and pip: {tmp_path}/nowhere is not a folder.\n\n"


def test_conda_doctor(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    assert "conda and pip did each other no harm" in conda.run("doctor", "-p", prefix).ok().stdout
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    done = conda.run("doctor", "-p", prefix)
    assert "PS101 pip replaced conda's alpha 1.0 with 2.0." in done.stdout
    assert "conda-pipsafe-audit" in conda.run("doctor", "--list").stdout
