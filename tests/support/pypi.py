"""Real wheels from PyPI, downloaded once and kept in pytest's cache, and conda packages of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel

#: Pinned: what the tests say about versions and files stays true.
PINS = (
    "certifi==2024.2.2",
    "charset-normalizer==3.3.2",
    "click==8.1.7",
    "idna==3.6",
    "markdown-it-py==3.0.0",
    "mdurl==0.1.2",
    "packaging==24.0",
    "pygments==2.17.2",
    "requests==2.31.0",
    "rich==13.7.1",
    "urllib3==2.2.1",
)
#: Newer versions of some, which one `pip download` would refuse to take together with the others.
NEWER_PINS = ("requests==2.32.4", "urllib3==2.5.0", "click==8.1.8", "rich==14.0.0")


def pypi_wheels(folder: Path) -> list[Path]:
    """Return the pinned wheels, downloading those that the folder lacks.

    Raises:
        RuntimeError: pip could not download them.
    """
    with FileLock(folder / ".lock"):
        for pins in (PINS, NEWER_PINS):
            missing = [pin for pin in pins if _find(folder, pin) is None]
            if missing:
                _download(missing, folder)
    return [wheel for pin in (*PINS, *NEWER_PINS) if (wheel := _find(folder, pin))]


def pypi_packages(wheels: Iterable[Path]) -> list[PackageSpec]:
    """Return ``noarch: python`` conda packages of the wheels, named as the distributions."""
    return [package_from_wheel(Recipe(wheel)) for wheel in wheels]


def _find(folder: Path, pin: str) -> Path | None:
    name, _, version = pin.partition("==")
    wanted = f"{name.replace('-', '_')}-{version}-"
    return next((wheel for wheel in folder.glob("*.whl") if wheel.name.startswith(wanted)), None)


def _download(pins: list[str], folder: Path) -> None:
    """Download pure-Python wheels of exactly these versions."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--platform", "any", "--implementation", "py", "--abi", "none"]
    done = subprocess.run([*command, *pins], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"the tests' packages are made of PyPI's wheels, and pip could not download "
            f"{' '.join(pins)} into {folder}: {done.stderr.strip()}"
        )
