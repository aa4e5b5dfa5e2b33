"""The audit as a health check of `conda doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.hooks.doctor import check, fix
from support.driving import Driver
from support.prefixes import SITE, PrefixFactory
from support.running import pip

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
    check("no\0path", verbose=False)
    assert capsys.readouterr().out.startswith("\u274c conda and pip: the audit failed (ValueError")


class NoError(Exception):
    """The user's answer."""


def refuse(_question: str) -> None:
    raise NoError


def agree(question: str) -> None:
    assert question == "Remove these folders?"


def test_nothing_to_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    assert fix(str(make.root), refuse) == 0
    assert "nothing to mend" in capsys.readouterr().out
    assert fix(str(tmp_path / "nowhere"), refuse) == 1
    assert "is not a folder" in capsys.readouterr().out


def test_only_what_nobody_can_miss_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    for name in ("left", "mixed"):
        make.write(f"{SITE}/{name}/__pycache__/__init__.cpython-312.pyc")
        make.write(f"{SITE}/{name}/inner/__pycache__/a.cpython-312.pyc")
    make.write(f"{SITE}/mixed/data.txt", "somebody's own")
    make.write(f"{SITE}/~ip/x.py")
    before = sorted(make.root.rglob("*"))
    with pytest.raises(NoError):
        fix(str(make.root), refuse)
    assert [path for path in sorted(make.root.rglob("*")) if "pipsafe" not in path.parts] == before
    out = capsys.readouterr().out
    assert out.index("PS505") < out.index("Nothing is left in these folders")
    assert out.partition("empty packages:\n")[2] == f"  {SITE}/left\n"
    assert f"-> rm -r {make.root}/{SITE}/mixed" in out
    assert fix(str(make.root), agree) == 1
    assert not (make.root / SITE / "left").exists()
    assert (make.root / SITE / "mixed/__pycache__/__init__.cpython-312.pyc").exists()
    assert (make.root / SITE / "~ip/x.py").exists()


def test_what_comes_while_the_user_thinks_stays(tmp_path: Path) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.write(f"{SITE}/left/__pycache__/__init__.cpython-312.pyc")

    def think(_question: str) -> None:
        make.write(f"{SITE}/left/new.py")
        make.write(f"{SITE}/left/__pycache__/new.txt")

    assert fix(str(make.root), think) == 1
    left = make.root / SITE / "left"
    assert [path.name for path in sorted(left.rglob("*")) if path.is_file()] == ["new.txt", "new.py"]
    (left / "new.py").unlink()
    (left / "__pycache__/new.txt").unlink()
    make.write(f"{SITE}/left/__pycache__/__init__.cpython-312.pyc")
    assert fix(str(make.root), agree) == 0
    assert not (make.root / SITE / "left").exists()
    make.write(f"{SITE}/~ip/x.py")
    assert fix(str(make.root), refuse) == 1  # nothing to ask for


def test_conda_doctor(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    assert "conda and pip did each other no harm" in driver.run("doctor", "-p", prefix).ok().stdout
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    done = driver.run("doctor", "-p", prefix)
    assert "PS101 pip replaced conda's alpha 1.0 with 2.0." in done.stdout
    husk = next(prefix.glob("lib/python3*/site-packages")) / "left/__pycache__/__init__.cpython-312.pyc"
    husk.parent.mkdir(parents=True)
    husk.touch()
    driver.configure(plugins={"pipsafe_audit_ignore": ["PS101", "PS504"]})
    assert "conda and pip did each other no harm" in driver.run("doctor", "-p", prefix).stdout
    driver.configure(plugins={"pipsafe_mode": "off"})
    assert "conda and pip" not in driver.run("doctor", "-p", prefix).ok().stdout
    driver.configure(plugins={})
    if "--fix" not in driver.run("doctor", "--help").stdout:
        return  # before 26.1
    assert "conda-pipsafe-audit: Find what" in driver.run("doctor", "--list").stdout
    dry = driver.run("doctor", "--fix", "--dry-run", "-p", prefix, "conda-pipsafe-audit")
    assert "The commands, in order" in dry.stdout
    assert husk.exists()
    off = {"CONDA_PLUGINS_PIPSAFE_MODE": "off"}
    driver.run("doctor", "--fix", "--yes", "-p", prefix, "conda-pipsafe-audit", env=off)
    assert husk.exists()
    done = driver.run("doctor", "--fix", "--yes", "-p", prefix, "conda-pipsafe-audit")
    assert (done.returncode, husk.parent.parent.exists()) == (1, False)
