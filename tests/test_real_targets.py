"""PS4xx: where real pips really install, and what `status` and `audit` say of it beforehand."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.package import PREFIX_PLACEHOLDER, PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.installer import targets
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.driving import Driver
from support.real_damage import look, site_of, told
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv

KERNEL = '{{"argv": ["{}/bin/python", "-m", "ipykernel_launcher"], "display_name": "x", "language": "python"}}'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setenv("HOME", str(made))
    return made


def activated(prefix: Path, *first: Path, **more: str) -> dict[str, str]:
    """The variables of a shell in which an environment is active, with folders before it on PATH."""
    path = os.pathsep.join([*map(str, first), str(prefix / "bin"), "/usr/bin", "/bin"])
    return clean_environment({"CONDA_PREFIX": str(prefix), "PATH": path, **more})


def status(prefix: Path, variables: dict[str, str]) -> tuple[list[tuple[str, str]], str | None]:
    """Codes and severities, and the folder that `pip install` writes to."""
    target = targets.look(read_snapshot(str(prefix)), variables)
    return [(item.code, item.severity) for item in target.findings], target.folder


def lands(prefix: Path, wheels: Path, variables: dict[str, str], *words: str) -> str:
    """Where `pip install`, typed as it is, puts a package."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = run("/bin/sh", "-c", f"pip install {' '.join(words)} plain", env={**offline, **variables}).ok()
    assert "Successfully installed plain-1.0" in done.stdout
    (found,) = [path for path in prefix.parent.rglob("plain-1.0.dist-info") if "uv-cache" not in str(path)]
    shutil.rmtree(found)
    shutil.rmtree(found.parent / "plain")
    return str(found.parent)


