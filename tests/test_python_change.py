"""Python moves below what pip installed, on real conda."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import BUILD_TIMESTAMP_MS
from conda_pipsafe.demo.python_package import python_package
from conftest import MakeEnv
from support.channel_cache import second_interpreter
from support.driving import Driven, Driver
from support.running import pip, run


def codes(prefix: Path) -> list[str]:
    return [finding.code for finding in engine.audit(gather(str(prefix)).context).findings]


def silent(done: Driven) -> None:
    done.ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr


def site_of(prefix: Path) -> Path:
    (site,) = prefix.glob("lib/python*/site-packages")
    return site


@pytest.fixture
def first_python(channel: Channel, second_python: str) -> str:
    """Short version of the channel's other Python."""
    versions = {
        ".".join(record["version"].split(".")[:2]) for record in channel.records() if record["name"] == "python"
    }
    (first,) = versions - {second_python}
    return first


@pytest.mark.damage("PS301")
def test_python_minor_orphan(
    driver: Driver, make_env: MakeEnv, wheelhouse: Path, first_python: str, second_python: str
) -> None:
    prefix = make_env(f"python={first_python}", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    site = site_of(prefix)
    old = str(site.relative_to(prefix))
    silent(driver.run("install", "-y", "-p", prefix, f"python={first_python}", "zeta"))
    done = driver.run("install", "-y", "-p", prefix, f"python={second_python}").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what `conda ")
    assert f"alpha 2.0: Python changes from {first_python} to {second_python}: it stays behind in {old}" in before
    assert "alpha==2.0" in before
    assert f"1 package stays behind in {old}" in after
    assert done.forecast(prefix)["orphaned"] == [f"{old}/alpha-2.0.dist-info"]
    assert codes(prefix) == ["PS301"]
    assert codes(prefix) == ["PS301"]


@pytest.mark.twin("PS301", "PS303")
def test_python_changes_where_pip_has_nothing(
    driver: Driver, make_env: MakeEnv, first_python: str, second_python: str
) -> None:
    prefix = make_env(f"python={first_python}", "pip", "gamma", "alpha=1.0")
    silent(driver.run("install", "-y", "-p", prefix, f"python={second_python}"))


@pytest.mark.damage("PS303")
def test_marker_left_behind(
    driver: Driver, make_env: MakeEnv, wheelhouse: Path, first_python: str, second_python: str
) -> None:
    prefix = make_env(f"python={first_python}", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    marker = site_of(prefix).parent / "EXTERNALLY-MANAGED"
    marker.write_text("[externally-managed]\n")
    silent(driver.run("install", "-y", "-p", prefix, "zeta"))
    done = driver.run("install", "-y", "-p", prefix, f"python={second_python}").ok()
    path = marker.relative_to(prefix)
    assert done.stderr.count(f"conda-pipsafe: {path}, which keeps pip from writing to {prefix}") == 1
    assert "PS303" in codes(prefix)


@pytest.mark.damage("PS303")
def test_marker_left_behind_where_pip_has_nothing(
    driver: Driver, make_env: MakeEnv, first_python: str, second_python: str
) -> None:
    """That is where it matters most: it has kept pip out so far."""
    prefix = make_env(f"python={first_python}", "pip")
    marker = site_of(prefix).parent / "EXTERNALLY-MANAGED"
    marker.write_text("[externally-managed]\n")
    words = ["install", "-y", "-p", str(prefix), f"python={second_python}"]
    silent(driver.run("install", "-y", "-p", prefix, "zeta"))
    said = f"{marker.relative_to(prefix)}, which keeps pip from writing to {prefix}, stays behind with the old Python"
    planned = driver.run("pipsafe", "plan", "--", *words).ok()
    assert f"note: {said}" in planned.stderr
    assert f"conda-pipsafe: {said}" in driver.run(*words, "--dry-run").ok().stderr
    done = driver.run(*words).ok()
    assert done.stderr.count(said) == 1
    assert "PS303" in codes(prefix)


@pytest.fixture(scope="session")
def free_threaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Channel, str]:
    """A python whose record names another site-packages folder (CEP 17), as free-threaded ones do; and its version."""
    executable = second_interpreter()
    if executable is None:
        pytest.skip("this machine has no second Python")
    spec = python_package(executable)
    minor = ".".join(spec.version.split(".")[:2])
    made = Channel(tmp_path_factory.mktemp("free-threaded"))
    folder = f"lib/python{minor}t/site-packages"
    made.add_all([dataclasses.replace(spec, build="0_t", python_site_packages_path=folder)])
    return made, spec.version


@pytest.mark.damage("PS301")
def test_another_site_packages_folder_of_the_same_version(
    driver: Driver, make_env: MakeEnv, channel: Channel, wheelhouse: Path, free_threaded: tuple[Channel, str]
) -> None:
    other, version = free_threaded
    prefix = make_env(f"python={version}", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    old = site_of(prefix).relative_to(prefix)
    channels = ["--override-channels", "-c", other.url, "-c", channel.url]
    silent(driver.run("install", "-y", "-p", prefix, *channels, "zeta"))
    done = driver.run("install", "-y", "-p", prefix, *channels, f"python={version}=0_t").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what `conda ")
    assert f"it stays behind in {old}" in before
    assert f"1 package stays behind in {old}" in after
    assert done.forecast(prefix)["orphaned"] == [f"{old}/alpha-2.0.dist-info"]
    assert codes(prefix) == ["PS301"]


class TestStaleBytecode:
    """Python compiles anew when a module's time or size differ: bytecode is stale only where both are the same."""

    @pytest.fixture
    def prefix(self, make_env: MakeEnv, wheelhouse: Path) -> Path:
        made = make_env("python", "pip")
        pip(made, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
        return made

    @staticmethod
    def imported(prefix: Path) -> str:
        return run(prefix / "bin/python", "-B", "-c", "import alpha; print(alpha.__version__)").ok().stdout.strip()

    def test_usually_it_is_not(self, driver: Driver, prefix: Path) -> None:
        driver.run("install", "-y", "-p", prefix, "alpha=1.0").ok()
        assert self.imported(prefix) == "1.0"

    def test_where_it_is_the_forecast_holds_and_the_way_out_works(self, driver: Driver, prefix: Path) -> None:
        module = site_of(prefix) / "alpha" / "__init__.py"
        # A reproducible build gives every version the same time; both versions of this module have one size.
        os.utime(module, (BUILD_TIMESTAMP_MS // 1000,) * 2)
        run(prefix / "bin/python", "-m", "compileall", "-q", "-f", module).ok()
        driver.run("install", "-y", "--download-only", "-p", prefix, "alpha=1.0").ok()
        done = driver.run("install", "-y", "-p", prefix, "alpha=1.0").ok()
        assert self.imported(prefix) == "2.0", "stale: 1.0 is there, 2.0 runs"
        foreseen = done.forecast(prefix)["paths"]
        assert str(module.relative_to(prefix)) in foreseen
        assert not any("__init__.cpython" in path for path in foreseen), "conda leaves the bytecode as it is"
        assert "please report it" not in done.stderr
        assert codes(prefix) == ["PS201"]
        while "not installed" not in pip(prefix, "uninstall", "-y", "alpha").ok().stderr:
            pass
        driver.run("install", "-y", "-p", prefix, "--force-reinstall", "alpha=1.0=py_0").ok()
        assert self.imported(prefix) == "1.0"
        assert codes(prefix) == []
