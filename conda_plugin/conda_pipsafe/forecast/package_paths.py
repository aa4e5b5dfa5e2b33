"""The paths that conda will write for an extracted package, and the distributions that it brings.

Sources: `info/paths.json` (conda-build's package format), `info/link.json` for `noarch: python`, and how conda maps
them: `site-packages/` goes to the environment's folder, `python-scripts/` to `bin/`, each entry point becomes a
script, and each module gets a `.pyc`. Old packages have `info/files` instead of `paths.json`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, read_bytes, read_json, read_text
from conda_pipsafe.prefix.metadata import distribution_at
from conda_pipsafe.prefix.paths import are_clean, clean_relative, scripts_dir
from conda_pipsafe.prefix.patterns import lazy

_READ = ("paths.json", "files", "link.json")
_COMPARED_AT_MOST = 256 * 1024 * 1024  # bytes
# In a `noarch: python` package, and installed: on Unix (`lib64` too, and PyPy's), on Windows.
_SITE_PACKAGES = lazy(r"(?:lib(?:64)?/[^/]+/|Lib/)?site-packages$")


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
        same = {path: f"{extracted}/{path}" for path in listed}
        return PackagePaths(frozenset(listed), distributions_among(listed, site), {}, same, {})
    scripts_folder = scripts_dir()
    tag = f".cpython-{(python or '').replace('.', '')}.pyc"
    sources: dict[str, str] = {}
    compiled: dict[str, str] = {}
    # conda looks there, not at the index, for what it makes itself.
    makes = link_type == "python"
    for source in listed:
        target = _noarch_target(source, site, scripts_folder)
        sources[target] = f"{extracted}/{source}"
        if makes and python and source.endswith(".py") and source.startswith("site-packages/"):
            compiled[_pyc(target, tag)] = sources[target]
    scripts: dict[str, str] = {}
    for name, function in entry_points.items() if makes else ():
        for script in _script_paths(name, scripts_folder):
            scripts[script] = function
    every = frozenset((*sources, *compiled, *scripts))
    return PackagePaths(every, distributions_among(sources, site), scripts, sources, compiled)


def recall_package_paths(extracted: str, *, noarch: str | None, python: str | None, site: str | None) -> PackagePaths:
    """As `read_package_paths`, read once in a process as long as the package is not extracted anew.

    Raises:
        UnreadableError: As there.
    """
    return _read_once(extracted, noarch, python, site, tuple(_stamp(f"{extracted}/info/{name}") for name in _READ))


@lru_cache(maxsize=4096)
def _read_once(
    extracted: str, noarch: str | None, python: str | None, site: str | None, _: tuple[tuple[int, ...], ...]
) -> PackagePaths:
    return read_package_paths(extracted, noarch=noarch, python=python, site=site)


def _stamp(path: str) -> tuple[int, ...]:
    try:
        info = os.stat(path)
    except OSError:
        return ()
    return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


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
    if are_clean(found):
        return list(map(str, found))
    clean = (clean_relative(path) for path in found if isinstance(path, str))
    return [path for path in clean if path is not None]


def _link_json(extracted: str) -> tuple[str | None, dict[str, str]]:
    # What a conda-build of 2016 wrote has the second name.
    names = ("info/link.json", "info/package_metadata.json")
    name = next((name for name in names if os.path.isfile(os.path.join(extracted, name))), None)
    if name is None:
        return None, {}
    data = read_json(extracted, name)
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


def _pyc(path: str, tag: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}{tag}"


def _script_paths(name: str, scripts_folder: str) -> tuple[str, ...]:
    if scripts_folder == "Scripts":
        return f"{scripts_folder}/{name}-script.py", f"{scripts_folder}/{name}.exe"
    return (f"{scripts_folder}/{name}",)


def distributions_among(paths: Iterable[str], site: str | None = None) -> dict[str, str]:
    """Name and version of each dist-info or egg-info, from its folder's name (PyPA: `NAME-VERSION.dist-info`).

    Only what lies in a site-packages folder itself: packages vendor others' dist-info deeper down (setuptools has 16).

    Args:
        paths: Of a package, as its own list has them or as they are installed.
        site: The environment's site-packages folder, whatever it is called.
    """
    found: dict[str, str] = {}
    for path in paths:
        there = distribution_at(path)
        if there is not None and (there[0] == site or _SITE_PACKAGES.match(there[0])):
            found[there[1]] = there[2]
    return found


def is_linked_as(source: str, prefix: str, path: str) -> bool:
    """Whether an installed path is what conda makes of a file or link of an extracted package.

    Args:
        source: The file's absolute path in the package.
        prefix: The environment.
        path: The installed path, prefix-relative.
    """
    here = os.path.join(prefix, path)
    try:
        if os.path.islink(source) or os.path.islink(here):
            return os.readlink(source) == os.readlink(here)
        folder, name = os.path.split(source)
        wanted, found = read_bytes(folder, name, _COMPARED_AT_MOST), read_bytes(prefix, path, _COMPARED_AT_MOST)
        if wanted == found:
            return True
        placeholder = _placeholder(source)
    except (OSError, UnreadableError):
        return False
    return placeholder is not None and _without(wanted, placeholder) == _without(found, prefix)


def _placeholder(source: str) -> str | None:
    """What stands in a package's file where conda puts the environment's path."""
    root = os.path.dirname(source)
    while not os.path.isfile(os.path.join(root, "info", "paths.json")):
        if root == os.path.dirname(root):
            return None
        root = os.path.dirname(root)
    data = read_json(root, "info/paths.json", RECORD_LIMIT)
    entries = data.get("paths", []) if isinstance(data, dict) else []
    path = os.path.relpath(source, root).replace(os.sep, "/")
    found = (
        entry.get("prefix_placeholder") for entry in entries if isinstance(entry, dict) and entry.get("_path") == path
    )
    return next((placeholder for placeholder in found if isinstance(placeholder, str)), None)


def _without(content: bytes, path: str) -> bytes:
    """The content without a path in it; also without what conda changes beside it.

    A first line with a path that is too long for the system becomes one with `env`, and binaries are filled up.
    """
    first, newline, rest = content.partition(b"\n")
    kept = rest if first.startswith(b"#!") and newline else content
    return kept.replace(os.fsencode(path), b"").replace(b"\0", b"")
