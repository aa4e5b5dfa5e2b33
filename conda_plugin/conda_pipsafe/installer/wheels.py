"""Which of the wheels that pip opened is each planned distribution, and what it will write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.wheel_paths import WheelPaths, member_sha256, read_wheel_paths, scheme_from_sysconfig
from conda_pipsafe.installer.gated import Reached
from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.prefix.metadata import canonical_name


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel of a planned distribution.

    Attributes:
        path: Absolute path of the file that pip will install from, or of the folder that uv has written it to.
        size: Its bytes; None where nothing says.
        paths: What it will write.
        hashes: The hash of each path as a RECORD has it, where uv has written one.
    """

    path: str
    size: int | None
    paths: WheelPaths
    hashes: Mapping[str, str] = field(default_factory=dict)

    def sha256(self, member: str) -> str:
        """The hex sha256 of one member.

        Raises:
            OSError, zipfile.BadZipFile: When it cannot be read.
        """
        if os.path.isdir(self.path):
            return file_sha256(os.path.join(self.path, member))
        return member_sha256(self.path, member)


def look_into(plan: Plan, reached: Reached, prefix: str) -> dict[str, Wheel]:
    """Find and read the wheel of each planned distribution, by its canonical name.

    A project that an old pip installs by running its setup.py has none: nobody knows its paths beforehand.

    Raises:
        PipsafeError: When one is missing or cannot be read.
    """
    scheme = scheme_from_sysconfig(prefix, reached.paths, reached.python)
    opened: dict[str, list[str]] = {}
    for path in reached.wheels:
        opened.setdefault(canonical_name(os.path.basename(path).partition("-")[0]), []).append(path)
    found: dict[str, Wheel] = {}
    for planned in plan.dists:
        wheel = _wheel_of(planned, opened)
        if wheel is not None:
            paths = read_wheel_paths(wheel, scheme, planned.name, requested=planned.requested, direct=planned.is_direct)
            found[planned.key] = Wheel(wheel, os.stat(wheel).st_size, paths)
    return found


def _wheel_of(planned: PlannedDist, opened: Mapping[str, Sequence[str]]) -> str | None:
    candidates = [path for path in opened.get(planned.key, ()) if _is_version(path, planned.version)]
    name = unquote(os.path.basename(urlsplit(planned.url or "").path))
    if name.endswith(".whl"):
        candidates = [path for path in candidates if os.path.basename(path) == name]
        if len(candidates) > 1 and planned.hash:
            candidates = [path for path in candidates if f"sha256={file_sha256(path)}" == planned.hash]
    if candidates:
        return candidates[-1]  # a built one is opened last, when pip checks it
    if planned.is_direct and not name.endswith(".whl"):
        return None
    raise PipsafeError(
        f"pip did not show the wheel of {planned.name} {planned.version}, so what it would write is not known",
        hint="this pip may be newer than conda-pipsafe knows; nothing was installed",
    )


def _is_version(path: str, version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    found = os.path.basename(path).split("-")[1:2]
    try:
        return bool(found) and Version(found[0].replace("_", "-")) == Version(version)
    except InvalidVersion:
        return found == [version]


def file_sha256(path: str) -> str:
    """The hex sha256 of a file."""
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()
