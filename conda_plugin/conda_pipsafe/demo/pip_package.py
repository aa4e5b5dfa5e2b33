"""The pip that belongs to an interpreter, as a wheel and as a conda package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.python_package import Interpreter
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel


def find_pip_wheel(interpreter: Interpreter, folder: Path) -> Path:
    """Find pip's wheel: the one that came with the Python, else from the package index.

    Args:
        interpreter: whose pip is wanted.
        folder: an existing folder; a wheel from the index is put there, and found there again.

    Raises:
        RuntimeError: the Python has no bundled pip, and the index does not give one either.
    """
    bundled = [interpreter.stdlib / "ensurepip" / "_bundled"]
    if interpreter.wheels:  # Where Linux distributions keep them (PEP 453's WHEEL_PKG_DIR).
        bundled.append(interpreter.wheels)
    for place in (*bundled, folder):
        for wheel in sorted(place.glob("pip-*-none-any.whl")):
            return wheel
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--dest", str(folder), "pip"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for wheel in folder.glob("pip-*-none-any.whl"):
        return wheel
    raise RuntimeError(
        f"no pip for the environment: {interpreter.executable} has no bundled wheel of pip "
        f"(Debian: the package python3-venv has it), and the index gave none: {done.stderr.strip()}"
    )


def pip_package(interpreter: Interpreter, folder: Path) -> PackageSpec:
    """Make the conda package ``pip`` (``noarch: python``) of an interpreter's pip.

    Raises:
        RuntimeError: see `find_pip_wheel`.
    """
    wheel = find_pip_wheel(interpreter, folder)
    return package_from_wheel(Recipe(wheel, depends=("python >=3.8",), build="pyhd8ed1ab_0"))
