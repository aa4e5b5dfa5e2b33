"""The paths that an installer will write for a wheel. Nothing but the wheel is read.

Source: PyPA's binary distribution format (`NAME-VERSION.data/SCHEME/…`, `entry_points.txt`, `Root-Is-Purelib`) and
"Recording installed projects" (INSTALLER, REQUESTED, direct_url.json). Scripts are named as pip names them, which gives
its own wheel `pip3` and `pip3.12` besides.
"""

from __future__ import annotations

import os
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.paths import clean_relative
from conda_pipsafe.prefix.patterns import lazy

_DATA = lazy(r"^[^/]+\.data/([^/]+)/(.+)$")
_VERSIONED = {"pip": lazy(r"pip(\d+(\.\d+)?)?$"), "easy_install": lazy(r"easy_install(-\d+\.\d+)?$")}
_SCRIPTS = {"console_scripts", "gui_scripts"}
_TEXT_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scheme:
    """Where the parts of a wheel go, prefix-relative; "" is the prefix itself.

    Attributes:
        headers: Without the distribution's own folder.
        python: The Python's version, as `3.12`.
    """

    purelib: str
    platlib: str
    scripts: str
    data: str
    headers: str
    python: str


@dataclass(frozen=True, slots=True)
class WheelPaths:
    """What a wheel becomes in a prefix.

    Attributes:
        members: Each installed path, prefix-relative, with the member of the wheel that it is copied from; None for
            what the installer makes: scripts of entry points and its own notes. Without `.pyc`.
        dist_info: Its dist-info, prefix-relative.
        size: Bytes of all members, unpacked.
    """

    members: Mapping[str, str | None]
    dist_info: str
    size: int


def scheme_from_sysconfig(prefix: str, paths: Mapping[str, str], python: str) -> Scheme:
    """Make a scheme of `sysconfig.get_paths()`.

    Args:
        prefix: Absolute path of the environment.
        paths: As the environment's Python gave them.
        python: Its version, as `3.12`.

    Raises:
        PipsafeError: When one leads out of the environment.
    """
    found = {}
    root = os.path.realpath(prefix)
    for name in ("purelib", "platlib", "scripts", "data", "include"):
        relative = os.path.relpath(os.path.realpath(paths[name]), root).replace(os.sep, "/")
        if relative.startswith("../") or relative == "..":
            if name == "include":  # a virtual environment's is its base's: pip has a folder of its own for that
                found[name] = f"include/site/python{python}"
                continue
            raise PipsafeError(
                f"the environment's Python would install outside of it: {name} is {paths[name]}",
                hint=f"look at {os.path.join(prefix, 'bin', 'python')}: it may belong to another environment",
            )
        found[name] = "" if relative == "." else relative
    return Scheme(found["purelib"], found["platlib"], found["scripts"], found["data"], found["include"], python)


def read_wheel_paths(
    wheel: str, scheme: Scheme, name: str, *, requested: bool = False, direct: bool = False
) -> WheelPaths:
    """Work out what an installer will write for a wheel.

    Args:
        wheel: Absolute path of the wheel.
        scheme: Where its parts go.
        name: The distribution's name, which its headers' folder has.
        requested: Asked for by name: there will be a REQUESTED.
        direct: By URL or path: there will be a direct_url.json.

    Raises:
        PipsafeError: When it is not a wheel that can be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _read(archive, scheme, name, requested=requested, direct=direct)
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise PipsafeError(
            f"{os.path.basename(wheel)} cannot be looked into: {error}",
            hint="`pip cache purge` drops a damaged copy; nothing was installed",
        ) from error


def member_sha256(wheel: str, member: str) -> str:
    """The hex sha256 of one member of a wheel.

    Raises:
        OSError, zipfile.BadZipFile: When it cannot be read.
    """
    import hashlib

    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()


def _read(archive: zipfile.ZipFile, scheme: Scheme, name: str, *, requested: bool, direct: bool) -> WheelPaths:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    info = next(
        (folder for entry in entries if (folder := entry.filename.partition("/")[0]).endswith(".dist-info")), None
    )
    if info is None:
        raise ValueError("it has no dist-info")
    pure = re.search(rb"(?mi)^root-is-purelib:\s*true\s*$", _member(archive, f"{info}/WHEEL")) is not None
    root = scheme.purelib if pure else scheme.platlib
    members: dict[str, str | None] = {}
    for entry in entries:
        target = _target(entry.filename, scheme, root, name)
        if target is not None:
            members[target] = entry.filename
    names = {entry.filename for entry in entries}
    points = _member(archive, f"{info}/entry_points.txt").decode() if f"{info}/entry_points.txt" in names else ""
    for script in _script_names(points, scheme.python):
        members[_join(scheme.scripts, script)] = None
    dist_info = _join(root, info)
    notes = ["INSTALLER", "RECORD", *(["REQUESTED"] if requested else []), *(["direct_url.json"] if direct else [])]
    for note in notes:
        members[f"{dist_info}/{note}"] = None
    return WheelPaths(members, dist_info, sum(entry.file_size for entry in entries))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _TEXT_LIMIT:
        raise ValueError(f"its {posixpath.basename(name)} is too large")
    return archive.read(name)


def _target(member: str, scheme: Scheme, root: str, name: str) -> str | None:
    """Where a member goes; None when it leads out of the prefix, which an installer refuses."""
    match = _DATA.match(member)
    if match is None:
        return clean_relative(_join(root, member))
    part, rest = match.groups()
    folders = {
        "purelib": scheme.purelib,
        "platlib": scheme.platlib,
        "scripts": scheme.scripts,
        "data": scheme.data,
        "headers": _join(scheme.headers, name),
    }
    return clean_relative(_join(folders[part], rest)) if part in folders else None


def _join(folder: str, rest: str) -> str:
    return f"{folder}/{rest}" if folder else rest


def _script_names(text: str, python: str) -> Iterator[str]:
    """The scripts of an `entry_points.txt`."""
    found: list[str] = []
    wanted = False
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            wanted = line.strip("[] \t") in _SCRIPTS
        elif wanted and line and line[0] not in "#;" and "=" in line:
            found.append(line.partition("=")[0].strip())
    for special, versioned in _VERSIONED.items():
        if special in found:
            found = [script for script in found if not versioned.match(script)]
            major = python.partition(".")[0]
            yield from (
                (special, f"pip{major}", f"pip{python}") if special == "pip" else (special, f"{special}-{python}")
            )
    yield from found
