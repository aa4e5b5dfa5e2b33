"""`status`: what is known of an environment, which pip would run, how it is guarded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment
from conftest import MakeEnv
from support.running import Conda

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    variables = clean_environment({"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "etc")})
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def status(prefix: Path, *words: str) -> int:
    return main(["status", "-p", str(prefix), *words])


def test_an_active_environment(make_env: MakeEnv, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    monkeypatch.setenv("PATH", f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert status(prefix) == 0
    out = capfd.readouterr().out
    assert f"would go to   {prefix}/lib/python" in out
    assert "guard         off" in out
    assert "PS4" not in out
    monkeypatch.setenv("PIP_TARGET", "/somewhere")
    assert status(prefix) == 0
    out = capfd.readouterr().out
    assert "would go to   /somewhere (`target` is set)" in out
    assert "PS405 (warning): PIP_TARGET sets target = /somewhere" in out
    assert "  1. unset PIP_TARGET\n" in out


def test_json_and_a_guard_that_it_puts_right(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert main(["guard", "on", "-q", "-p", str(prefix)]) == 0
    (prefix / "conda-meta" / "pipsafe" / "constraints.txt").unlink()
    capfd.readouterr()
    assert status(prefix, "--json") == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["guard"]["on"], said["guard"]["in_sync"]) == (True, True)
    assert said["target"]["active"] is False
    assert said["findings"] == []


def test_in_conda(conda: Conda, make_env: MakeEnv) -> None:
    prefix = make_env("python")
    done = conda.run("pipsafe", "status", "-p", prefix, "--json").ok().json()
    assert done["hooks"]["registered"] is True
    # The checkout is on this conda's PYTHONPATH, and that is told as well.
    assert [finding["code"] for finding in done["findings"]] == ["PS402", "PS404"]


def test_without_an_active_environment_what_only_looks_takes_base_as_conda_does(
    conda: Conda, make_env: MakeEnv
) -> None:
    base = make_env("python")
    for command in ("status", "list", "history", "audit"):
        done = conda.run("pipsafe", command, "--json", env={"CONDA_ROOT_PREFIX": str(base)})
        assert str(base) in done.stdout, (command, done.stdout, done.stderr)
        assert done.returncode == 0, (command, done.stderr)


def test_what_changes_an_environment_does_not_guess_one(conda: Conda, make_env: MakeEnv) -> None:
    base = make_env("python", "pip")
    for command in (("install", "alpha"), ("guard", "on")):
        done = conda.run("pipsafe", *command, env={"CONDA_ROOT_PREFIX": str(base)})
        assert done.returncode == 2
        assert "name one with -n ENVIRONMENT or -p PATH" in done.stderr
    assert not (base / "conda-meta" / "pipsafe").exists()
