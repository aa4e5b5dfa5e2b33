"""What an extracted package becomes in a prefix: each layout that conda-build writes, and what old packages have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.forecast import package_paths
from conda_pipsafe.forecast.package_paths import PackagePaths, read_package_paths
from conda_pipsafe.prefix.files import UnreadableError

SITE = "lib/python3.12/site-packages"


def extracted(tmp_path: Path, paths: list[Any], link: Any = None) -> str:  # noqa: ANN401 - any JSON
    info = tmp_path / "info"
    info.mkdir()
    entries = [{"_path": path, "path_type": "hardlink"} if isinstance(path, str) else path for path in paths]
    (info / "paths.json").write_text(json.dumps({"paths": entries}))
    if link is not None:
        (info / "link.json").write_text(json.dumps(link))
    return str(tmp_path)


def read(folder: str, noarch: str | None = None) -> PackagePaths:
    return read_package_paths(folder, noarch=noarch, python="3.12", site=SITE)


def test_a_package_of_a_platform(tmp_path: Path) -> None:
    paths = ["bin/tool", f"{SITE}/tool/__init__.py", f"{SITE}/My_Tool-1.0.dist-info/METADATA"]
    found = read(extracted(tmp_path, paths))
    assert found.paths == set(paths)
    assert found.distributions == {"my-tool": "1.0"}
    assert found.sources["bin/tool"] == str(tmp_path / "bin/tool")
    assert not found.scripts
    assert not found.compiled


@pytest.mark.parametrize("said", ["repodata", "link.json"])
def test_noarch_python(tmp_path: Path, said: str) -> None:
    paths = ["site-packages/tool/__init__.py", "site-packages/tool/data.txt", "python-scripts/old", "share/x.py"]
    points = ["tool = tool:main", "no point", 3]
    folder = extracted(tmp_path, paths, {"noarch": {"type": "python", "entry_points": points}})
    found = read(folder, "python" if said == "repodata" else None)
    compiled = f"{SITE}/tool/__pycache__/__init__.cpython-312.pyc"
    assert found.paths == {
        f"{SITE}/tool/__init__.py", f"{SITE}/tool/data.txt", "bin/old", "share/x.py", "bin/tool", compiled,
    }  # fmt: skip
    assert found.scripts == {"bin/tool": "tool:main"}
    assert found.compiled == {compiled: str(tmp_path / "site-packages/tool/__init__.py")}
    assert found.sources["bin/old"] == str(tmp_path / "python-scripts/old")


def test_noarch_python_without_a_python(tmp_path: Path) -> None:
    folder = extracted(tmp_path, ["site-packages/tool/__init__.py"])
    found = read_package_paths(folder, noarch="python", python=None, site=None)
    assert found.paths == {"site-packages/tool/__init__.py"}


@pytest.mark.parametrize("link", [None, [], {}, {"noarch": "python"}, {"noarch": {"type": "generic"}}])
def test_other_link_files(tmp_path: Path, link: object) -> None:
    assert read(extracted(tmp_path, ["share/x"], link)).paths == {"share/x"}


def test_folders_and_rubbish_are_passed_over(tmp_path: Path) -> None:
    folder = {"_path": "share/empty", "path_type": "directory"}
    found = read(extracted(tmp_path, ["share/x", folder, {"path_type": "hardlink"}, "../out", "/etc/passwd", 7]))
    assert found.paths == {"share/x"}


@pytest.mark.parametrize("text", ["[]", '{"paths": []}', "{}"])
def test_lists_of_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "info").mkdir()
    (tmp_path / "info/paths.json").write_text(text)
    assert read(str(tmp_path)).paths == frozenset()


def test_an_old_package_has_files(tmp_path: Path) -> None:
    (tmp_path / "info").mkdir()
    (tmp_path / "info/files").write_text("bin/tool\n\nshare/x\n")
    assert read(str(tmp_path)).paths == {"bin/tool", "share/x"}


def test_no_list_at_all(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        read(str(tmp_path))


@pytest.mark.parametrize("name", ["paths.json", "link.json"])
def test_one_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    folder = extracted(tmp_path, ["share/x"], {})
    (tmp_path / "info" / name).write_text("{")
    with pytest.raises(UnreadableError):
        read(folder)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Tool_X-1.0.dist-info/METADATA", {"tool-x": "1.0"}),
        ("tool-1.0-py3.12.egg-info/PKG-INFO", {"tool": "1.0"}),
        ("tool-1.0-py3.12.egg-info", {"tool": "1.0"}),
        ("tool.egg-info/PKG-INFO", {"tool": ""}),
        ("other/METADATA", {}),
        ("tool-1.0.dist-info/RECORD", {}),
    ],
)
def test_distributions(tmp_path: Path, path: str, expected: dict[str, str]) -> None:
    assert read(extracted(tmp_path, [f"{SITE}/{path}"])).distributions == expected


def test_windows_has_two_files_for_a_script() -> None:
    assert package_paths._script_paths("tool", "Scripts") == ("Scripts/tool-script.py", "Scripts/tool.exe")
