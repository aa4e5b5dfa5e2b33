"""The reference prefix: an environment as people have them, of PyPI's wheels beside conda's packages.

`audit.py` measures on it. Made by the tools themselves: uv looks for versions that go together, some wheels become
conda packages and are installed by py-rattler beside a Python and pip, real pip installs the rest and compiles it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.top_projects import LIST, resolve
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import PIP_NETWORK, clean_environment, create_with_rattler, python_of
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from support.channel_cache import cached_channel

MORE = Path(__file__).with_suffix(".txt")
#: Of all that is resolved these come as conda packages; what they need of each other is among them.
OF_CONDA = (
    "certifi", "charset-normalizer", "idna", "jinja2", "markupsafe", "numpy", "packaging", "python-dateutil",
    "pyyaml", "requests", "six", "urllib3",
)  # fmt: skip


def reference_prefix(folder: Path, most: int | None = None) -> Path:
    """Make an environment, or find the one that an earlier run has made.

    Args:
        folder: Where it is made; a cache of downloads stays beside it.
        most: Of how many projects (with what they need), the first of them; all by default.
    """
    prefix = folder / f"{most or 'all'}" / "env"
    if (folder / f"{most or 'all'}" / "complete").exists():
        return prefix
    work = prefix.parent
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (folder / "channel").mkdir(exist_ok=True)
    channel = cached_channel(folder / "channel", None)
    create_with_rattler(prefix, ["python", "pip"], [channel], work / "conda")
    pins = _pins(prefix, work, most)
    of_conda = [f"{name}={pins[name]}" for name in OF_CONDA if name in pins]
    _conda_packages(work, [spec.replace("=", "==") for spec in of_conda])
    shutil.rmtree(prefix)
    channels = [Channel(work / "wheels-channel"), channel]
    create_with_rattler(prefix, ["python", "pip", *of_conda], channels, work / "conda")
    rest = [f"{name}=={version}" for name, version in pins.items() if name not in {*OF_CONDA, "pip"}]
    (work / "rest.txt").write_text("\n".join(rest))
    _pip(prefix, "install", "--no-deps", "-r", str(work / "rest.txt"))
    for left in ("conda", "wheels", "wheels-channel"):
        shutil.rmtree(work / left, ignore_errors=True)
    (work / "complete").touch()
    return prefix


def _pins(prefix: Path, work: Path, most: int | None) -> Mapping[str, str]:
    """Name and version of all that is to be there."""
    texts = [path.read_text(encoding="utf-8") for path in (LIST, MORE)]
    names = [line for text in texts for line in text.splitlines() if line and not line.startswith("#")]
    resolve(prefix, names[:most], work / "pins.txt")
    lines = (work / "pins.txt").read_text(encoding="utf-8").splitlines()
    return {name: version for line in lines for name, _, version in [line.partition("==")] if version}


def _conda_packages(work: Path, pins: list[str]) -> None:
    """A channel of the wheels of these pins."""
    wheels = work / "wheels"
    wheels.mkdir()
    short = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(wheels)]
    subprocess.run([*command, *pins], check=True)
    recipes = [
        Recipe(wheel) if wheel.stem.endswith("-none-any") else Recipe(wheel, python=short, pyc=True)
        for wheel in sorted(wheels.glob("*.whl"))
    ]
    Channel(work / "wheels-channel").add_all([package_from_wheel(recipe) for recipe in recipes])


def _pip(prefix: Path, *words: str) -> None:
    command = [str(python_of(prefix)), "-m", "pip", "-q", "--disable-pip-version-check", *words]
    subprocess.run([*command, "--only-binary", ":all:"], env=clean_environment(keep=PIP_NETWORK), check=True)


if __name__ == "__main__":
    print(reference_prefix(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
