"""`conda pipsafe plan`: the forecast of any conda command, and nothing done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.demo.channel import Channel
from conftest import MakeEnv
from support.running import Conda, Finished, pip

DEBUG = {"PIPSAFE_DEBUG": "1"}
Stamp = tuple[int, int, int, int]


def tree(prefix: Path) -> dict[str, Stamp]:
    """inode, mode, size and mtime of all that is in a prefix, folders too."""
    found = {}
    for folder, folders, names in os.walk(prefix):
        for name in (*folders, *names):
            path = Path(folder, name)
            info = path.lstat()
            found[str(path.relative_to(prefix))] = (info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns)
    return found


def plan(conda: Conda, *words: str | Path, code: int, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run `conda pipsafe plan --json WORDS`; check the exit code and return the value."""
    done = conda.run("pipsafe", "plan", "--json", *words, env={**DEBUG, **(env or {})})
    print(done.stdout, done.stderr)
    assert done.returncode == code
    value: dict[str, Any] = done.json()
    return value


def harms(value: dict[str, Any]) -> dict[str, list[str]]:
    return {item["name"]: item["effects"] for item in value["harms"]}


@pytest.fixture
def over_pip(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 in an environment whose channel has alpha 1.0 to 3.0."""
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


@pytest.fixture
def replaced(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 in the place of conda's 1.0: the record that a reading command erases."""
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


def test_install_is_foreseen_and_not_done(conda: Conda, over_pip: Path) -> None:
    before = tree(over_pip)
    value = plan(conda, "-p", over_pip, "--download", "--", "install", "alpha=1.0", code=3)
    assert tree(over_pip) == before
    assert value["harmed"] is True
    assert value["exact"] is True
    assert [(item["name"], item["version"]) for item in value["link"]] == [("alpha", "1.0")]
    assert "overwritten" in harms(value)["alpha"]
    foreseen = {path for item in value["harms"] for path in (*item["overwritten"], *item["deleted"])}
    conda.run("install", "-y", "-p", over_pip, "alpha=1.0").ok()
    after = tree(over_pip)
    owned = {path for path in before if "alpha" in path and not os.path.isdir(over_pip / path)}
    assert foreseen == {path for path in owned if after.get(path) != before[path]}


def test_text_is_the_hook_s_block(conda: Conda, over_pip: Path) -> None:
    done = conda.run("pipsafe", "plan", "-p", over_pip, "--download", "--", "install", "alpha=1.0", env=DEBUG)
    assert done.returncode == 3
    hook = conda.run("install", "--dry-run", "-p", over_pip, "alpha=1.0", env=DEBUG).stderr
    block = [line for line in done.stdout.splitlines() if line]
    assert block[0].startswith("conda-pipsafe: this transaction will harm 1 package")
    assert all(line in hook for line in block)
    verbose = conda.run("pipsafe", "plan", "-v", "-p", over_pip, "--", "conda", "install", "alpha=1.0", env=DEBUG)
    assert "  + alpha 1.0 py_0" in verbose.stdout
    assert "share/alpha/data.txt" in verbose.stdout


def test_clean_command(conda: Conda, over_pip: Path) -> None:
    done = conda.run("pipsafe", "plan", "-p", over_pip, "--download", "--", "install", "gamma", env=DEBUG).ok()
    assert "nothing that pip installed in" in done.stdout
    assert "is harmed by `conda install gamma`" in done.stdout
    assert plan(conda, "-p", over_pip, "--", "install", "gamma", code=0)["harmed"] is False


def test_not_downloaded_is_names_only(conda: Conda, over_pip: Path, tmp_path: Path) -> None:
    own = {"CONDA_PKGS_DIRS": str(tmp_path / "empty-pkgs")}
    value = plan(conda, "-p", over_pip, "--", "install", "alpha=1.0", code=3, env=own)
    assert value["exact"] is False
    assert harms(value) == {"alpha": ["same-name"]}
    text = conda.run("pipsafe", "plan", "-p", over_pip, "--", "install", "gamma", env={**DEBUG, **own}).ok().stdout
    assert "as far as names tell" in text
    assert "--download" in text


def test_conda_s_own_errors_are_shown(conda: Conda, over_pip: Path) -> None:
    value = plan(conda, "-p", over_pip, "--", "install", "no-such-package", code=1)
    assert "no-such-package" in value["error"]
    value = plan(conda, "-p", over_pip, "--", "install", "alpha=1.0", "alpha=2.0", code=1)
    assert "alpha" in value["error"]
    assert "unsatisfiable" in value["error"].lower() or "alpha" in value["error"]
    assert "no such revision" in plan(conda, "-p", over_pip, "--", "install", "--revision", "99", code=1)["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no conda command"),
        (("--", "frobnicate"), "conda frobnicate"),
        (("--", "env", "frobnicate"), "conda env frobnicate"),
        (("--", "run", "pip", "list"), "conda run pip"),
        (("--", "doctor", "--fix"), "conda doctor --fix"),
        (("-p", "here", "--", "install", "-n", "there", "alpha"), "named twice"),
        (("--", "install", "--no-such-option"), "no-such-option"),
    ],
)
def test_usage(conda: Conda, words: tuple[str, ...], said: str) -> None:
    assert said in plan(conda, *words, code=2)["error"]


