"""PS1xx: real pip and uv harm what conda installed; each harm is told exactly, and its way out leads out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.real_damage import Ways, inside, look, site_of, the, told, uv
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.fixture
def channels(channel: Channel, rival_channel: Channel) -> list[Channel]:
    return [channel, rival_channel]


def install(prefix: Path, wheels: Path, *words: str | Path) -> None:
    pip(prefix, "install", "--find-links", wheels, *words).ok()


class TestPip:
    """One environment, damaged in independent ways; then mended by nothing but the commands that were printed."""

    SPECS = ("pip", "alpha=1.0", "beta", "strict", "gamma", "ns-a", "zeta", "kappa", "rival-conda", "py-opencv")

    @pytest.mark.damage("PS101", "PS102", "PS103", "PS104", "PS105", "PS107", "PS108", "PS110")
    def test_harm_and_ways_out(
        self, make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, driver: Driver
    ) -> None:
        prefix = make_env(*self.SPECS, channels=channels)
        install(prefix, rival_wheels, "alpha==2.0", "stray", "opencv-python", "ns-b", "gamma-core")
        install(prefix, rival_wheels, "--ignore-installed", "zeta==2.0")
        pip(prefix, "uninstall", "-y", "beta", "ns-b", "kappa-tools").ok()
        found = look(prefix)
        assert [(item.code, item.severity, item.subject) for item in found] == [
            ("PS101", "error", "alpha"),
            ("PS102", "error", "beta"),
            ("PS103", "error", "kappa"),
            ("PS103", "error", "ns-a"),
            ("PS105", "error", "gamma-core"),
            ("PS105", "error", "opencv-python"),
            ("PS107", "error", "zeta"),
            ("PS108", "error", "stray"),
            ("PS110", "error", "alpha"),
        ]
        assert the(found, "PS103", "ns-a").paths == inside(prefix, "ns/__init__.py")
        assert set(inside(prefix, "kappa_tools/__init__.py")) < set(the(found, "PS103", "kappa").paths)
        assert the(found, "PS105", "gamma-core").paths == inside(prefix, "gamma/__init__.py")
        assert the(found, "PS107").paths == inside(
            prefix, "zeta-1.0.dist-info", "zeta-2.0.dist-info", "zeta/__init__.py"
        )
        assert the(found, "PS108").message == "The command stray of conda's rival-conda 1.0 starts pip's stray 1.0."
        assert the(found, "PS108").paths == ("bin/stray",)
        assert the(found, "PS110").paths[1] == "conda-meta/strict-1.0-py_0.json"
        Ways(rival_wheels, driver).follow_all(prefix, found)
        assert told(prefix, hashes=True) == []

    @pytest.mark.twin("PS101", "PS102", "PS103", "PS104", "PS105", "PS107", "PS108", "PS110", "PS113")
    def test_the_same_beside_conda(self, make_env: MakeEnv, channels: list[Channel], rival_wheels: Path) -> None:
        prefix = make_env(*self.SPECS, "conda", channels=channels)
        install(prefix, rival_wheels, "piponly", "needs-conda", "plain", "new", "delta-python")
        install(prefix, rival_wheels, "--ignore-installed", "--no-deps", "plain")
        install(prefix, rival_wheels, "--upgrade", "--force-reinstall", "--no-deps", "piponly")
        pip(prefix, "uninstall", "-y", "new").ok()
        assert told(prefix, hashes=True) == []


class TestUv:
    SPECS = ("pip", "alpha=1.0", "beta", "gamma", "zeta", "theta", "kappa")

    @pytest.mark.damage("PS101", "PS104", "PS105", "PS107")
    def test_install_and_reinstall(
        self, make_env: MakeEnv, wheelhouse: Path, rival_wheels: Path, driver: Driver
    ) -> None:
        prefix = make_env(*self.SPECS)
        uv(prefix, "install", "alpha==2.0", "gamma-core", "zeta==2.0", wheels=wheelhouse).ok()
        uv(prefix, "install", "--reinstall", "--no-deps", "beta==1.0", wheels=wheelhouse).ok()
        found = look(prefix)
        assert [(item.code, item.severity, item.subject) for item in found] == [
            ("PS101", "error", "alpha"),
            ("PS105", "error", "gamma-core"),
            ("PS107", "error", "zeta"),
            ("PS104", "warning", "beta"),
        ]
        assert [item.message.split()[0] for item in found] == ["uv", "uv's", "uv", "uv"]
        assert found[2].fixes[0] == f"rm -r {prefix}/{inside(prefix, 'zeta-1.0.dist-info')[0]}"  # it has no RECORD
        Ways(rival_wheels, driver).follow_all(prefix, found)
        assert told(prefix, hashes=True) == []

    @pytest.mark.damage("PS102")
    def test_sync_removes_what_is_not_listed(
        self, make_env: MakeEnv, wheelhouse: Path, tmp_path: Path, driver: Driver
    ) -> None:
        prefix = make_env(*self.SPECS)
        listed = tmp_path / "requirements.txt"
        listed.write_text("delta-python\n")
        uv(prefix, "sync", listed, wheels=wheelhouse).ok()
        found = look(prefix)
        assert [(item.code, item.subject) for item in found] == [
            ("PS102", name) for name in ("alpha", "beta", "gamma", "kappa", "theta")
        ]
        assert found[0].message.endswith("another tool removed it: 12 of its 12 files are gone; beta needs it.")
        Ways(wheelhouse, driver).follow_all(prefix, found)
        assert told(prefix, hashes=True) == []

    @pytest.mark.damage("PS101")
    def test_an_environment_without_pip(self, make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
        prefix = make_env("python", "alpha=1.0")
        uv(prefix, "install", "alpha==2.0", wheels=wheelhouse).ok()
        (found,) = look(prefix)
        assert found.fixes[0] == f"uv pip uninstall --python {prefix}/bin/python alpha"
        Ways(wheelhouse, driver).follow(prefix, found.fixes)
        assert told(prefix, hashes=True) == []

    @pytest.mark.twin("PS101", "PS102", "PS104")
    def test_the_same_beside_conda(self, make_env: MakeEnv, wheelhouse: Path) -> None:
        prefix = make_env("python", "pip")
        uv(prefix, "install", "alpha==1.0", "piponly", wheels=wheelhouse).ok()
        uv(prefix, "install", "--reinstall", "--upgrade", "alpha", wheels=wheelhouse).ok()
        uv(prefix, "uninstall", "piponly", wheels=wheelhouse).ok()
        assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS104", "PS105", "PS110", "PS113")
def test_harm_by_a_requirement(make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, driver: Driver) -> None:
    """Nobody named what is harmed: it came as a requirement, or with another version's files."""
    prefix = make_env("pip", "alpha=1.0", "strict", "py-delta", "epsilon", channels=channels)
    install(prefix, rival_wheels, "beta2", "delta-python", "needs-conda")
    install(prefix, rival_wheels, "--force-reinstall", "--no-deps", write_wheel(
        WheelSpec(name="epsilon", version="1.0", modules={"epsilon/__init__.py": "def main() -> None: ...\n"},
                  console_scripts=["epsilon-cli = epsilon:main"]), rival_wheels.parent,
    ))  # fmt: skip
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS101", "error", "alpha"),
        ("PS105", "error", "delta-python"),
        ("PS110", "error", "alpha"),
        ("PS104", "warning", "epsilon"),
        ("PS113", "warning", "conda"),
    ]
    Ways(rival_wheels, driver).follow_all(prefix, found)
    # What needs the other alpha, or a conda, is there still.
    found = look(prefix)
    assert [(item.code, item.subject) for item in found] == [("PS210", "beta2"), ("PS510", "needs-conda")]
    assert found[1].fixes == (f"conda install -p {prefix} conda",)


