"""The hooks in a real conda: what is said before, what after, and when nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conda_pipsafe.audit.engine import audit
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.channel import Channel
from conftest import MakeEnv
from support.running import Conda, pip, run

DEBUG = {"PIPSAFE_DEBUG": "1"}


def tree(prefix: Path) -> dict[str, tuple[int, int, int]]:
    """inode, size and mtime of every file of a prefix."""
    found = {}
    for folder, _, names in os.walk(prefix):
        for name in names:
            path = Path(folder, name)
            info = path.lstat()
            found[str(path.relative_to(prefix))] = (info.st_ino, info.st_size, info.st_mtime_ns)
    return found


@pytest.fixture
def over_pip(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 in an environment whose channel has alpha 1.0 to 3.0."""
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


def test_install_over_pip_warns_before_and_tells_after(conda: Conda, over_pip: Path) -> None:
    done = conda.run("install", "-y", "-p", over_pip, "alpha=1.0", env=DEBUG).ok()
    print(done.stdout, done.stderr)
    before, _, after = done.stderr.partition("what `conda install` did")
    assert "alpha 2.0: conda's alpha 1.0" in before
    assert "alpha 2.0 (installed by pip): conda's alpha=1.0=" in after
    assert "overwrote" in after
    assert "--force-reinstall" in after


def test_the_way_out_works_as_it_is_printed(conda: Conda, over_pip: Path, channel: Channel) -> None:
    """From a channel that the settings do not have, as after `-c`; two dist-infos of one name need two uninstalls."""
    conda.configure(channels=[])
    line = ("install", "-y", "-p", over_pip, "--override-channels", "-c", channel.url, "alpha=1.0")
    after = conda.run(*line, env=DEBUG).ok().stderr.partition("what `conda install` did")[2]
    uninstall = after.partition("to have conda's, whole:  ")[2].partition("\n")[0]
    reinstall = after.partition("then:  ")[2].partition("\n")[0]
    assert uninstall.count("pip uninstall -y alpha") == 2
    path = f"{conda.executable.parent}{os.pathsep}{os.environ['PATH']}"
    for command in (uninstall, reinstall):
        run("bash", "-c", command, env={**conda.environment, "PATH": path, "CONDA_ALWAYS_YES": "1"}).ok()
    assert not audit(gather(str(over_pip)).context).findings
    assert sorted(folder.name for folder in over_pip.glob("lib/python*/site-packages/alpha-*")) == [
        "alpha-1.0.dist-info"
    ]


def test_what_is_said_to_stop_the_warnings_stops_them(conda: Conda, over_pip: Path) -> None:
    line = ("install", "-y", "--dry-run", "-p", over_pip, "alpha=1.0")
    warned = conda.run(*line, env=DEBUG).stderr
    said = warned.partition("(to stop these warnings: ")[2].partition(")")[0].split()
    if said[0] == "conda":  # since 25.5
        conda.run(*said[1:]).ok()
        variables = {}
    else:
        assert said[0] == "export"
        variables = dict([said[1].split("=")])
    assert "conda-pipsafe" not in conda.run(*line, env={**DEBUG, **variables}).stderr


def test_conda_config_knows_the_settings(conda: Conda) -> None:
    if conda.version() < (25, 5):  # `config` knows no plugin's settings, and says so
        assert conda.run("config", "--set", "plugins.pipsafe_mode", "block").returncode != 0
        return
    for option, name, value in (
        ("--set", "mode", "block"),
        ("--append", "ignore", "rich"),
        ("--append", "audit_select", "PS1"),
        ("--set", "conda_first", "true"),
    ):
        conda.run("config", option, f"plugins.pipsafe_{name}", value).ok()
    said = conda.run("config", "--get", "plugins.pipsafe_ignore", "plugins.pipsafe_mode").ok().stdout
    assert "rich" in said
    assert "block" in said


def test_dry_run_warns_too(conda: Conda, over_pip: Path) -> None:
    done = conda.run("install", "-y", "--dry-run", "-p", over_pip, "alpha=1.0", env=DEBUG)
    assert "alpha 2.0: conda's alpha 1.0" in done.stderr


