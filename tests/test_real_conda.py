"""PS2xx and PS3xx: real conda harms what pip installed; each harm is told exactly, and its way out leads out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.channel import Channel
from support.driving import Driver
from support.random_world import make_checkout
from support.real_damage import Ways, inside, look, site_of, the, told, uv
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.fixture
def channels(channel: Channel, rival_channel: Channel) -> list[Channel]:
    return [channel, rival_channel]


@pytest.fixture
def both(driver: Driver, channels: list[Channel]) -> Driver:
    """A conda that knows both channels."""
    driver.configure(channels=[item.url for item in channels])
    return driver


def install(prefix: Path, wheels: Path, *words: str | Path) -> None:
    pip(prefix, "install", "--find-links", wheels, *words).ok()


@pytest.mark.damage("PS108", "PS201", "PS202", "PS203", "PS204", "PS210")
def test_harm_and_ways_out(
    make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, both: Driver, tmp_path: Path
) -> None:
    prefix = make_env("pip", "left", "numpy", channels=channels)
    install(prefix, rival_wheels, "alpha==2.0", "stray", "opencv-python", "left==2.0", "needs-numpy")
    install(prefix, rival_wheels, "--no-build-isolation", "--no-deps", "-e", make_checkout(tmp_path / "co", "kappa"))
    both.run("install", "-y", "-p", prefix, "alpha=1.0", "rival-conda", "py-opencv", "kappa").ok()
    both.run("remove", "-y", "-p", prefix, "left", "numpy").ok()
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS108", "error", "stray"),
        ("PS201", "error", "alpha"),
        ("PS202", "error", "left"),
        ("PS203", "error", "kappa"),
        ("PS204", "error", "opencv-python"),
        ("PS210", "error", "needs-numpy"),
    ]
    assert the(found, "PS108").message == "The command stray of pip's stray 1.0 starts conda's rival-conda 1.0."
    assert set(inside(prefix, "alpha-1.0.dist-info", "alpha-2.0.dist-info", "alpha/cli.py")) < set(found[1].paths)
    assert the(found, "PS202").paths == inside(prefix, "left/__init__.py")
    assert the(found, "PS202").message.endswith("is missing; conda removed its own left in revision 2.")
    assert the(found, "PS204").paths == inside(prefix, "cv2/__init__.py")
    assert the(found, "PS210").fixes == (f"conda install -p {prefix} 'numpy>=1.20'",)
    ways = Ways(rival_wheels, both)
    ways.follow(prefix, the(found, "PS203").fixes[:1])  # the second one keeps conda's instead
    ways.follow_all(prefix, [item for item in found if item.code != "PS203"])
    assert told(prefix, hashes=True) == []


@pytest.mark.twin("PS201", "PS202", "PS203", "PS204", "PS210", "PS220")
def test_the_same_beside_pip(make_env: MakeEnv, rival_wheels: Path, both: Driver, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=2.0")
    install(prefix, rival_wheels, "beta2", "stray", "opencv-python", "piponly")
    install(prefix, rival_wheels, "--no-build-isolation", "--no-deps", "-e", make_checkout(tmp_path / "co", "kappa"))
    both.run("install", "-y", "-p", prefix, "alpha=3.0", "gamma", "zeta").ok()
    both.run("remove", "-y", "-p", prefix, "zeta").ok()
    assert told(prefix, hashes=True) == []


class TestPython:
    @pytest.mark.damage("PS301", "PS303")
    def test_moves(self, make_env: MakeEnv, rival_wheels: Path, driver: Driver, second_python: str) -> None:
        prefix = make_env("pip", "alpha=1.0", "python<" + second_python)
        install(prefix, rival_wheels, "stray", "plain")
        uv(prefix, "install", "delta-python", wheels=rival_wheels).ok()
        old = site_of(prefix)
        (old.parent / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=no\n")
        driver.run("install", "-y", "-p", prefix, f"python={second_python}").ok()
        found = look(prefix)
        assert told(prefix, hashes=True) == [
            ("PS301", "error", str(old.relative_to(prefix))),
            ("PS303", "warning", str((old.parent / "EXTERNALLY-MANAGED").relative_to(prefix))),
        ]
        assert "bin/stray" in found[0].paths
        Ways(rival_wheels).follow(prefix, found[0].fixes)
        (old.parent / "EXTERNALLY-MANAGED").rename(site_of(prefix).parent / "EXTERNALLY-MANAGED")
        assert told(prefix, hashes=True) == []
        run(prefix / "bin/stray").ok()

    @pytest.mark.damage("PS302")
    @pytest.mark.twin("PS302")
    def test_is_not_asked(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix = make_env("pip")
        install(prefix, rival_wheels, "new")
        assert told(prefix) == []
        install(prefix, rival_wheels, "--no-deps", "--ignore-requires-python", "old==1.0")
        found = look(prefix)
        assert told(prefix) == [("PS302", "warning", "old")]
        assert found[0].paths == inside(prefix, "old-1.0.dist-info/METADATA")
        Ways(rival_wheels).follow(prefix, found[0].fixes)
        assert told(prefix) == []

    @pytest.mark.damage("PS302")
    def test_is_another_one_s(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        """Downloaded for the Python of another machine, straight into site-packages."""
        prefix = make_env("pip")
        words = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.3", "--target", str(site_of(prefix))]
        # pip before 24 judges a wheel by the Python that runs it all the same.
        install(prefix, rival_wheels, *words, "--ignore-requires-python", "old-too")
        assert told(prefix) == [("PS302", "warning", "old-too")]