@pytest.mark.parametrize(
    "words", [("list",), ("env", "list"), ("info", "--envs"), ("export", "--json"), ("conda", "config", "--show")]
)
def test_a_command_that_needs_no_plan(conda: Conda, over_pip: Path, words: tuple[str, ...]) -> None:
    value = plan(conda, "-p", over_pip, "--", *words, code=0)
    assert (value["harmed"], value["prefix"], value["link"]) == (False, str(over_pip), [])
    assert value["notes"] == ["this command installs and removes no package"]
    assert plan(conda, "--", *words, "-p", over_pip, code=0)["prefix"] == str(over_pip)
    assert plan(conda, "--", *words, "-p", f"{over_pip}/none", code=1)["command"] == "error"
    if "config" in words:
        assert plan(conda, "-p", over_pip, "--", "config", "-p", code=0)["prefix"] == str(over_pip)


def test_create_without_a_name_is_not_about_base(conda: Conda, over_pip: Path) -> None:
    active = {"CONDA_PREFIX": str(over_pip)}
    value = plan(conda, "--", "create", "--dry-run", "alpha=1.0", code=0, env=active)
    assert not value["deletes_prefix"]
    assert value["prefix"] != str(over_pip)


def test_remove(conda: Conda, replaced: Path) -> None:
    before = tree(replaced)
    value = plan(conda, "-p", replaced, "--", "remove", "alpha", code=3)
    assert "deleted" in harms(value)["alpha"]
    assert tree(replaced) == before, "the record that pip stranded is still there, nothing was recorded"


def test_remove_all(conda: Conda, over_pip: Path) -> None:
    before = tree(over_pip)
    value = plan(conda, "-p", over_pip, "--", "remove", "--all", code=3)
    assert value["deletes_prefix"] is True
    assert harms(value) == {"alpha": ["deleted"]}
    kept = plan(conda, "-p", over_pip, "--", "remove", "--all", "--keep-env", code=3)
    assert "orphaned" in harms(kept)["alpha"]
    assert tree(over_pip) == before
    text = conda.run("pipsafe", "plan", "-p", over_pip, "--", "env", "remove", env=DEBUG)
    assert text.returncode == 3
    assert "will be deleted, with 1 package that pip installed in it" in text.stdout