class TestProgram:
    @pytest.mark.damage("PS401", "PS402")
    @pytest.mark.usefixtures("home")
    def test_another_environment_s(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix, other, bare = make_env("pip"), make_env("pip", name="other"), make_env("python", name="bare")
        first = activated(prefix, other / "bin")
        assert status(prefix, first) == ([("PS401", "warning")] * 2, str(site_of(other)))  # pip and python
        assert lands(prefix, rival_wheels, first) == str(site_of(other))
        missing = activated(bare, PATH=f"{bare}/bin:{other}/bin:/usr/bin:/bin")
        assert status(bare, missing) == ([("PS402", "note")], str(site_of(other)))
        assert lands(bare, rival_wheels, missing) == str(site_of(other))

    @pytest.mark.damage("PS401", "PS402")
    @pytest.mark.usefixtures("home")
    def test_a_virtual_environment_s(self, make_env: MakeEnv, rival_wheels: Path, tmp_path: Path) -> None:
        prefix, bare = make_env("pip"), make_env("python", name="bare")
        run(prefix / "bin/python", "-m", "venv", "--without-pip", tmp_path / "venv").ok()
        pip(prefix, "--python", tmp_path / "venv/bin/python", "install", "--find-links", rival_wheels, "plain").ok()
        shutil.copy(prefix / "bin/pip", tmp_path / "venv/bin/pip")
        variables = activated(prefix, tmp_path / "venv/bin")
        assert status(prefix, variables)[0] == [("PS401", "warning")]
        assert status(bare, activated(bare, PATH=f"{bare}/bin"))[0] == [("PS402", "note")]

    @pytest.mark.twin("PS401", "PS402", "PS403", "PS404", "PS405", "PS406", "PS407")
    def test_its_own(self, make_env: MakeEnv, rival_wheels: Path, home: Path) -> None:
        prefix = make_env("pip", "alpha=1.0")
        pip(prefix, "install", "--user", "--find-links", rival_wheels, "new", env={"HOME": str(home)}).ok()
        pip(prefix, "install", "--target", home / "more", "--find-links", rival_wheels, "old", "--no-deps",
            "--ignore-requires-python").ok()  # fmt: skip
        (prefix / "pip.conf").write_text("[global]\ntimeout = 9\n[install]\nuser = false\n")
        variables = activated(prefix, PIP_INDEX_URL="https://x.test", PIP_USER="no", PYTHONPATH=str(home / "empty"))
        assert status(prefix, variables) == ([], str(site_of(prefix)))
        assert lands(prefix, rival_wheels, activated(prefix)) == str(site_of(prefix))
        assert told(prefix) == []


class TestFolder:
    @pytest.mark.damage("PS403")
    def test_user_site(self, make_env: MakeEnv, wheelhouse: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        prefix = make_env("pip", "alpha=1.0", "gamma")
        pip(prefix, "install", "--user", "--find-links", wheelhouse, "alpha==3.0", env={"HOME": str(home)}).ok()
        folder = str(next(home.glob(".local/lib/python*/site-packages")))
        assert told(prefix) == [("PS403", "warning", folder)]
        seen = run(prefix / "bin/python", "-c", "import alpha; print(alpha.__version__)").ok()
        assert seen.stdout.strip() == "3.0"
        monkeypatch.setenv("PYTHONNOUSERSITE", "1")
        assert told(prefix) == []

    @pytest.mark.damage("PS403", "PS404")
    @pytest.mark.usefixtures("home")
    def test_user_base_and_python_path(self, make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
        prefix = make_env("pip", "alpha=1.0")
        base = str(tmp_path / "base")
        words = ["install", "--find-links", str(wheelhouse), "alpha==2.0"]
        pip(prefix, *words, "--user", env={"PYTHONUSERBASE": base}).ok()
        assert status(prefix, activated(prefix, PYTHONUSERBASE=base))[0] == [("PS403", "warning")]
        pip(prefix, *words, "--target", tmp_path / "more").ok()
        variables = activated(prefix, PYTHONPATH=str(tmp_path / "more"))
        assert status(prefix, variables)[0] == [("PS404", "warning")]
        seen = run(prefix / "bin/python", "-c", "import alpha; print(alpha.__version__)", env=variables).ok()
        assert seen.stdout.strip() == "2.0"

    @pytest.mark.damage("PS404")
    @pytest.mark.usefixtures("home")
    def test_python_path_with_what_the_environment_lacks(self, make_env: MakeEnv, wheelhouse: Path) -> None:
        prefix, other = make_env("pip"), make_env("pip", name="other")
        pip(other, "install", "--find-links", wheelhouse, "piponly").ok()
        variables = activated(prefix, PYTHONPATH=str(site_of(other)))
        assert status(prefix, variables)[0] == [("PS404", "note")]
        seen = run(prefix / "bin/python", "-m", "pip", "install", "--no-index", "piponly", env=variables).ok()
        assert "already satisfied" in seen.stdout


class TestSettings:
    @pytest.mark.damage("PS405")
    @pytest.mark.parametrize("option", ["user", "target", "prefix"])
    def test_variables(self, make_env: MakeEnv, rival_wheels: Path, home: Path, tmp_path: Path, option: str) -> None:
        prefix = make_env("pip")
        value = "1" if option == "user" else str(tmp_path / "elsewhere")
        variables = activated(prefix, **{f"PIP_{option.upper()}": value})
        codes, folder = status(prefix, variables)
        assert codes == [("PS405", "warning")]
        there = lands(prefix, rival_wheels, variables)
        assert Path(there).is_relative_to(home if option == "user" else tmp_path / "elsewhere")
        assert folder is not None
        assert Path(there).is_relative_to(folder)

    @pytest.mark.damage("PS405")
    @pytest.mark.usefixtures("home")
    def test_pip_config(self, make_env: MakeEnv, rival_wheels: Path, tmp_path: Path) -> None:
        prefix = make_env("pip")
        config = {"PIP_CONFIG_FILE": ""}
        pip(prefix, "config", "--site", "set", "install.target", str(tmp_path / "elsewhere"), env=config).ok()
        assert told(prefix) == [("PS405", "warning", str(prefix / "pip.conf"))]
        assert lands(prefix, rival_wheels, activated(prefix)) == str(tmp_path / "elsewhere")
        pip(prefix, "config", "--site", "unset", "install.target", env=config).ok()
        assert told(prefix) == []

    @pytest.mark.damage("PS409")
    @pytest.mark.twin("PS409")
    @pytest.mark.usefixtures("home")
    def test_guard_of_an_environment_that_was_moved(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        old = make_env("pip", "alpha=1.0", name="old")
        assert main(["guard", "on", "-q", "-p", str(old)]) == 0
        assert told(old) == []
        prefix = old.rename(old.parent / "new")
        (finding,) = [item for item in look(prefix) if item.code != "PS109"]
        assert (finding.code, finding.severity, finding.paths) == ("PS409", "error", ("pip.conf",))
        conf = {"PIP_CONFIG_FILE": "", "PIP_FIND_LINKS": str(rival_wheels)}
        assert pip(prefix, "install", "plain", env=conf).returncode != 0
        assert main(["guard", "on", "-q", "-p", str(prefix)]) == 0  # the way out
        assert [item.code for item in look(prefix)] == ["PS109"]
        pip(prefix, "install", "plain", env=conf).ok()

    @pytest.mark.damage("PS409")
    @pytest.mark.usefixtures("home")
    def test_constraint_of_a_folder_that_was_deleted(self, make_env: MakeEnv, tmp_path: Path) -> None:
        prefix = make_env("pip")
        named = tmp_path / "team" / "constraints.txt"
        named.parent.mkdir()
        named.write_text("alpha<2\n")
        config = {"PIP_CONFIG_FILE": ""}
        pip(prefix, "config", "--site", "set", "install.constraint", named.as_uri(), env=config).ok()
        assert told(prefix) == []
        shutil.rmtree(named.parent)
        assert told(prefix) == [("PS409", "error", str(prefix / "pip.conf"))]
        assert pip(prefix, "install", "plain", env=config).returncode != 0


# root may write everywhere, unless it gives that right up (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) and starts a program.
POWERLESS = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.skipif(sys.platform != "linux", reason="root can give up a right on Linux only")
@pytest.mark.damage("PS406")
@pytest.mark.twin("PS406")
@pytest.mark.parametrize("what", ["a file system", "a folder"])
def test_pip_goes_home_where_it_may_not_write(make_env: MakeEnv, rival_wheels: Path, home: Path, what: str) -> None:
    prefix = make_env("pip")
    site = site_of(prefix)
    folders = [site] if what == "a folder" else [site, site.parent, prefix / "lib", prefix / "bin", prefix]
    variables = activated(prefix, HOME=str(home), PIP_NO_INDEX="1", PIP_FIND_LINKS=str(rival_wheels))
    start: list[str | Path] = [sys.executable, "-c", POWERLESS]
    ours = [*start, sys.executable, "-m", "conda_pipsafe", "status", "-p", prefix, "--json"]
    assert run(*ours, env=variables).ok().json()["findings"] == []
    for path in folders:
        path.chmod(0o555)
    seen = run(*ours, env=variables)
    pips = run(*start, prefix / "bin/python", "-m", "pip", "install", "plain", env=variables)
    for path in folders:
        path.chmod(0o755)
    assert "Defaulting to user installation" in pips.ok().stdout
    (there,) = home.rglob("site-packages")
    assert [item["code"] for item in seen.json()["findings"]] == ["PS406"]
    assert seen.json()["target"]["installs_into"] == str(there)


@pytest.mark.damage("PS407")
@pytest.mark.usefixtures("home")
def test_conda_is_in_it(make_env: MakeEnv, channel: Channel, rival_channel: Channel) -> None:
    """Of a conda that py-rattler linked; a real base is nobody's to try things in."""
    prefix = make_env("pip", "conda", channels=[channel, rival_channel])
    assert status(prefix, activated(prefix))[0] == [("PS407", "note")]


@pytest.mark.damage("PS407")
@pytest.mark.usefixtures("home")
def test_conda_was_added_to_it(driver: Driver, make_env: MakeEnv, channel: Channel, rival_channel: Channel) -> None:
    driver.configure(channels=[channel.url, rival_channel.url])
    prefix = make_env("pip")
    assert status(prefix, activated(prefix))[0] == []
    driver.run("install", "-y", "-p", prefix, "conda").ok()
    assert status(prefix, activated(prefix))[0] == [("PS407", "note")]


class TestKernels:
    @pytest.mark.damage("PS408")
    @pytest.mark.usefixtures("home")
    def test_wheel_with_its_builder_s_path(self, make_env: MakeEnv, tmp_path: Path) -> None:
        prefix = make_env("pip")
        path = "share/jupyter/kernels/made/kernel.json"
        wheel = write_wheel(WheelSpec(name="made", version="1.0", data={path: KERNEL.format("/builder")}), tmp_path)
        pip(prefix, "install", wheel).ok()
        assert told(prefix) == [("PS408", "warning", "made")]
        assert look(prefix)[0].paths == (path,)

    @pytest.mark.damage("PS408")
    @pytest.mark.twin("PS408")
    @pytest.mark.usefixtures("home")
    def test_environment_that_was_moved(self, make_env: MakeEnv, channel: Channel, tmp_path: Path) -> None:
        mine = Channel(tmp_path / "mine")
        path = "share/jupyter/kernels/python3/kernel.json"
        mine.add_all([PackageSpec("ipykernel-like", "1.0", files={path: KERNEL.format(PREFIX_PLACEHOLDER).encode()})])
        old = make_env("python", "ipykernel-like", name="old", channels=[channel, mine])
        assert told(old) == []
        prefix = old.rename(old.parent / "new")
        found = look(prefix)
        assert [(item.code, item.paths) for item in found] == [("PS408", (path,))]
        assert found[0].message.endswith(f"{old}/bin/python, which is not there.")
