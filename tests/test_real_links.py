"""`--deep`: what is no file any more where its owner put one, and links that are as good as a file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.driving import Driver
from support.real_damage import Ways, inside, look, site_of, told, uv
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


def rewrite(file: Path, text: str) -> None:
    """As an editor that keeps no copy, of a file that may be shared."""
    mode = file.stat().st_mode
    file.unlink()
    file.write_text(text)
    file.chmod(mode)


def link(file: Path, target: Path | str) -> None:
    file.unlink()
    file.symlink_to(target)


@pytest.mark.damage("PS120", "PS220")
def test_no_file_in_the_place_of_a_file(make_env: MakeEnv, wheelhouse: Path, driver: Driver, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "epsilon", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "delta-python", "zeta").ok()
    site = site_of(prefix)
    link(site / "alpha/__init__.py", "/nonexistent/alpha.py")
    (tmp_path / "mine").write_text("mine\n")
    link(prefix / "share/epsilon/data.txt", tmp_path / "mine")
    link(site / "delta/__init__.py", "/nonexistent/delta.py")
    (site / "zeta/__init__.py").unlink()
    (site / "zeta/__init__.py").mkdir()
    dead = [("PS103", "error", "alpha"), ("PS202", "error", "delta-python")]
    assert told(prefix) == dead
    found = look(prefix, hashes=True)
    assert [(item.code, item.severity, item.subject, item.paths) for item in found] == [
        (*dead[0], inside(prefix, "alpha/__init__.py")),
        (*dead[1], inside(prefix, "delta/__init__.py")),
        ("PS220", "warning", "zeta", inside(prefix, "zeta/__init__.py")),
        ("PS120", "note", "epsilon", ("share/epsilon/data.txt",)),
    ]
    assert found[0].message == "1 of the 12 files of conda's alpha 1.0 is missing (1 dead link in its place)."
    Ways(wheelhouse, driver).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []


@pytest.mark.twin("PS120", "PS220")
def test_links_that_are_as_good_as_the_file(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    """conda's `always_softlink` and uv's `--link-mode symlink`; an edit behind such a link is told all the same."""
    prefix = make_env("pip", "alpha=1.0", "gamma")
    site = site_of(prefix)
    package = tmp_path / "pkgs/alpha-1.0-py_0"
    (package / "info").mkdir(parents=True)
    (package / "info/index.json").write_text("{}")
    (site / "alpha/__init__.py").rename(package / "init.py")
    (site / "alpha/__init__.py").symlink_to(package / "init.py")
    (site / "gamma/__init__.py").rename(site / "gamma-real.py")
    (site / "gamma/__init__.py").symlink_to("../gamma-real.py")
    uv(prefix, "install", "--link-mode", "symlink", "delta-python", wheels=wheelhouse).ok()
    assert (site / "delta/__init__.py").is_symlink()
    assert told(prefix, hashes=True) == []
    (package / "init.py").unlink()
    (package / "init.py").write_text("# patched\n")
    assert told(prefix, hashes=True) == [("PS120", "warning", "alpha")]
    # Behind uv's link lies the cache, which all environments have.
    (site / "delta/__init__.py").write_text("# patched\n")
    assert told(prefix, hashes=True) == [("PS221", "error", "delta-python"), ("PS120", "warning", "alpha")]


@pytest.mark.damage("PS120", "PS220")
def test_commands_that_were_edited(make_env: MakeEnv, rival_wheels: Path, driver: Driver) -> None:
    """conda keeps no hash of the commands that it writes, and a command may be emptied, too."""
    prefix = make_env("pip", "alpha=1.0", "kappa")
    pip(prefix, "install", "--find-links", rival_wheels, "stray", "torchlike").ok()
    assert told(prefix, hashes=True) == []
    text = (prefix / "bin/alpha-cli").read_text()
    rewrite(prefix / "bin/alpha-cli", text.replace("from alpha", "from omega"))
    rewrite(prefix / "bin/stray", "")
    found = look(prefix, hashes=True)
    assert [(item.code, item.subject, item.paths) for item in found] == [
        ("PS120", "alpha", ("bin/alpha-cli",)),
        ("PS220", "stray", ("bin/stray",)),
    ]
    Ways(rival_wheels, driver).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []
    # With the package gone from the cache, what the metadata declares is compared, and the times.
    rewrite(prefix / "bin/alpha-cli", "")
    record = next((prefix / "conda-meta").glob("alpha-*.json"))
    data = json.loads(record.read_text())
    record.write_text(json.dumps(data | {"extracted_package_dir": None}))
    assert told(prefix, hashes=True) == []  # as old as the record: it may be what the package wants
    os.utime(prefix / "bin/alpha-cli", (2_000_000_000, 2_000_000_000))
    assert told(prefix, hashes=True) == [("PS120", "warning", "alpha")]


@pytest.mark.damage("PS502")
@pytest.mark.twin("PS502")
def test_links_of_uv_whose_cache_was_cleared(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    """The files of two distributions; a module, a folder, and one in which somebody has a file of his own."""
    prefix, cache = make_env("pip", "gamma"), tmp_path / "uv-cache"
    where = {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "symlink"}
    uv(prefix, "install", "alpha==1.0", "zeta==2.0", wheels=wheelhouse, env=where).ok()
    mine = site_of(prefix) / "zeta/mine.txt"
    mine.write_text("mine\n")
    assert told(prefix, hashes=True) == []
    shutil.rmtree(cache)
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS502", "error", "alpha"), ("PS502", "error", "zeta"),
    ]  # fmt: skip
    assert found[0].paths == (*inside(prefix, "alpha", "alpha-1.0.dist-info"), "share/alpha/data.txt")
    assert found[1].paths == inside(prefix, "zeta-2.0.dist-info", "zeta/__init__.py")
    assert "its files are links into" in found[0].message
    Ways(wheelhouse).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix, hashes=True) == []
    assert mine.read_text() == "mine\n"


@pytest.mark.damage("PS102")
@pytest.mark.twin("PS102", "PS901")
def test_links_of_conda_whose_cache_was_cleared(make_env: MakeEnv, driver: Driver, wheelhouse: Path) -> None:
    """`always_softlink`: then conda's record says of every file that it is a link."""
    prefix, cache = make_env("python"), driver.conda.work / "own-pkgs"
    driver.configure(always_softlink=True)
    driver.run("install", "-y", "-p", prefix, "alpha=1.0", "gamma", env={"CONDA_PKGS_DIRS": str(cache)}).ok()
    assert (site_of(prefix) / "alpha/__init__.py").is_symlink()
    assert told(prefix, hashes=True) == []
    shutil.rmtree(cache / "alpha-1.0-py_0")
    (found,) = look(prefix, hashes=True)
    assert (found.code, found.subject) == ("PS102", "alpha")
    assert "dead links in their place" in found.message
    Ways(wheelhouse, driver).follow(prefix, found.fixes)
    assert told(prefix, hashes=True) == []
