"""PS506, PS109: two projects of pip's with one import package; a `bin/python` that leads to another Python."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.real_damage import Ways, inside, look, the, told, uv
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


def vision(name: str, folder: Path, **more: str) -> Path:
    modules = {"cv2/__init__.py": f"NAME = {name!r}\n", "cv2/same.py": "", "tests/__init__.py": f"# {name}\n"}
    return write_wheel(WheelSpec(name, "1.0", modules | {f"{key}.py": text for key, text in more.items()}), folder)


@pytest.mark.damage("PS506")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_projects_with_one_import_package(make_env: MakeEnv, tmp_path: Path, order: tuple[int, int]) -> None:
    prefix = make_env("pip", "alpha=1.0")
    wheels = [vision("vision", tmp_path), vision("vision-contrib", tmp_path, extra="")]
    for number in order:
        pip(prefix, "install", wheels[number]).ok()
    found = look(prefix, hashes=True)
    assert [(item.code, item.severity, item.subject) for item in found] == [("PS506", "warning", "vision")]
    assert found[0].paths == inside(prefix, "cv2/__init__.py", "tests/__init__.py")
    # Both ways name the wheels that they came from.
    Ways(tmp_path).follow(prefix, found[0].fixes[order[0] : order[0] + 1])
    assert told(prefix, hashes=True) == []
    assert "NAME" in (next(prefix.glob("lib/python3.*/site-packages")) / "cv2/__init__.py").read_text()


@pytest.mark.damage("PS506")
def test_two_projects_by_uv(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("python", "alpha=1.0")
    wheels = [vision("vision", tmp_path), vision("vision-contrib", tmp_path)]
    for wheel in wheels:
        uv(prefix, "install", wheel, wheels=tmp_path).ok()
    assert told(prefix, hashes=True) == [("PS506", "warning", "vision")]


@pytest.mark.damage("PS506")
@pytest.mark.twin("PS506")
def test_two_projects_that_meet_through_a_link(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    site = next(prefix.glob("lib/python3.*/site-packages"))
    (site / "real").mkdir()
    (site / "linked").symlink_to("real")
    for name, folder in (("one", "real"), ("two", "linked")):
        files = {f"{folder}/__init__.py": "", f"{folder}/{name}.py": f"# {name}\n"}
        pip(prefix, "install", write_wheel(WheelSpec(name, "1.0", files), tmp_path)).ok()
    assert told(prefix) == []
    pip(prefix, "install", write_wheel(WheelSpec("three", "1.0", {"linked/one.py": "# three\n"}), tmp_path)).ok()
    (found,) = look(prefix)
    assert (found.code, found.paths) == ("PS506", inside(prefix, "real/one.py"))


@pytest.mark.twin("PS506")
def test_projects_that_share_what_nobody_imports(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    shared = {"spaces/__init__.py": "", "README.txt": ""}
    wheels = [
        write_wheel(
            WheelSpec(name, "1.0", shared | {f"spaces/{name}.py": "", "tests/__init__.py": f"# {name}\n"}), tmp_path
        )
        for name in ("one", "two", "three")
    ]
    pip(prefix, "install", *wheels).ok()
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS109")
@pytest.mark.skipif(sys.platform == "win32", reason="no links there")
def test_a_python_that_leads_out(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("python", "alpha=1.0")
    python = prefix / "bin/python"
    assert told(prefix, hashes=True) == []
    python.unlink()
    python.symlink_to(sys.executable)
    found = the(look(prefix), "PS109")
    assert (found.severity, found.paths) == ("error", ("bin/python",))
    Ways(wheelhouse, driver).follow(prefix, found.fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS103")
@pytest.mark.twin("PS109")
@pytest.mark.skipif(sys.platform == "win32", reason="an .exe hides its interpreter")
@pytest.mark.parametrize("lost", ["the link", "the program", "a dead link"])
def test_a_python_that_is_gone_is_told_once(make_env: MakeEnv, rival_wheels: Path, driver: Driver, lost: str) -> None:
    """Its commands start again when it is back; no pip of the environment's could write them before."""
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", rival_wheels, "stray").ok()
    path = f"bin/{(prefix / 'bin/python').readlink()}" if lost == "the program" else "bin/python"
    (prefix / path).unlink()
    if lost == "a dead link":
        (prefix / path).symlink_to(prefix.parent / "nothing")
    (found,) = look(prefix)
    assert (found.code, found.paths) == ("PS109" if lost == "a dead link" else "PS103", (path,))
    Ways(rival_wheels, driver).follow(prefix, found.fixes)
    assert told(prefix) == []
    run(prefix / "bin/stray").ok()
