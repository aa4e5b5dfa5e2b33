"""The hook of `.pre-commit-hooks.yaml`, in real pre-commit, which installs us from this checkout."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from conda_pipsafe.demo.environment import PIP_NETWORK, clean_environment
from support.prefixes import SITE, PrefixFactory
from support.running import Finished, run

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of somebody else's."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git, or this is no checkout: pre-commit takes hooks from a repository")
    folder = tmp_path / "project"
    folder.mkdir()
    run("git", "init", "--quiet", cwd=folder).ok()
    (folder / "README").write_text("x\n")
    run("git", "add", "README", cwd=folder).ok()
    return folder


def hook(project: Path, prefix: Path) -> Finished:
    variables = {"PRE_COMMIT_HOME": str(project.parent / "cache"), "CONDA_PREFIX": str(prefix)}
    command = ("-m", "pre_commit", "try-repo", str(ROOT), "pipsafe-audit", "--all-files", "--verbose")
    return run(sys.executable, *command, cwd=project, env=clean_environment(variables, keep=PIP_NETWORK))


def test_hook_of_pre_commit(project: Path, tmp_path: Path) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.pip_dist("mine")
    left = make.write(f"{SITE}/~ip/x.py")
    done = hook(project, make.root)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "- exit code: 3" in done.stdout
    assert "PS505" in done.stdout
    (project / "pyproject.toml").write_text('[tool.conda-pipsafe]\nignore = ["PS505"]\n')
    run("git", "add", "pyproject.toml", cwd=project).ok()
    assert "Passed" in hook(project, make.root).ok().stdout
    (project / "pyproject.toml").write_text("")
    left.unlink()
    left.parent.rmdir()
    assert "clean: " in hook(project, make.root).ok().stdout
