"""Where things are in a prefix: its site-packages folders, its scripts, and the one spelling of a path.

A path here is prefix-relative with forward slashes, as conda-meta's `files` lists have it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from conda_pipsafe.prefix.files import is_below

_PYTHON_DIR = re.compile(r"^(?:python|pypy)(\d+)\.(\d+)(t?)$")


@dataclass(frozen=True, slots=True)
class SitePackages:
    """One site-packages folder of a prefix.

    Attributes:
        path: Prefix-relative.
        python: The Python it belongs to (`3.12`, `3.13t`), or None where the path does not say (Windows).
        current: Whether the environment's own Python imports from it.
    """

    path: str
    python: str | None
    current: bool


def scripts_dir(*, windows: bool | None = None) -> str:
    """The prefix-relative folder of console scripts: `bin`, or `Scripts` on Windows."""
    return "Scripts" if (os.name == "nt" if windows is None else windows) else "bin"


def site_packages_of(python: str | None) -> str | None:
    """The site-packages folder of a Python (`3.12`) whose record declares none, prefix-relative."""
    if python is None:
        return None
    return "Lib/site-packages" if os.name == "nt" else f"lib/python{python}/site-packages"


def path_key(path: str) -> str:
    """What two spellings of one file have in common: the path itself, case-folded on Windows."""
    return path.lower() if os.name == "nt" else path


def are_clean(paths: Sequence[object]) -> bool:
    """Whether `clean_relative` would leave every one of many paths as it is; False also where that is uncertain.

    A prefix has tens of thousands of recorded paths, and next to none is odd: looked at as one text they take a
    twentieth of the time.
    """
    if os.name == "nt":
        return False
    try:
        text = "\0".join(("", *paths, ""))  # type: ignore[arg-type]  # what is no text is an error
    except TypeError:
        return False
    odd = ("\0\0", "\0/", "/\0", "//", "./", "/.\0", "/..\0", "\0.\0", "\0..\0")
    return bool(paths) and text.count("\0") == len(paths) + 1 and not any(part in text for part in odd)


def clean_relative(path: str) -> str | None:
    """Normalise a prefix-relative path from a file that may be hostile; None when it leads out of the prefix."""
    if not path or "\0" in path:
        return None
    path = path.replace("\\", "/") if os.name == "nt" else path
    if path[0] == "/" or (os.name == "nt" and ":" in path):
        return None
    if "//" in path or "./" in path or path.endswith(("/", "/.", "/..")) or path in {".", ".."}:
        path = posixpath.normpath(path)
        if path in {".", ".."} or path.startswith("../"):
            return None
    return path


def from_site(prefix: str, site: str, row: str) -> str | None:
    """The prefix-relative path of a RECORD row, whose path is relative to its site-packages folder or absolute.

    Returns None when it leads out of the prefix (PyPA's "Recording installed projects" allows both forms).
    """
    if not row or "\0" in row:
        return None
    if os.name == "nt":
        row = row.replace("\\", "/")
    if row[0] == "/" or (os.name == "nt" and row[1:2] == ":"):
        absolute = os.path.normpath(row)
        if not is_below(absolute, prefix):
            return None
        return clean_relative(os.path.relpath(absolute, prefix).replace(os.sep, "/"))
    if row.startswith("../") or "/../" in row or "./" in row or "//" in row:
        return clean_relative(posixpath.normpath(f"{site}/{row}"))
    return f"{site}/{row}"


def find_site_packages(prefix: str, python: str | None, declared: str | None) -> tuple[SitePackages, ...]:
    """Every site-packages folder that exists in the prefix, the current one first.

    Args:
        prefix: Absolute path of the environment.
        python: The environment's Python as `3.12`, or None when no record says.
        declared: The python record's `python_site_packages_path` (CEP 17), prefix-relative, if any.
    """
    candidates = _candidates(prefix, declared)
    seen: set[tuple[int, int]] = set()
    found: list[SitePackages] = []
    for path, version in candidates:
        absolute = os.path.join(prefix, path)
        try:
            info = os.stat(absolute)
        except OSError:
            continue
        # lib64 -> lib, and conda's lib/python3.1 -> python3.10, are one folder under two names.
        if (info.st_dev, info.st_ino) in seen or not os.path.isdir(absolute):
            continue
        if not is_below(os.path.realpath(absolute), os.path.realpath(prefix)):
            continue
        seen.add((info.st_dev, info.st_ino))
        current = path == declared if declared else _is_current(version, python)
        found.append(SitePackages(path, version, current))
    if len(found) == 1 and (python is None or found[0].python is None):
        found = [SitePackages(found[0].path, found[0].python, current=True)]
    return tuple(sorted(found, key=lambda site: (not site.current, site.path)))


def _is_current(version: str | None, python: str | None) -> bool:
    if version is None or python is None:
        return version is None and os.name == "nt"
    return version.rstrip("t") == python.rstrip("t")


def _candidates(prefix: str, declared: str | None) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for lib in ("lib", "lib64"):
        try:
            names = sorted(os.listdir(os.path.join(prefix, lib)))
        except OSError:
            continue
        for name in names:
            match = _PYTHON_DIR.match(name)
            # A linked folder comes after the real one, so that the real name wins.
            if match and not os.path.islink(os.path.join(prefix, lib, name)):
                found.append((f"{lib}/{name}/site-packages", "{}.{}{}".format(*match.groups())))
    found.append(("Lib/site-packages", None))
    if declared:
        match = _PYTHON_DIR.match(posixpath.basename(posixpath.dirname(declared)))
        version = "{}.{}{}".format(*match.groups()) if match else None
        found.insert(0, (declared, version))
    return found