@pytest.mark.damage("PS111", "PS112", "PS113")
def test_pins_and_the_mark_bind_pip_too(make_env: MakeEnv, channels: list[Channel], rival_wheels: Path) -> None:
    """Both files are written by people; the mark's time is all that tells before from after."""
    prefix = make_env("pip", "alpha=1.0", channels=channels)
    (prefix / "conda-meta/pinned").write_text("alpha <2\npiponly ==0.9\nnumpy 1.26.*\n")
    frozen = prefix / "conda-meta/frozen"
    frozen.write_text("{}")
    assert told(prefix) == []
    install(prefix, rival_wheels, "alpha==3.0", "piponly", "conda", "numpy==1.26.9")
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS101", "error", "alpha"),
        ("PS111", "warning", "alpha"),
        ("PS111", "warning", "piponly"),
        ("PS112", "warning", "frozen"),
        ("PS113", "warning", "conda"),
    ]
    assert the(found, "PS111", "alpha").paths == ("conda-meta/pinned", *inside(prefix, "alpha-3.0.dist-info"))
    assert len(the(found, "PS112").paths) == 5
    Ways(rival_wheels).follow(prefix, the(found, "PS112").fixes)
    assert told(prefix) == [("PS102", "error", "alpha")]


@pytest.mark.damage("PS111", "PS112")
def test_uv_is_bound_as_well(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    (prefix / "conda-meta/pinned").write_text("alpha 1.*\n")
    (prefix / "conda-meta/frozen").write_text("{}")
    uv(prefix, "install", "alpha==2.0", wheels=wheelhouse).ok()
    (site_of(prefix).parent / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=no\n")
    found = look(prefix)
    assert [item.code for item in found] == ["PS101", "PS111", "PS112"]
    refused = pip(prefix, "uninstall", "-y", "alpha")
    assert "externally-managed-environment" in refused.stderr
    Ways(wheelhouse, driver).follow(prefix, the(found, "PS111").fixes)  # conda and pip refuse to touch it otherwise
    assert told(prefix) == []


@pytest.mark.twin("PS111", "PS112")
def test_what_pins_and_the_mark_allow(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "piponly")
    (prefix / "conda-meta/pinned").write_text("alpha <2\npiponly 1.*\nother 3\n")
    (prefix / "conda-meta/frozen").write_text("{}")
    assert told(prefix) == []


class TestForeignPython:
    @pytest.mark.damage("PS109")
    def test_pip_of_another_environment(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix, other = make_env("pip"), make_env("pip", name="other")
        pip(other, "install", "--find-links", rival_wheels, "--prefix", prefix, "stray").ok()
        found = look(prefix)
        assert told(prefix) == [("PS109", "warning", str(other / "bin/python"))]
        assert found[0].paths == ("bin/stray",)
        Ways(rival_wheels).follow(prefix, found[0].fixes)
        assert told(prefix) == []

    @pytest.mark.damage("PS109")
    def test_moved_by_hand(self, make_env: MakeEnv, rival_wheels: Path, driver: Driver) -> None:
        old = make_env("pip", "alpha=1.0", name="old")
        install(old, rival_wheels, "stray")
        prefix = old.rename(old.parent / "new")
        found = look(prefix)
        assert [(item.code, item.severity) for item in found] == [("PS109", "error"), ("PS109", "error")]
        assert [item.paths for item in found] == [
            ("bin/stray",),
            ("bin/alpha-cli", "bin/pip", "bin/pip3"),
        ]  # conda's name the Python of one version, pip's the plain one
        Ways(rival_wheels, driver).follow_all(prefix, found)
        assert told(prefix) == []

    @pytest.mark.twin("PS109")
    def test_pip_told_of_the_environment(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix, other = make_env("pip"), make_env("pip", name="other")
        python = prefix / "bin/python"
        pip(other, "--python", python, "install", "--find-links", rival_wheels, "stray").ok()
        assert told(prefix) == []


@pytest.mark.damage("PS106")
@pytest.mark.twin("PS106")
def test_conda_export_erases_the_record(make_env: MakeEnv, rival_wheels: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta", "gamma")
    driver.run("export", "-p", prefix).ok()
    assert told(prefix) == []
    install(prefix, rival_wheels, "alpha==2.0")
    driver.run("export", "-p", prefix).ok()
    found = look(prefix)
    assert told(prefix) == [("PS106", "error", "alpha")]
    assert found[0].paths == inside(prefix, "alpha-2.0.dist-info")
    Ways(rival_wheels, driver).follow(prefix, found[0].fixes)
    assert told(prefix, hashes=True) == []
    assert site_of(prefix).joinpath("alpha/only_1_0.py").exists()
