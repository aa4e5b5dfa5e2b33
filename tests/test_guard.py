"""The guard on real environments, with real pips of several years, uv and conda."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.installer import guard as guards
from conda_pipsafe.installer.guard_pins import find_pins
from conda_pipsafe.prefix.snapshot import read_snapshot
from conda_pipsafe.render.guard import guard_lines
from conftest import MakeEnv
from support.guard_matrix import find_uv
from support.packages import simple
from support.prefixes import SITE, PrefixFactory, metadata
from support.projects import project
from support.running import Conda, Finished, pip, run
from test_hooks import DEBUG

PIPS = ("23.3.2", "24.3.1", "25.2", "26.1", "26.3")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheelhouse: Path) -> None:
    places = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "PIP_ROOT_USER_ACTION": "ignore"}
    variables = clean_environment({**places, **settings})
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def guard(prefix: Path, action: str, *words: str) -> int:
    return main(["guard", action, "-p", str(prefix), *words])


def raw(prefix: Path, *words: str | Path, **variables: str) -> Finished:
    """The environment's pip as a user has it: its own pip.conf counts."""
    names = ("HOME", "XDG_CONFIG_DIRS", "PIP_FIND_LINKS")
    return pip(prefix, *words, env={**{name: os.environ[name] for name in names}, "PIP_CONFIG_FILE": "", **variables})


def outside(prefix: Path) -> dict[str, bytes]:
    """Every file but what is below conda-meta/pipsafe."""
    files = (path for path in prefix.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path): path.read_bytes() for path in files if "pipsafe" not in path.parts}


