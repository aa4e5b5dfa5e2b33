"""`--deep`: PS120, PS121, PS220, PS221: files that were edited, and who else has them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.driving import Driver
from support.real_damage import Ways, inside, look, site_of, told, uv
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


def replace(file: Path, content: str) -> None:
    """As an editor that keeps a copy: a new file in the place of the old one."""
    mode = file.stat().st_mode
    file.unlink()
    file.write_text(content)
    file.chmod(mode)


@pytest.mark.damage("PS120", "PS220")
@pytest.mark.twin("PS121", "PS221")
def test_files_replaced_by_an_editor(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "epsilon", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "delta-python", "zeta", "ns-b").ok()
    site = site_of(prefix)
    replace(site / "alpha/__init__.py", "# patched\n")
    replace(prefix / "share/epsilon/data.txt", "settings\n")
    replace(site / "delta/__init__.py", "# patched\n")
    run(prefix / "bin/python", "-c", "import sys; sys.argv[1:]", cwd=site).ok()
    assert told(prefix) == []
    found = look(prefix, hashes=True)
    assert [(item.code, item.severity, item.subject, item.paths) for item in found] == [
        ("PS120", "warning", "alpha", inside(prefix, "alpha/__init__.py")),
        ("PS220", "warning", "delta-python", inside(prefix, "delta/__init__.py")),
        ("PS120", "note", "epsilon", ("share/epsilon/data.txt",)),
    ]
    Ways(wheelhouse, driver).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS120", "PS220")
def test_files_written_over_by_copying(make_env: MakeEnv, rival_wheels: Path) -> None:
    """A colleague's patch, unpacked over the environment; pip's command edited to start something else."""
    prefix, other = make_env("pip", "alpha=1.0"), make_env("pip", "alpha=2.0", name="other")
    pip(prefix, "install", "--find-links", rival_wheels, "stray", "numpy==1.26.9").ok()
    pip(other, "install", "--find-links", rival_wheels, "numpy==2.0.0").ok()
    for name in ("alpha/__init__.py", "numpy/__init__.py"):
        (site_of(prefix) / name).unlink()
        shutil.copy(site_of(other) / name, site_of(prefix) / name)
    command = prefix / "bin/stray"
    replace(command, command.read_text().replace("from stray import main", "from numpy import main"))
    assert [(item.code, item.subject, item.paths) for item in look(prefix, hashes=True)] == [
        ("PS120", "alpha", inside(prefix, "alpha/__init__.py")),
        ("PS220", "numpy", inside(prefix, "numpy/__init__.py")),
        ("PS220", "stray", ("bin/stray",)),
    ]


@pytest.mark.damage("PS121")
@pytest.mark.twin("PS120")
def test_edit_in_place_of_what_conda_linked(driver: Driver, tmp_path: Path) -> None:
    """Real conda's own links: two environments and the package cache have one file."""
    first, second = tmp_path / "first", tmp_path / "second"
    env = {"CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    for prefix in (first, second):
        driver.run("create", "-y", "-p", prefix, "python", "alpha=1.0", "gamma", env=env).ok()
    assert told(first, second, hashes=True) == told(second, first, hashes=True) == []
    with (site_of(first) / "alpha/__init__.py").open("a") as file:
        file.write("# in place\n")
    for prefix, other in ((first, second), (second, first)):
        (found,) = look(prefix, other, hashes=True)
        assert (found.code, found.severity, found.subject) == ("PS121", "error", "alpha")
        assert found.paths == inside(prefix, "alpha/__init__.py")
        assert str(site_of(other) / "alpha/__init__.py") in found.message
    unpack, again = look(second, first, hashes=True)[0].fixes
    Ways(tmp_path).follow(second, [unpack])
    driver.run(*again.split()[1:], "-y", env=env).ok()
    assert told(second, first, hashes=True) == []


@pytest.mark.damage("PS121")
def test_edit_in_place_of_what_py_rattler_linked(make_env: MakeEnv, tmp_path: Path) -> None:
    """The package cache of all tests is left alone: its links are replaced by those of a copy first."""
    prefix, other = make_env("alpha=1.0"), make_env("alpha=1.0", name="other")
    file, twin = site_of(prefix) / "alpha/cli.py", site_of(other) / "alpha/cli.py"
    replace(file, file.read_text())
    twin.unlink()
    twin.hardlink_to(file)
    assert told(prefix, other, hashes=True) == []
    with twin.open("a") as opened:
        opened.write("# in place\n")
    assert told(prefix, other, hashes=True) == [("PS121", "error", "alpha")]
    assert tmp_path in prefix.parents


class TestUvCache:
    """uv links files from its cache into environments: an edit in place reaches the cache, and all that it links."""

    @pytest.mark.damage("PS221")
    def test_another_environment_has_the_edit(self, make_env: MakeEnv, rival_wheels: Path, wheelhouse: Path) -> None:
        prefix, other = make_env("pip"), make_env("pip", name="other")
        for one in (prefix, other):
            uv(one, "install", "alpha==1.0", "zeta", wheels=wheelhouse, env={"UV_LINK_MODE": "hardlink"}).ok()
        assert told(prefix, other, hashes=True) == []
        with (site_of(other) / "alpha/cli.py").open("a") as file:
            file.write("# in place\n")
        (found,) = look(prefix, other, hashes=True)
        assert (found.code, found.severity, found.subject) == ("PS221", "error", "alpha")
        assert found.paths == inside(prefix, "alpha/cli.py")
        assert str(site_of(other) / "alpha/cli.py") in found.message
        uv(prefix, "install", "--reinstall", "alpha==1.0", wheels=wheelhouse, env={"UV_LINK_MODE": "hardlink"}).ok()
        assert [item.code for item in look(prefix, other, hashes=True)] == ["PS221"], "the cache has the edit"
        # uv's own word for the first way out needs its cache named here; pip has no part in that cache.
        assert found.fixes[0].startswith("First have uv forget it: uv cache clean alpha")
        Ways(rival_wheels).follow(prefix, found.fixes[1:])
        assert told(prefix, other, hashes=True) == []

    @pytest.mark.damage("PS221")
    def test_nobody_else_is_known_to_have_it(self, make_env: MakeEnv, wheelhouse: Path) -> None:
        prefix = make_env("pip")
        uv(prefix, "install", "zeta", wheels=wheelhouse, env={"UV_LINK_MODE": "hardlink"}).ok()
        with (site_of(prefix) / "zeta/__init__.py").open("a") as file:
            file.write("# in place\n")
        assert told(prefix, hashes=True) == [("PS221", "error", "zeta")]

    @pytest.mark.twin("PS221")
    def test_a_copy_is_its_own(self, make_env: MakeEnv, wheelhouse: Path) -> None:
        prefix = make_env("pip")
        uv(prefix, "install", "zeta", wheels=wheelhouse, env={"UV_LINK_MODE": "copy"}).ok()
        with (site_of(prefix) / "zeta/__init__.py").open("a") as file:
            file.write("# in place\n")
        assert told(prefix, hashes=True) == [("PS220", "warning", "zeta")]


@pytest.mark.damage("PS120", "PS121", "PS220", "PS221")
@pytest.mark.twin("PS120", "PS121", "PS220", "PS221")
def test_files_without_content_are_told_without_hashing(make_env: MakeEnv, wheelhouse: Path) -> None:
    """What a crash leaves, or a full disk; `__init__.py` of zeta is made empty by a new file, as is one of conda's."""
    prefix = make_env("python", "pip", "gamma", "epsilon", "ns-a")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0", "zeta").ok()
    uv(prefix, "install", "delta-python", wheels=wheelhouse).ok()
    site = site_of(prefix)
    # Written empty, or by nobody: no harm.
    (site / "mine.py").write_text("")
    (site / "alpha/mine.py").write_text("")
    assert told(prefix) == told(prefix, hashes=True) == []
    for path in (site / "zeta/__init__.py", site / "gamma/__init__.py", prefix / "share/epsilon/data.txt"):
        path.unlink()
        path.write_text("")
    with (site / "delta/__init__.py").open("r+") as file:  # its cache has it as well
        file.truncate()
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS221", "error", "delta-python"),
        ("PS120", "warning", "gamma"),
        ("PS220", "warning", "zeta"),
        ("PS120", "note", "epsilon"),
    ]
    assert found[1].message == "1 file of conda's gamma 1.0 is not as installed: empty now."
    with (site / "zeta/__init__.py").open("a") as file:
        file.write("")
    (site / "alpha/cli.py").write_text("edited")
    assert [item.subject for item in look(prefix, hashes=True) if item.code == "PS220"] == ["alpha", "zeta"]
