"""Transactions that names and equal paths do not tell: links over folders, link scripts, purls, moved Pythons."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageFile, PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conftest import MakeEnv
from support.driving import Driven, Driver
from support.running import pip

MODE = "CONDA_PLUGINS_PIPSAFE_MODE"
WARNS = "conda-pipsafe: this transaction will harm 1 package"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Packages that conda carries out in ways of their own."""
    made = Channel(tmp_path_factory.mktemp("odd"))
    append = 'echo "# by a script" >> "$PREFIX"/lib/python*/site-packages/tool/__init__.py\n'
    made.add_all([
        PackageSpec("dirlink", "1.0", noarch="generic", files={
            "share/real/y.txt": b"conda's\n", "share/common": PackageFile(link_to="real")}),
        PackageSpec("poster", "1.0", noarch="generic", files={
            "bin/.poster-post-link.sh": PackageFile(append.encode(), executable=True)}),
        PackageSpec("cquux", "2.0", noarch="generic", depends=["python"], files={"share/cquux": b""},
                    extra_index={"purls": ["pkg:pypi/quux-dist@2.0"]}),
        PackageSpec("tool", "1.0", files={"lib/libtool-c.so": b""}),
        PackageSpec("namesake", "1.0", noarch="python", depends=["python"],
                    files={"site-packages/namesake_c.py": b""}),
    ])  # fmt: skip
    return made


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd-wheels")
    tool = WheelSpec("tool", "0.5", {"tool/__init__.py": "X = 1\n"}, data={"share/common/x.txt": "pip's\n"})
    for spec in (
        tool,
        WheelSpec("Quux.Dist", "1.0", {"quux.py": ""}),
        WheelSpec("namesake", "0.1", {"namesake.py": ""}),
    ):
        write_wheel(spec, folder)
    return folder


def install(prefix: Path, wheels: Path, *names: str) -> None:
    pip(prefix, "install", "--no-index", "--find-links", wheels, *names).ok()


def conda(driver: Driver, prefix: Path, odd: Channel, channel: Channel, *words: str, **env: str) -> Driven:
    return driver.run("install", "-y", "-p", prefix, "-c", odd.url, "-c", channel.url, *words, env=env)


def test_a_link_in_the_place_of_a_folder(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    conda(driver, prefix, odd, channel, "dirlink", "--download-only").ok()
    refused = conda(driver, prefix, odd, channel, "dirlink", **{MODE: "block"})
    assert refused.returncode == 1
    assert (prefix / "share/common/x.txt").read_text() == "pip's\n"
    done = conda(driver, prefix, odd, channel, "dirlink").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what `conda install`")
    cause = "conda's dirlink 1.0, put where a folder of theirs is, will delete 1 file (share/common/x.txt)"
    assert f"tool 0.5: {cause}" in before
    assert (prefix / "share/common").is_symlink()
    assert not (prefix / "share/common/x.txt").exists()
    assert "conda deleted 1 file (share/common/x.txt)" in after
    assert "please report it" not in after


def test_a_link_script_that_writes_into_pip_s_files(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    """No list of paths tells it before; the look afterwards does."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    done = conda(driver, prefix, odd, channel, "poster").ok()
    assert "this transaction will harm" not in done.stderr
    assert "tool 0.5 (installed by pip): a script of a package's, or somebody else, overwrote 1 file" in done.stderr
    assert "not foreseen" in done.stderr


def test_names_that_only_the_channel_knows(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "Quux.Dist", "tool")
    told = conda(driver, prefix, odd, channel, "cquux", "--dry-run").ok().stderr
    assert WARNS in told
    assert "Quux.Dist 1.0: conda's cquux 2.0 comes under the same name (not downloaded yet" in told
    # Nothing is changed by a download.
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "cquux", "--download-only").ok().stderr
    # A library that needs no Python is no distribution.
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "tool", "--dry-run").ok().stderr


def test_an_alarm_of_a_name_is_taken_back(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "namesake")
    done = conda(driver, prefix, odd, channel, "namesake").ok()
    assert "namesake 0.1: conda's namesake 1.0 comes under the same name (not downloaded yet" in done.stderr
    assert "namesake 0.1: not harmed: no path of it is met" in done.stderr
    assert "conda-pipsafe: what" not in done.stderr


def test_a_package_that_both_have_moves_with_python(
    driver: Driver, make_env: MakeEnv, wheelhouse: Path, second_python: str
) -> None:
    prefix = make_env("python={}.{}".format(*sys.version_info), "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    told = driver.run("install", "--dry-run", "-y", "-p", prefix, f"python={second_python}").ok().stderr
    assert "alpha 2.0: " in told
    assert "it stays behind in" in told
    assert "second dist-info" not in told, "conda's goes to the other folder"
    assert "afterwards, install again" not in told, "conda's alpha comes for the new Python"