def test_on_and_off_leave_everything_as_it_was(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    before = outside(prefix)
    assert guard(prefix, "status") == 0
    assert "guard: off" in capfd.readouterr().out
    assert guard(prefix, "on") == 0
    assert guard(prefix, "on") == 0
    refused = raw(prefix, "install", "alpha==2.0")
    assert refused.returncode == 1
    assert "The user requested (constraint) alpha==1.0" in refused.stdout + refused.stderr
    raw(prefix, "install", "piponly").ok()
    raw(prefix, "uninstall", "-y", "piponly").ok()
    capfd.readouterr()
    assert guard(prefix, "status", "--json") == 0
    (said,) = json.loads(capfd.readouterr().out)["environments"]
    assert (said["on"], said["in_sync"], said["uv"], said["pinned"]["alpha"]) == (True, True, True, "1.0")
    assert guard(prefix, "off") == 0
    assert outside(prefix) == before
    assert not [path.name for path in (prefix / "conda-meta" / "pipsafe").iterdir() if "constraint" in path.name]


@pytest.mark.parametrize(
    "content", [b"[global]\nindex-url = https://u:p@h/simple\n[install]\nconstraint =\n    a.txt", b""]
)
def test_an_existing_pip_conf_keeps_every_byte_and_its_mode(make_env: MakeEnv, content: bytes) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    conf = prefix / "pip.conf"
    conf.write_bytes(content)
    conf.chmod(0o600)
    assert guard(prefix, "on") == 0
    assert conf.stat().st_mode & 0o777 == 0o600
    assert not any(b"u:p" in path.read_bytes() for path in (prefix / "conda-meta" / "pipsafe").iterdir())
    assert guard(prefix, "off") == 0
    assert (conf.read_bytes(), conf.stat().st_mode & 0o777) == (content, 0o600)


def test_what_was_edited_meanwhile_stays(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert guard(prefix, "on") == 0
    conf, state = prefix / "pip.conf", prefix / "conda-meta" / "state"
    conf.write_text(conf.read_text() + "timeout = 5\n")
    variables = json.loads(state.read_text())
    variables["env_vars"]["MINE"] = "é"
    state.write_text(json.dumps(variables, ensure_ascii=False))
    assert guard(prefix, "off") == 0
    assert [line for line in conf.read_text().splitlines() if not line.startswith("#")] == ["[install]", "timeout = 5"]
    assert json.loads(state.read_text()) == {"env_vars": {"MINE": "é"}}


def test_a_blank_in_the_path(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", name="with blank")
    assert guard(prefix, "on") == 0
    assert "(constraint) alpha==1.0" in raw(prefix, "install", "alpha==2.0").stdout
    raw(prefix, "install", "piponly").ok()


def test_refused_where_it_cannot_be_undone(make_env: MakeEnv, tmp_path: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip")
    (tmp_path / "shared.conf").write_text("")
    (prefix / "pip.conf").symlink_to(tmp_path / "shared.conf")
    assert guard(prefix, "on") == 1
    assert "symbolic link" in capfd.readouterr().err
    (prefix / "pip.conf").unlink()
    (prefix / "pip.conf").write_text("secret without a section\n")
    assert guard(prefix, "on") == 1
    err = capfd.readouterr().err
    assert "cannot be read (line 1)" in err
    assert "secret" not in err


def test_refresh_follows_conda_and_a_move(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert guards.refresh(str(prefix)) is None
    assert not (prefix / "conda-meta" / "pipsafe").exists()
    assert guard(prefix, "on") == 0
    assert guards.look(read_snapshot(str(prefix))).stale == ()
    other = prefix.parent / "moved"
    shutil.copytree(prefix, other, symlinks=True)
    stale = guards.look(read_snapshot(str(other)))
    assert len(stale.stale) == 2
    said = guard_lines(stale)
    assert [line.startswith("  STALE: ") for line in said[2:4]] == [True, True]
    assert said[4] == "  -> `conda pipsafe guard on` puts it right; so does the next conda command"
    assert guards.refresh(str(other)) is None
    assert guards.look(read_snapshot(str(other))).stale == ()
    assert "STALE" not in "\n".join(guard_lines(guards.look(read_snapshot(str(other)))))
    assert str(prefix) not in (other / "pip.conf").read_text() + (other / "conda-meta" / "state").read_text()
    (other / "conda-meta" / "pipsafe" / "constraints.txt").unlink()
    assert "pip fails on every install" in guards.look(read_snapshot(str(other))).stale[0]
    assert guards.refresh(str(other)) is None
    assert guards.look(read_snapshot(str(other))).stale == ()


def test_a_second_refresh_writes_nothing(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert guard(prefix, "on") == 0
    folder = prefix / "conda-meta" / "pipsafe"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert guards.refresh(str(prefix)) is None
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_conda_keeps_it_right(conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    conda.run("pipsafe", "guard", "on", "-p", prefix, env=DEBUG).ok()
    conda.run("install", "-y", "-p", prefix, "alpha=2.0", "gamma", env=DEBUG).ok()
    raw(prefix, "install", "beta2").ok()
    assert raw(prefix, "install", "alpha==3.0").returncode == 1
    assert dict(guards.look(read_snapshot(str(prefix))).pins.pinned)["gamma"] == "1.0"
    assert guards.look(read_snapshot(str(prefix))).stale == ()

    clone, renamed = prefix.parent / "clone", prefix.parent / "renamed"
    conda.run("create", "-y", "-p", clone, "--clone", prefix, env=DEBUG).ok()
    assert guards.look(read_snapshot(str(clone))).stale == ()
    assert raw(clone, "install", "alpha==3.0").returncode == 1
    raw(clone, "install", "piponly").ok()

    conda.run("rename", "-y", "-p", clone, renamed, env=DEBUG).ok()
    assert guards.look(read_snapshot(str(renamed))).stale == ()
    raw(renamed, "install", "eta").ok()
    assert raw(renamed, "install", "alpha==3.0").returncode == 1
    assert "UV_CONSTRAINT" in conda.run("env", "config", "vars", "list", "-p", renamed).ok().stdout

    # What the `pip:` section needs comes with the same command.
    (prefix.parent / "both.yml").write_text(
        f"dependencies:\n- alpha=3.0\n- pip\n- pip:\n  - --no-index\n  - --find-links {wheelhouse}\n  - alpha>=3\n"
    )
    conda.run("env", "update", "-p", renamed, "-f", prefix.parent / "both.yml", env=DEBUG).ok()
    assert guards.look(read_snapshot(str(renamed))).stale == ()

    (prefix.parent / "more.yml").write_text(
        f"dependencies:\n- pip\n- pip:\n  - --no-index\n  - --find-links {wheelhouse}\n  - zeta\n"
    )
    conda.run("env", "update", "-p", renamed, "-f", prefix.parent / "more.yml", env=DEBUG).ok()
    assert list(renamed.glob("lib/python*/site-packages/zeta-2.0.dist-info"))


def test_a_new_name_without_anything_of_pips(conda: Conda, make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    renamed = prefix.parent / "renamed"
    conda.run("pipsafe", "guard", "on", "-p", prefix, env=DEBUG).ok()
    conda.run("rename", "-y", "-p", prefix, renamed, env=DEBUG).ok()
    assert guards.look(read_snapshot(str(renamed))).stale == ()


def test_our_own_install_is_not_bound_by_it(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert guard(prefix, "on") == 0
    assert main(["install", "-p", str(prefix), "piponly"]) == 0
    variables = guards.unguarded(
        str(prefix), {"UV_CONSTRAINT": f"mine.txt {prefix}/conda-meta/pipsafe/uv-constraints.txt"}
    )
    assert variables == {"UV_CONSTRAINT": "mine.txt", "PIP_CONSTRAINT": os.devnull}
    raw(prefix, "install", "alpha==2.0", PIP_CONSTRAINT=variables["PIP_CONSTRAINT"]).ok()
    assert guards.unguarded(str(prefix), {"PIP_CONSTRAINT": "mine.txt"}) == {"PIP_CONSTRAINT": "mine.txt"}
    assert capfd.readouterr().out


def test_uv_by_its_variable(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", name="with blank")
    state = prefix / "conda-meta" / "state"
    before = '{\n "env_vars": {"A": "1"},\n "version": 1}'
    state.write_text(before)
    assert guard(prefix, "on") == 0
    constraint = json.loads(state.read_text())["env_vars"]["UV_CONSTRAINT"]
    variables = {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(wheelhouse),
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(tmp_path),
    }
    environment = clean_environment({**variables, "CONDA_PREFIX": str(prefix), "UV_CONSTRAINT": constraint})
    assert run(find_uv(), "pip", "install", "alpha==2.0", env=environment).returncode == 1
    run(find_uv(), "pip", "install", "piponly", env=environment).ok()
    assert guard(prefix, "off") == 0
    assert state.read_text() == before


def newer_setuptools(folder: Path) -> Path:
    """A project whose build wants a newer `buildtool` and a newer `setuptools` than conda has."""
    for name, module in (("setuptools", "setuptools_newer"), ("alpha", "alpha_newer")):
        write_wheel(WheelSpec(name=name, version="77.0", modules={f"{module}.py": ""}), folder)
    proj = project(folder / "proj")
    backend = proj / "backend.py"
    backend.write_text("import setuptools_newer\n" + backend.read_text())
    (proj / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return proj


def own_setuptools(prefix: Path) -> None:
    """Make a conda package of setuptools 60, by hand, in a real environment."""
    (site,) = prefix.glob("lib/python*/site-packages")
    info = site / "setuptools-60.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata("setuptools", "60.0"))
    (info / "INSTALLER").write_text("conda\n")
    (info / "RECORD").write_text("")
    files = [str(path.relative_to(prefix)) for path in sorted(info.iterdir())]
    record = {"name": "setuptools", "version": "60.0", "build": "0", "build_number": 0, "files": files, "depends": []}
    (prefix / "conda-meta" / "setuptools-60.0-0.json").write_text(json.dumps(record))


@pytest.fixture(scope="session")
def several_pips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of real pips; of the session, so that the user's index settings are still there."""
    folder = tmp_path_factory.mktemp("pips")
    for version in PIPS:
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), f"pip=={version}"]
        subprocess.run(download, check=True, capture_output=True)
    return folder


@pytest.mark.network
@pytest.mark.parametrize("version", PIPS)
def test_isolated_builds_are_never_held(make_env: MakeEnv, tmp_path: Path, several_pips: Path, version: str) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    proj = newer_setuptools(tmp_path)
    own_setuptools(prefix)
    pip(prefix, "install", "-q", "--find-links", several_pips, f"pip=={version}").ok()
    assert guard(prefix, "on") == 0
    raw(prefix, "install", "--find-links", tmp_path, proj).ok()
    raw(prefix, "install", "--find-links", tmp_path, "-e", proj).ok()
    assert raw(prefix, "install", "--find-links", tmp_path, "alpha==2.0").returncode == 1
    held = raw(prefix, "install", "--find-links", tmp_path, "--dry-run", "setuptools>=77")
    freed = "setuptools" in find_pins(read_snapshot(str(prefix))).for_builds
    assert freed == version.startswith(("25", "26.1"))
    assert held.returncode == (0 if freed else 1)


def test_what_no_pin_fits_is_left_out_and_told(tmp_path: Path) -> None:
    prefix = PrefixFactory(tmp_path / "e")
    prefix.conda_dist("fine", "1.0+local")
    prefix.conda_dist("odd", "not.a.version")
    prefix.conda_dist("twice", "1.0")
    prefix.pip_dist("twice", "2.0")
    prefix.pip_dist("mine", "1.0")
    pins = find_pins(read_snapshot(str(prefix.root)))
    assert pins.pinned == (("fine", "1.0+local"),)
    assert [key for key, _ in pins.skipped] == ["odd", "twice"]
    assert (prefix.root / SITE).is_dir()


def test_a_local_version_is_pinned_as_it_is(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    for version in ("1.0", "1.0+cpu", "1.1"):
        write_wheel(simple("eta", version), tmp_path)
    raw(prefix, "install", "--find-links", tmp_path, "eta==1.0+cpu").ok()
    (info,) = prefix.glob("lib/python*/site-packages/eta-1.0+cpu.dist-info")
    files = [str(path.relative_to(prefix)) for path in sorted(info.iterdir())]
    record = {"name": "eta", "version": "1.0", "build": "0", "build_number": 0, "files": files, "depends": []}
    (prefix / "conda-meta" / "eta-1.0-0.json").write_text(json.dumps(record))
    assert guard(prefix, "on") == 0
    raw(prefix, "install", "--find-links", tmp_path, "eta>=1.0").ok()
    assert raw(prefix, "install", "--find-links", tmp_path, "eta==1.1").returncode == 1
    assert python_of(prefix).exists()


def test_the_environments_that_are_named(make_env: MakeEnv, capfd: Capture) -> None:
    first, second = make_env("python", "pip", name="a"), make_env("python", "pip", name="b")
    (second / "pip.conf").write_text("broken\n")
    assert main(["guard", "on", "-p", str(first), "-p", str(second)]) == 1
    captured = capfd.readouterr()
    assert f"{first}: guard on, in sync" in captured.out
    assert f"{second}: pip's settings" in captured.err
    (second / "pip.conf").unlink()
    assert main(["guard", "status", "--json", "-p", str(first), "-p", str(second)]) == 0
    found = json.loads(capfd.readouterr().out)["environments"]
    assert [item["on"] for item in found] == [True, False]
