"""What the lines of a `pip:` section ask pip for."""

from __future__ import annotations

from pathlib import Path

import pytest

from conda_pipsafe.engines.pip_lines import Asked, read_lines

GIT = "git+https://x.test/tool.git"


def asked(tmp_path: Path, *lines: str) -> list[Asked]:
    return read_lines(str(tmp_path / "environment.yml"), lines).asked


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    for folder, name, text in (
        ("new", "pyproject.toml", '[build-system]\nname = "no"\n[project]\nversion = "1"\n  name = "Tool.Box"\n'),
        ("poetry", "pyproject.toml", "[tool.poetry]\nname = 'tool_box'\n"),
        ("cfg", "setup.cfg", "[metadata]\nversion = 1\nname = tool-box\n"),
        ("other", "pyproject.toml", '[project]\nversion = "1"\n[tool.x]\nname = "no"\n'),
        ("old", "setup.py", "import setuptools\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "key", "version", "anew"),
    [
        ("Tool.Box", "tool-box", None, False),
        ("tool-box[extra]>=1,<2 ; python_version>'3'  # why", "tool-box", None, False),
        ("tool==1.0 --hash=sha256:00 --hash=sha256:11", "tool", None, False),
        ("tool==1.0 --config-settings=x=y", "tool", None, False),
        ("/wheels/Tool_Box-1.0-py3-none-any.whl", "tool-box", "1.0", False),
        ("tool_box-1.0-1-py3-none-any.whl", "tool-box", "1.0", False),
        ("file:///wheels/tool%5Fbox-1.0-py3-none-any.whl#sha256=00", "tool-box", "1.0", False),
        ("https://x.test/tool_box-1.0-py3-none-any.whl?a=b", "tool-box", "1.0", False),
        ("tool @ https://x.test/any-1.0-py3-none-any.whl", "tool", "1.0", False),
        ("tool @ https://x.test/archive/main.zip", "tool", None, False),
        ("./tool-box-1.0.tar.gz", "tool-box", "1.0", True),
        ("tool-box-1.0.zip", "tool-box", "1.0", True),
        ("https://x.test/tool-box-1.0.tar.gz", "tool-box", "1.0", False),
        (f"{GIT}#egg=Tool_Box", "tool-box", None, False),
        (f"-e {GIT}@main#subdirectory=a&egg=tool", "tool", None, True),
        (f"tool @ {GIT}", "tool", None, False),
        ("./new", "tool-box", None, True),
        ("./new[dev] ; python_version > '3'", "tool-box", None, True),
        ("-e ./poetry", "tool-box", None, True),
        ("-epoetry", "tool-box", None, True),
        ("--editable=cfg", "tool-box", None, True),
    ],
)
def test_what_a_line_means(projects: Path, line: str, key: str, version: str | None, anew: bool) -> None:
    (found,) = asked(projects, line)
    assert (found.line, found.key, found.version, found.anew) == (line.partition("  #")[0], key, version, anew)


@pytest.mark.parametrize(
    "line",
    [
        "", "# nothing", "--no-index", "--index-url https://x.test", "-i https://x.test", "-e", "./other", "./old",
        "./none", GIT, "https://x.test/main.zip", "https://x.test/archive/v1.0.tar.gz", "https://x.test/tool-main.zip",
        "./tool.whl", "not a ! name", "-r", "-r none.txt",
    ],
)  # fmt: skip
def test_what_is_known_to_pip_only(projects: Path, line: str) -> None:
    assert asked(projects, line) == []


def test_files_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "req.txt").write_text("\ufefftool>=2  # why\nbox \\\n  ==1.0\n-r sub/more.txt\n")
    (tmp_path / "sub/more.txt").write_text("--requirement=../req.txt\n./here\n-c limits.txt\n")
    (tmp_path / "sub/limits.txt").write_text("Tool==2.0\n-x\n./here\n")
    (tmp_path / "sub/here").mkdir()
    (tmp_path / "sub/here/setup.cfg").write_text("[metadata]\nname = here\n")
    found = read_lines(str(tmp_path / "environment.yml"), ["-rreq.txt", "plain"])
    assert [one.line for one in found.asked] == [
        "tool>=2 (in req.txt)", "box    ==1.0 (in req.txt)", "./here (in more.txt)", "plain",
    ]  # fmt: skip
    assert {key: str(limit) for key, limit in found.limits.items()} == {"tool": "==2.0"}


def test_credentials_are_not_shown(tmp_path: Path) -> None:
    (found,) = asked(tmp_path, "tool @ https://me:secret@x.test/tool-1.0-py3-none-any.whl")
    assert found.line == "tool @ https://x.test/tool-1.0-py3-none-any.whl"
