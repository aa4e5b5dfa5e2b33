"""The tests' channel, kept between runs: built again when anything that it is made of changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from filelock import FileLock

import conda_pipsafe.demo
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.pip_package import pip_package
from conda_pipsafe.demo.python_package import ask_interpreter, python_package
from support.packages import conda_packages
from support.pypi import pypi_packages, pypi_wheels

_MINORS = range(10, 16)
_DAY_SECONDS = 86_400


def second_interpreter() -> Path | None:
    """Return a Python of another minor version that has a bundled pip, or None.

    Looked for on PATH (``python3.N``) and among pyenv's versions; the newest, but none that is
    newer than this project knows.
    """
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for minor in reversed(_MINORS):
        named = shutil.which(f"python3.{minor}")
        candidates = sorted(root.glob(f"versions/3.{minor}.*/bin/python"), reverse=True)
        for candidate in (*candidates, *([Path(named)] if named else [])):
            try:
                interpreter = ask_interpreter(candidate)
            except RuntimeError:  # A version manager's stub for a version that is not installed.
                continue
            bundled = interpreter.stdlib / "ensurepip" / "_bundled"
            if interpreter.short_version != own and any(bundled.glob("pip-*.whl")):
                return interpreter.executable
    return None


def cached_channel(cache: Path, second: Path | None) -> Channel:
    """Return the channel with python (one or two versions), pip, tiny packages and PyPI's.

    Args:
        cache: an existing folder that outlives the run. Several runs may share it.
        second: another interpreter to make a second ``python`` of.
    """
    interpreters = [Path(sys.executable), *([second] if second else [])]
    root = cache / f"channel-{_key(interpreters)}"
    with FileLock(cache / "channel.lock"):
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            _forget_old(cache)
            _build(Channel(root), interpreters, cache)
        (root / "complete").touch()
    return Channel(root)


def _forget_old(cache: Path) -> None:
    """Remove channels that no run has used for a day: each is some 60 MB."""
    for old in cache.glob("channel-*/complete"):
        if time.time() - old.stat().st_mtime > _DAY_SECONDS:
            shutil.rmtree(old.parent, ignore_errors=True)


def _build(channel: Channel, interpreters: list[Path], cache: Path) -> None:
    wheels, downloads = channel.root / "wheels", cache / "pypi-wheels"
    wheels.mkdir()
    downloads.mkdir(exist_ok=True)
    packages = [python_package(executable) for executable in interpreters]
    asked = [ask_interpreter(executable) for executable in interpreters]
    # Two Pythons may bundle the same pip.
    pips = {spec.stem: spec for spec in (pip_package(one, downloads) for one in asked)}
    packages += pips.values()
    packages += conda_packages(wheels, python=asked[0].short_version)
    packages += pypi_packages(pypi_wheels(downloads))
    channel.add_all(packages)


def _key(interpreters: list[Path]) -> str:
    """Return a hash of what the channel is made of: code, and interpreters."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    sources = [*sorted(Path(conda_pipsafe.demo.__file__).parent.glob("*.py")), here / "packages.py", here / "pypi.py"]
    for source in sources:
        digest.update(source.read_bytes())
    for interpreter in interpreters:
        real = interpreter.resolve()
        digest.update(f"{real} {real.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