def test_revision(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    conda.run("remove", "-y", "-p", prefix, "alpha").ok()
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    before = tree(prefix)
    value = plan(conda, "-p", prefix, "--download", "--", "install", "--revision", "0", code=3)
    assert tree(prefix) == before
    assert value["exact"] is True
    assert [(item["name"], item["version"]) for item in value["link"]] == [("alpha", "1.0")]
    assert "overwritten" in harms(value)["alpha"]
    assert plan(conda, "-p", prefix, "--", "install", "--revision", "1", code=0)["link"] == []


def explicit_file(folder: Path, channel: Channel, *names: str) -> Path:
    archives = [path for path in sorted(channel.root.rglob("*.conda")) if path.name.startswith(names)]
    file = folder / "explicit.txt"
    file.write_text("\n".join(["# platform: any", "@EXPLICIT", *(path.as_uri() for path in archives)]) + "\n", "utf-8")
    return file


def test_explicit(conda: Conda, over_pip: Path, channel: Channel, tmp_path: Path) -> None:
    own = {"CONDA_PKGS_DIRS": str(tmp_path / "own-pkgs")}
    file = explicit_file(tmp_path, channel, "alpha-3.0", "gamma-1.0")
    before = tree(over_pip)
    value = plan(conda, "-p", over_pip, "--", "install", "--file", file, code=3, env=own)
    assert value["exact"] is False
    assert harms(value) == {"alpha": ["same-name"]}
    exact = plan(conda, "-p", over_pip, "--download", "--", "install", "--file", file, code=3, env=own)
    assert exact["exact"] is True
    assert "overwritten" in harms(exact)["alpha"]
    assert sorted(item["name"] for item in exact["link"]) == ["alpha", "gamma"]
    [archive] = channel.root.rglob("gamma-1.0-*.conda")
    assert plan(conda, "-p", over_pip, "--", "install", archive, code=0, env=own)["exact"] is True
    assert tree(over_pip) == before


@pytest.mark.parametrize("how", ["clone", "rename"])
def test_copy(conda: Conda, replaced: Path, how: str) -> None:
    copy = replaced.parent / "copy"
    words = (
        ("--", "create", "-p", copy, "--clone", replaced) if how == "clone" else ("-p", replaced, "--", "rename", copy)
    )
    before = tree(replaced)
    value = plan(conda, *words, code=3)
    assert tree(replaced) == before
    assert not copy.exists()
    assert value["copied_from"] == str(replaced)
    assert [(item["name"], item["becomes"]["version"]) for item in value["replaced"]] == [("alpha", "1.0")]
    text = conda.run("pipsafe", "plan", *words, env=DEBUG)
    assert text.returncode == 3
    assert "becomes conda's 1.0 again" in text.stdout


def test_copy_of_a_sound_environment(conda: Conda, over_pip: Path) -> None:
    value = plan(conda, "--", "create", "-p", over_pip.parent / "copy", "--clone", over_pip, code=0)
    assert value["replaced"] == []
    assert value["harms"] == []


def test_create_over_an_environment(conda: Conda, over_pip: Path) -> None:
    value = plan(conda, "-p", over_pip, "--", "create", "-y", "gamma", code=3)
    assert value["deletes_prefix"] is True
    assert "first" in value["notes"][0]
    fresh = plan(conda, "-p", over_pip.parent / "new", "--", "create", "gamma", code=0)
    assert "gamma" in [item["name"] for item in fresh["link"]]
    assert not (over_pip.parent / "new").exists()


@pytest.mark.parametrize("name", [None, "elsewhere"])
def test_env_update(conda: Conda, over_pip: Path, tmp_path: Path, name: str | None) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(f"name: {name}\ndependencies:\n- alpha=1.0\n- pip:\n  - zeta\n", "utf-8")
    before = tree(over_pip)
    value = plan(conda, "-p", over_pip, "--", "env", "update", "--file", file, code=3)
    assert "overwritten" in harms(value)["alpha"] or "same-name" in harms(value)["alpha"]
    assert "pip: section (1 requirement)" in value["notes"][0]
    assert tree(over_pip) == before


def test_env_update_with_nothing_for_conda_does_not_run_pip(conda: Conda, over_pip: Path, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("dependencies:\n- pip:\n  - zeta\n", "utf-8")
    before = tree(over_pip)
    value = plan(conda, "-p", over_pip, "--", "env", "update", "--file", file, code=0)
    assert value["link"] == []
    assert "pip: section" in value["notes"][0]
    assert tree(over_pip) == before


def test_a_pip_section_over_conda_s_packages(conda: Conda, over_pip: Path, tmp_path: Path) -> None:
    """`conda env update` runs `pip install -U` with it: that harms conda's packages."""
    file = tmp_path / "environment.yml"
    file.write_text("dependencies:\n- gamma\n- pip:\n  - gamma\n  - zeta\n", "utf-8")
    value = plan(conda, "-p", over_pip, "--", "env", "update", "--file", file, code=3)
    assert value["harmed"] is True
    assert value["harms"] == []
    assert value["pip_section"] == [
        {"file": str(file), "requirement": "gamma", "replaces": {"name": "gamma", "version": "1.0"}}
    ]
    told = conda.run("pipsafe", "plan", "-p", over_pip, "--", "env", "update", "--file", file)
    assert told.returncode == 3
    assert f"the pip section of {file} asks pip for what conda brings too" in told.stdout
    file.write_text("dependencies:\n- gamma\n- pip:\n  - zeta\n", "utf-8")
    assert plan(conda, "-p", over_pip, "--", "env", "update", "--file", file, code=0)["pip_section"] == []


def test_environment_files_that_are_not_here(conda: Conda, over_pip: Path, tmp_path: Path) -> None:
    """Of these `env update` would not say anything before it runs pip."""
    gone = plan(conda, "-p", over_pip, "--", "env", "update", "--file", tmp_path / "none.yml", code=1)
    assert "none.yml' file not found" in gone["error"]
    address = "https://127.0.0.1:1/environment.yml"
    remote = plan(conda, "-p", over_pip, "--", "env", "update", "--file", address, code=1)
    assert f"a plan needs the file on this disk: download {address} first" in remote["error"]


def test_pipsafe_by_itself_asks_the_user_s_conda(conda: Conda, over_pip: Path) -> None:
    from support.running import run

    variables = {**conda.environment, "CONDA_EXE": str(conda.executable)}
    import sys

    done: Finished = run(
        sys.executable, "-m", "conda_pipsafe", "plan", "-p", over_pip, "--", "install", "alpha=1.0", env=variables
    )
    assert done.returncode == 3, done.stderr
    assert "conda's alpha 1.0" in done.stdout
