"""A folder that makes this very conda-pipsafe a plugin of a conda, without touching that conda's installation."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

import conda_pipsafe


def build_overlay(folder: Path, *, code: bool = True) -> Path:
    """Fill `folder` so that a conda with it on PYTHONPATH has the plugin.

    It holds what an installation would add to site-packages: the package, its entry points and filelock; packaging
    and pluggy are conda's own. All is copied from where this runs, so no index is asked.

    Args:
        folder: Made if missing.
        code: Also copy the package itself; else its source root has to be on PYTHONPATH too.

    Returns:
        The folder.
    """
    import filelock

    installed = distribution("conda-pipsafe")
    info = folder / f"conda_pipsafe-{installed.version}.dist-info"
    info.mkdir(parents=True)
    for name in ("METADATA", "entry_points.txt"):
        (info / name).write_text(installed.read_text(name) or "", encoding="utf-8")
    ignore = shutil.ignore_patterns("__pycache__")
    for module in (conda_pipsafe, filelock) if code else (filelock,):
        source = Path(str(module.__file__)).parent
        shutil.copytree(source, folder / source.name, ignore=ignore)
    return folder
