"""What the lines of a `pip:` section ask pip for: which project, in which versions, from where.

They are those of a requirements file (https://pip.pypa.io/en/stable/reference/requirements-file-format/): names,
archives, checkouts, addresses, `-r FILE` and `-c FILE`. What a line does not tell, as the address of a repository
without `#egg=`, is known to pip only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from conda_pipsafe.prefix.direct_url import without_credentials
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

_COMMENT = lazy(r"(?:^|\s)#.*")
_OF_ONE = lazy(r"\s(?:--(?:hash|config-settings?|global-option)|-C)\b.*")
_INCLUDES = lazy(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S.*)")
_EDITABLE = lazy(r"(?:-e\s*|--editable(?:\s+|=))(\S.*)")
_EGG = lazy(r"[#&]egg=([A-Za-z0-9._-]+)")
_EXTRAS = lazy(r"\[[^\]]*\]$")
_PROJECT = lazy(r"^\[(?:project|tool\.poetry)\]\s*$(?:\n(?!\[).*)*?\n\s*name\s*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_SETUP_CFG = lazy(r"^\[metadata\]\s*$(?:\n(?!\[).*)*?\nname\s*=\s*(\S+)", re.MULTILINE)
_ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


@dataclass(frozen=True, slots=True)
class Asked:
    """One line that means a project.

    Attributes:
        line: As it stands there, without credentials; behind it the file that `-r` named, if one did.
        key: The project's canonical name.
        specifier: Which versions may come; None for one that comes from a place.
        version: The one that the archive's name says.
        marker: Where the line counts; None for everywhere.
        anew: pip installs it also over the same version: a checkout, an archive of sources on this disk.
    """

    line: str
    key: str
    specifier: SpecifierSet | None = None
    version: str | None = None
    marker: Marker | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """What a `pip:` section asks for.

    Attributes:
        limits: Of files that `-c` named: canonical name to versions.
    """

    asked: list[Asked] = field(default_factory=list)
    limits: dict[str, SpecifierSet] = field(default_factory=dict)


def read_lines(file: str, lines: Sequence[str]) -> Lines:
    """Understand a `pip:` section, with the files that it names.

    Args:
        file: The environment file: paths are relative to its folder.
        lines: The section's.
    """
    found = Lines()
    _read(lines, os.path.dirname(os.path.abspath(file)), found, ())
    return found


def _read(lines: Sequence[str], folder: str, found: Lines, including: tuple[str, ...]) -> None:
    for whole in lines:
        line = _COMMENT.sub("", whole).strip()
        included = _INCLUDES.match(line)
        if included is None:
            asked = _asked(line, folder, f" (in {os.path.basename(including[-1])})" if including else "")
            found.asked.extend([asked] if asked is not None else [])
            continue
        path = os.path.normpath(os.path.join(folder, included.group(2)))
        if path in including:
            continue
        if included.group(1).lstrip("-")[0] == "c":
            for requirement in _requirements(path):
                found.limits[canonical_name(requirement.name)] = requirement.specifier
        else:
            _read(_lines_of(path), os.path.dirname(path), found, (*including, path))


def _lines_of(path: str) -> list[str]:
    """A requirements file's lines; none where it cannot be read: pip says so itself."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read().replace("\\\n", " ").splitlines()
    except (OSError, ValueError):
        return []


def _requirements(path: str) -> Iterator[Requirement]:
    for line in _lines_of(path):
        requirement = _requirement(_OF_ONE.sub("", _COMMENT.sub("", line)).strip())
        if requirement is not None:
            yield requirement


def _requirement(text: str) -> Requirement | None:
    # Costs 17 ms to import, and few files have a section for pip.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _asked(line: str, folder: str, where: str) -> Asked | None:
    editable = _EDITABLE.match(line)
    text = _OF_ONE.sub("", editable.group(1) if editable else line).strip()
    if not text or text.startswith("-"):
        return None
    shown = without_credentials(line) + where
    # pip takes these for paths, whatever else they may look like.
    is_path = " @ " not in text and (editable is not None or text.endswith((".whl", *_ARCHIVES)))
    requirement = None if is_path else _requirement(text)
    if requirement is None:
        return _from_place(shown, text, folder, None, editable=editable is not None)
    if requirement.url:
        found = _from_place(shown, requirement.url, folder, requirement.name, editable=editable is not None)
        return found and Asked(shown, found.key, None, found.version, requirement.marker, found.anew)
    return Asked(shown, canonical_name(requirement.name), requirement.specifier, marker=requirement.marker)


def _from_place(shown: str, text: str, folder: str, name: str | None, *, editable: bool) -> Asked | None:
    """What comes from an address or a path; None where neither tells what it is."""
    place = text.partition(" ;")[0].strip()
    egg = _EGG.search(place)
    address = urlsplit(place) if "://" in place else None
    local = address is None or address.scheme == "file"
    path = unquote(address.path) if address is not None else _EXTRAS.sub("", place)
    project, version = _of_archive(os.path.basename(path))
    if project is None and local:
        path = os.path.join(folder, path)
        project = _of_checkout(path) if os.path.isdir(path) else None
    named = name or (egg.group(1) if egg else project)
    if named is None:
        return None
    anew = editable or (local and not path.endswith(".whl"))
    return Asked(shown, canonical_name(named), None, version, None, anew)


def _of_archive(name: str) -> tuple[str | None, str | None]:
    """Project and version that a file's name says: of a wheel (PEP 427), of an archive of sources (PEP 625)."""
    if name.endswith(".whl"):
        parts = name.split("-")
        return (parts[0], parts[1]) if len(parts) > 4 else (None, None)  # noqa: PLR2004 - NAME-VERSION-PY-ABI-PLATFORM
    ending = next((ending for ending in _ARCHIVES if name.endswith(ending)), None)
    project, dash, version = name.removesuffix(ending or "").rpartition("-")
    return (project, version) if ending and dash and version[:1].isdigit() else (None, None)


def _of_checkout(folder: str) -> str | None:
    for name, pattern in (("pyproject.toml", _PROJECT), ("setup.cfg", _SETUP_CFG)):
        match = pattern.search("\n".join(_lines_of(os.path.join(folder, name))))
        if match is not None:
            return match.group(1)
    return None
