"""The paths that conda will write for an extracted package, and the distributions that it brings.

Sources: `info/paths.json` (conda-build's package format), `info/link.json` for `noarch: python`, and how conda maps
them: `site-packages/` goes to the environment's folder, `python-scripts/` to `bin/`, each entry point becomes a
script, and each module gets a `.pyc`. Old packages have `info/files` instead of `paths.json`.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, read_json, read_text
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import clean_relative, scripts_dir


@dataclass(frozen=True, slots=True)
class PackagePaths:
    """What an extracted package becomes in a prefix.

    Attributes:
        paths: Its installed paths, prefix-relative.
        distributions: Canonical name and version of the distributions that it brings.
        scripts: The scripts that conda makes of its entry points, path to `module:function`.
        sources: The absolute path in the package of each installed path that is linked from it.
        compiled: The same for each `.pyc`: the module that it is compiled from.
    """

    paths: frozenset[str]
    distributions: Mapping[str, str]
    scripts: Mapping[str, str]
    sources: Mapping[str, str]
    compiled: Mapping[str, str]


def read_package_paths(extracted: str, *, noarch: str | None, python: str | None, site: str | None) -> PackagePaths:
    """Work out what conda will link.

    Args:
        extracted: Absolute path of the extracted package (with `info/` in it).
        noarch: The package's `noarch` (`python`, `generic`), or None; looked up in `info/link.json` when None.
        python: The Python of the environment after the transaction, as `3.12`.
        site: Its site-packages folder, prefix-relative.

    Raises:
        UnreadableError: When the package has no list of its paths, or it cannot be read.
    """
    listed = _listed(extracted)
    link_type, entry_points = _link_json(extracted)
    if (noarch or link_type) != "python":
        same = {path: os.path.join(extracted, path) for path in listed}
        return PackagePaths(frozenset(listed), distributions_among(listed), {}, same, {})
    scripts_folder = scripts_dir()
    paths: set[str] = set()
    sources: dict[str, str] = {}
    compiled: dict[str, str] = {}
    for source in listed:
        target = _noarch_target(source, site, scripts_folder)
        sources[target] = os.path.join(extracted, source)
        paths.add(target)
        if source.startswith("site-packages/") and source.endswith(".py") and python:
            compiled[_pyc(target, python)] = sources[target]
    scripts: dict[str, str] = {}
    for name, function in entry_points.items():
        for script in _script_paths(name, scripts_folder):
            scripts[script] = function
    every = frozenset(paths | compiled.keys() | scripts.keys())
    return PackagePaths(every, distributions_among(paths), scripts, sources, compiled)


def _listed(extracted: str) -> list[str]:
    try:
        data = read_json(extracted, "info/paths.json", RECORD_LIMIT)
        entries = data.get("paths", []) if isinstance(data, dict) else []
        # A folder is made when missing and harms nobody.
        found = [
            entry.get("_path") for entry in entries if isinstance(entry, dict) and entry.get("path_type") != "directory"
        ]
    except UnreadableError as error:
        if not error.missing:
            raise
        found = [line.strip() for line in read_text(extracted, "info/files", RECORD_LIMIT).splitlines()]
    clean = (clean_relative(path) for path in found if isinstance(path, str))
    return [path for path in clean if path is not None]


def _link_json(extracted: str) -> tuple[str | None, dict[str, str]]:
    try:
        data = read_json(extracted, "info/link.json")
    except UnreadableError as error:
        if error.missing:
            return None, {}
        raise
    noarch = data.get("noarch") if isinstance(data, dict) else None
    if not isinstance(noarch, dict):
        return None, {}
    points = [point for point in noarch.get("entry_points") or () if isinstance(point, str) and "=" in point]
    pairs = (point.split("=", 1) for point in points)
    return noarch.get("type"), {name.strip(): function.strip() for name, function in pairs}


def _noarch_target(source: str, site: str | None, scripts_folder: str) -> str:
    if source.startswith("site-packages/") and site:
        return site + source[len("site-packages") :]
    if source.startswith("python-scripts/"):
        return scripts_folder + source[len("python-scripts") :]
    return source


def _pyc(path: str, python: str) -> str:
    folder, name = posixpath.split(path)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{python.replace('.', '')}.pyc"


def _script_paths(name: str, scripts_folder: str) -> tuple[str, ...]:
    if scripts_folder == "Scripts":
        return f"{scripts_folder}/{name}-script.py", f"{scripts_folder}/{name}.exe"
    return (f"{scripts_folder}/{name}",)


def distributions_among(paths: Iterable[str]) -> dict[str, str]:
    """Name and version of each dist-info or egg-info, from its folder's name (PyPA: `NAME-VERSION.dist-info`)."""
    found: dict[str, str] = {}
    for path in paths:
        folder, _, leaf = path.rpartition("/")
        if leaf in {"METADATA", "PKG-INFO"} and folder.endswith((".dist-info", ".egg-info")):
            stem = posixpath.basename(folder).rpartition(".")[0]
        elif leaf.endswith(".egg-info"):
            stem = leaf.removesuffix(".egg-info")
        else:
            continue
        name, _, rest = stem.partition("-")
        found[canonical_name(name)] = rest.split("-", 1)[0]
    return found
