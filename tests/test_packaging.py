"""What is published: the wheel, the source archive, and the conda recipe, which say the same."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import conda_pipsafe
from conftest import CHECKOUT
from support.running import run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive as `python -m build` does."""
    folder = tmp_path_factory.mktemp("dist")
    # hatchling is the build's only requirement, and comes from PyPI.
    run(sys.executable, "-m", "build", "--outdir", folder, CHECKOUT).ok()
    return next(folder.glob("*.whl"))


@pytest.mark.network
def test_the_wheel_has_one_import_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = f"conda_pipsafe-{conda_pipsafe.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"conda_pipsafe", info}
    assert "conda_pipsafe/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name]
    entry_points = zipfile.ZipFile(wheel).read(f"{info}/entry_points.txt").decode()
    assert "[conda]\nconda-pipsafe = conda_pipsafe.plugin" in entry_points
    assert "[console_scripts]\npipsafe = conda_pipsafe.__main__:main" in entry_points


@pytest.mark.network
def test_the_source_archive_has_what_the_tests_need(wheel: Path) -> None:
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "LICENSE", "README.md", "recipe/recipe.yaml", "tests/conftest.py", "docs/codes.md"}
    assert wanted <= names
    assert not [name for name in names if name.startswith((".venv", "build/", "dist/"))]


@pytest.mark.network
def test_the_recipe_says_what_the_wheel_says(wheel: Path) -> None:
    recipe = (CHECKOUT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    text = zipfile.ZipFile(wheel).read(f"conda_pipsafe-{conda_pipsafe.__version__}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    assert re.findall(r'version: "(.*)"', recipe) == [metadata["Version"]] == [conda_pipsafe.__version__]
    run_section = recipe.partition("  run:\n")[2].partition("  run_constraints:")[0]
    needs = {line.strip().removeprefix("- ").replace(" ", "") for line in run_section.splitlines()}
    wanted = [Requirement(value) for value in metadata.get_all("Requires-Dist", []) if "extra ==" not in value]
    assert needs == {f"python{metadata['Requires-Python']}", *(f"{one.name}{one.specifier}" for one in wanted)}
    assert "- pipsafe = conda_pipsafe.__main__:main" in recipe
    assert metadata["License-Expression"] in recipe
