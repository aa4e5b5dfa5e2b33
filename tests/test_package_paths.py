"""What an extracted package becomes in a prefix: each layout that conda-build writes, and what old packages have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.forecast import package_paths
from conda_pipsafe.forecast.package_paths import (
    PackagePaths,
    distributions_among,
    is_linked_as,
    read_package_paths,
    recall_package_paths,
)
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


def test_a_package_is_read_once_until_it_is_extracted_anew(tmp_path: Path) -> None:
    def recalled(python: str = "3.12") -> PackagePaths:
        return recall_package_paths(str(tmp_path), noarch=None, python=python, site=SITE)

    with pytest.raises(UnreadableError):
        recalled()
    extracted(tmp_path, ["site-packages/x.py"], {"noarch": {"type": "python"}})
    first = recalled()
    assert first.paths == {f"{SITE}/x.py", f"{SITE}/__pycache__/x.cpython-312.pyc"}
    assert recalled() is first
    assert recalled("3.13").paths == {f"{SITE}/x.py", f"{SITE}/__pycache__/x.cpython-313.pyc"}
    (tmp_path / "info/link.json").unlink()
    assert recalled().paths == {"site-packages/x.py"}
    (tmp_path / "info/paths.json").write_text('{"paths": [{"_path": "y"}]}')
    assert recalled().paths == {"y"}


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


def test_what_conda_makes_is_said_by_the_package_alone(tmp_path: Path) -> None:
    """Where only the index says `noarch: python`, conda maps the paths, and neither compiles nor makes scripts."""
    folder = extracted(tmp_path, ["site-packages/tool/__init__.py"])
    assert read(folder, "python").paths == {f"{SITE}/tool/__init__.py"}


def test_the_older_name_of_the_link_file(tmp_path: Path) -> None:
    folder = extracted(
        tmp_path, ["site-packages/tool.py"], {"noarch": {"type": "python", "entry_points": ["t = tool:m"]}}
    )
    (tmp_path / "info/link.json").rename(tmp_path / "info/package_metadata.json")
    assert read(folder).paths == {f"{SITE}/tool.py", f"{SITE}/__pycache__/tool.cpython-312.pyc", "bin/t"}


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
        ("tool/_vendor/other-1.0.dist-info/METADATA", {}),
        ("tool/site-packages/other-1.0.dist-info/METADATA", {}),
    ],
)
def test_distributions(tmp_path: Path, path: str, expected: dict[str, str]) -> None:
    assert read(extracted(tmp_path, [f"{SITE}/{path}"])).distributions == expected


@pytest.mark.parametrize(
    ("folder", "site", "counts"),
    [
        ("site-packages", SITE, True),
        ("lib64/python3.12/site-packages", SITE, True),
        ("lib/pypy3.10/site-packages", SITE, True),
        ("Lib/site-packages", None, True),
        ("python/modules", "python/modules", True),
        ("python/modules", SITE, False),
        ("share/tool/site-packages", SITE, False),
    ],
)
def test_where_a_distribution_counts(folder: str, site: str | None, counts: bool) -> None:
    found = distributions_among([f"{folder}/tool-1.0.dist-info/METADATA"], site)
    assert found == ({"tool": "1.0"} if counts else {})


def test_windows_has_two_files_for_a_script() -> None:
    assert package_paths._script_paths("tool", "Scripts") == ("Scripts/tool-script.py", "Scripts/tool.exe")


class TestIsLinkedAs:
    """Whether a path of an environment is what conda makes of a package's file."""

    BUILT = "/built/here_placehold_placehold_placehold"

    @pytest.fixture
    def package(self, tmp_path: Path) -> Path:
        """A package with a file in which the environment's path stands, and others."""
        folder = tmp_path / "pkgs/tool-1.0-0"
        (folder / "lib").mkdir(parents=True)
        entry = {"_path": "lib/prefixed", "path_type": "hardlink", "prefix_placeholder": self.BUILT}
        extracted(folder, [entry, "lib/plain"])
        return folder

    def linked(self, package: Path, name: str, source: bytes, here: bytes) -> bool:
        """What is said of a source with this content, and of an installed file."""
        prefix = package.parent.parent / "env"
        (prefix / "lib").mkdir(parents=True, exist_ok=True)
        (package / "lib" / name).write_bytes(source)
        (prefix / "lib" / name).write_bytes(here.replace(b"ENV", bytes(prefix)))
        return is_linked_as(str(package / "lib" / name), str(prefix), f"lib/{name}")

    @pytest.mark.parametrize(("here", "same"), [(b"one", True), (b"two", False), (b"", False)])
    def test_content(self, package: Path, here: bytes, same: bool) -> None:
        assert self.linked(package, "plain", b"one", here) is same

    @pytest.mark.parametrize(
        ("source", "here", "same"),
        [
            (b"root = BUILT\n", b"root = ENV\n", True),
            (b"root = BUILT\n", b"root = ENV/of/pip\n", False),
            (b"root = BUILT\n", b"root = /elsewhere\n", False),
            (b"\x7fELF BUILT/lib\0more", b"\x7fELF ENV/lib\0\0\0\0\0\0more", True),
            (b"\x7fELF BUILT/lib\0more", b"\x7fELF ENV/lib\0\0\0\0\0\0less", False),
            # Where the path is too long for a first line, conda writes one with env.
            (b"#!BUILT/bin/python\nrun()\n", b"#!/usr/bin/env python\nrun()\n", True),
            (b"#!BUILT/bin/python\nrun()\n", b"#!/usr/bin/env python\nwalk()\n", False),
        ],
    )
    def test_the_environment_s_path_in_it(self, package: Path, source: bytes, here: bytes, same: bool) -> None:
        assert self.linked(package, "prefixed", source.replace(b"BUILT", self.BUILT.encode()), here) is same

    @pytest.mark.parametrize("text", ["[]", "{}", '{"paths": [7, {"_path": "lib/prefixed"}]}', "{"])
    def test_a_list_that_says_nothing_of_it(self, package: Path, text: str) -> None:
        (package / "info/paths.json").write_text(text)
        assert not self.linked(package, "prefixed", self.BUILT.encode(), b"ENV")

    def test_a_file_of_no_package(self, package: Path) -> None:
        (package / "info/paths.json").unlink()
        assert not self.linked(package, "prefixed", self.BUILT.encode(), b"ENV")

    def test_links(self, package: Path, tmp_path: Path) -> None:
        source, here = package / "lib/link.so", tmp_path / "link.so"
        source.symlink_to("real.so")
        for target, same in (("real.so", True), ("other.so", False)):
            here.symlink_to(target)
            assert is_linked_as(str(source), str(tmp_path), "link.so") is same
            here.unlink()
        here.write_bytes(b"")
        assert not is_linked_as(str(source), str(tmp_path), "link.so")

    def test_what_is_not_there_or_a_folder(self, package: Path, tmp_path: Path) -> None:
        (package / "lib/plain").write_bytes(b"")
        assert not is_linked_as(str(package / "lib/plain"), str(tmp_path), "nothing")
        assert not is_linked_as(str(package / "lib/plain"), str(tmp_path), "pkgs")
        assert not is_linked_as(str(package / "lib/absent"), str(tmp_path), "pkgs")
