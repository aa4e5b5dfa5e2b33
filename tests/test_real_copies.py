"""Environments that were moved or copied, and marks whose time tells what came after them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.driving import Driver
from support.real_damage import Ways, look, the, told
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.mark.damage("PS112")
def test_pip_at_once_after_the_mark(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    time.sleep(0.05)  # times are coarse
    (prefix / "conda-meta/frozen").write_text("{}")
    assert told(prefix) == []
    time.sleep(0.05)
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    (found,) = look(prefix)
    assert (found.code, found.facts["distributions"]) == ("PS112", ["piponly 1.0"])
    Ways(wheelhouse).follow(prefix, found.fixes)
    assert told(prefix) == []


@pytest.mark.twin("PS112")
def test_a_copy_gives_each_file_a_time_of_its_own(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    (prefix / "conda-meta/frozen").write_text("{}")
    copy = tmp_path / "copy"
    (copy / "conda-meta").mkdir(parents=True)
    shutil.copyfile(prefix / "conda-meta/frozen", copy / "conda-meta/frozen")
    time.sleep(0.05)
    shutil.copytree(prefix, copy, symlinks=True, copy_function=shutil.copyfile, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("frozen"))  # fmt: skip
    assert "PS112" not in {item.code for item in look(copy)}