def test_json_stays_json(conda: Conda, over_pip: Path) -> None:
    done = conda.run("install", "-y", "--json", "-p", over_pip, "alpha=1.0", env=DEBUG).ok()
    assert done.json()["success"] is True
    assert "alpha 2.0" in done.stderr


def test_twin_without_overlap_is_silent(conda: Conda, over_pip: Path) -> None:
    done = conda.run("install", "-y", "-p", over_pip, "gamma", env=DEBUG).ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr


def test_block_leaves_the_prefix_untouched(conda: Conda, over_pip: Path) -> None:
    conda.configure(plugins={"pipsafe_mode": "block"})
    conda.run("list", "-p", over_pip).ok()
    before = tree(over_pip)
    done = conda.run("install", "-y", "--json", "-p", over_pip, "alpha=1.0", env=DEBUG)
    assert done.returncode == 1
    assert "alpha 2.0" in done.json()["message"]
    assert {path: stamp for path, stamp in tree(over_pip).items() if "pipsafe" not in path} == {
        path: stamp for path, stamp in before.items() if "pipsafe" not in path
    }


@pytest.mark.parametrize("how", ["file", "environment"])
def test_off_says_and_writes_nothing(conda: Conda, over_pip: Path, how: str) -> None:
    if how == "file":
        conda.configure(plugins={"pipsafe_mode": "off"})
    variables = {**DEBUG, **({"CONDA_PLUGINS_PIPSAFE_MODE": "off"} if how == "environment" else {})}
    done = conda.run("install", "-y", "-p", over_pip, "alpha=1.0", env=variables).ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr
    assert not (over_pip / "conda-meta" / "pipsafe").exists()


def test_clone_of_a_damaged_environment_warns(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    done = conda.run("create", "-y", "-p", prefix.parent / "copy", "--clone", prefix, env=DEBUG).ok()
    print(done.stderr)
    assert "alpha 2.0 (installed by pip) becomes conda's 1.0 again" in done.stderr
    assert "alpha 2.0 (installed by pip): conda's alpha=1.0=py_0 overwrote" in done.stderr


def test_a_clone_takes_back_files_of_another_name(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    """Also told afterwards where conda has no hook that sees the transaction."""
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "gamma-core").ok()
    done = conda.run("create", "-y", "-p", prefix.parent / "copy", "--clone", prefix, env=DEBUG).ok()
    assert "gamma-core 1.0 (installed by pip): conda's gamma 1.0 takes back" in done.stderr
    assert "gamma-core 1.0 (installed by pip): conda's gamma=1.0=py_0 overwrote" in done.stderr
    assert "please report it" not in done.stderr


def test_clone_of_a_sound_environment_is_silent(conda: Conda, over_pip: Path) -> None:
    done = conda.run("create", "-y", "-p", over_pip.parent / "copy", "--clone", over_pip, env=DEBUG).ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr


@pytest.fixture
def needing(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's piponly, which needs conda's alpha."""
    prefix = make_env("python", "pip", "alpha=2.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    return prefix


def test_removing_what_pip_needs_warns(conda: Conda, needing: Path) -> None:
    done = conda.run("remove", "-y", "-p", needing, "alpha", env=DEBUG).ok()
    assert "piponly 1.0: will no longer have what it needs: alpha>=1 (nothing will be there)" in done.stderr
    _, _, after = done.stderr.partition("what `conda remove` did")
    assert "piponly 1.0: no longer has what it needs: alpha>=1" in after
    assert f'conda install -p {needing} "alpha>=1"' in after


def test_removing_what_pip_does_not_need_is_silent(conda: Conda, needing: Path) -> None:
    done = conda.run("remove", "-y", "-p", needing, "gamma", env=DEBUG).ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr


def test_downgrading_below_what_pip_needs_warns(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=2.0")
    pip(prefix, "install", "--find-links", wheelhouse, "beta2").ok()
    done = conda.run("install", "-y", "-p", prefix, "alpha=1.0", env=DEBUG).ok()
    assert "beta2 1.0: will no longer have what it needs: alpha>=2 (1.0 will be there)" in done.stderr
    quiet = conda.run("install", "-y", "-p", prefix, "alpha=3.0", env=DEBUG).ok()
    assert "conda-pipsafe" not in quiet.stdout + quiet.stderr
