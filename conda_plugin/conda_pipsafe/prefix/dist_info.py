"""Distributions: what pip, uv or a conda package left in site-packages to say that a Python project is there.

Formats: `*.dist-info` (PEP 376, 427, 610, 627; PyPA "Recording installed projects") and setuptools' `*.egg-info`
folders, files and `*.egg-link`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from conda_pipsafe.prefix.direct_url import DirectUrl, parse_direct_url
from conda_pipsafe.prefix.files import Problem, UnreadableError, read_json, read_text
from conda_pipsafe.prefix.metadata import (
    Metadata,
    canonical_name,
    is_valid_name,
    parse_metadata,
    parse_requires_txt,
)
from conda_pipsafe.prefix.paths import SitePackages, from_site
from conda_pipsafe.prefix.record_csv import RecordedFile, parse_record_csv

Kind = Literal["dist-info", "egg-info", "egg-info-file", "egg-link"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """One Python distribution of the prefix.

    Attributes:
        name: As its metadata spells it, or as its folder does when the metadata is gone.
        version: Empty when nothing says.
        kind: What form its metadata has.
        path: Its dist-info or egg-info, prefix-relative.
        site: The site-packages folder that it lies in.
        installer: The content of INSTALLER (`pip`, `uv`, `conda`, anything), or None.
        requested: True when REQUESTED is there; None for forms that have no such mark.
        has_metadata: Whether METADATA or PKG-INFO is there and could be read.
        has_record: Whether a list of its files is there.
        unknown_source: It came from a direct URL, and direct_url.json does not say which.
    """

    name: str
    version: str
    kind: Kind
    path: str
    site: SitePackages
    installer: str | None
    requested: bool | None
    direct_url: DirectUrl | None
    requires_dist: tuple[str, ...]
    requires_python: str | None
    extras: tuple[str, ...]
    has_metadata: bool
    has_record: bool
    unknown_source: bool = False

    @property
    def key(self) -> str:
        """The canonical name (PEP 503)."""
        return canonical_name(self.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which of pip's notes, that a conda package may lack, lie in its dist-info."""
        if self.kind != "dist-info":
            return ()
        there = {"REQUESTED": self.requested, "direct_url.json": self.direct_url, "RECORD": self.has_record}
        return tuple(name for name, note in there.items() if note)

    @property
    def editable(self) -> bool:
        """Whether it is imported from a checkout."""
        return self.kind == "egg-link" or (self.direct_url is not None and self.direct_url.editable)

    @property
    def again(self) -> tuple[str, ...]:
        """How pip is told to install exactly this: name and version, or where it came from; empty when nothing says."""
        url = self.direct_url
        if url is None:
            said = self.version and self.kind != "egg-link" and not self.unknown_source
            return (f"{self.name}=={self.version}",) if said else ()
        if url.editable:
            from urllib.parse import unquote, urlsplit

            return "-e", unquote(urlsplit(url.url).path) if url.url.startswith("file:") else url.url
        revision = f"@{url.revision}" if url.vcs and url.revision else ""
        below = f"#subdirectory={url.subdirectory}" if url.subdirectory else ""
        return (f"{self.name} @ {f'{url.vcs}+' if url.vcs else ''}{url.url}{revision}{below}",)

    @property
    def metadata_path(self) -> str:
        """The file that holds its metadata, prefix-relative."""
        if self.kind == "dist-info":
            return f"{self.path}/METADATA"
        return f"{self.path}/PKG-INFO" if self.kind == "egg-info" else self.path


def read_distributions(prefix: str, site: SitePackages) -> tuple[list[Distribution], list[Problem]]:
    """Read every distribution of one site-packages folder, without their RECORDs.

    Returns:
        The distributions in order of path, and what could not be read of them.
    """
    found: list[Distribution] = []
    problems: list[Problem] = []
    try:
        names = sorted(os.listdir(os.path.join(prefix, site.path)))
    except OSError as error:
        return [], [Problem("unreadable", site.path, f"cannot be listed: {error.strerror}")]
    for name in names:
        reader = _reader(prefix, site.path, name)
        if reader is not None:
            found.append(reader(prefix, site, name, problems))
    return found, problems


def read_installed_files(prefix: str, dist: Distribution) -> tuple[list[RecordedFile], list[Problem]]:
    """The files that a distribution says are its own: RECORD, or `installed-files.txt` of an egg-info.

    Returns:
        Prefix-relative rows, and what could not be read. Both empty where the form has no such list.
    """
    if not dist.has_record:
        return [], []
    try:
        if dist.kind == "dist-info":
            source = f"{dist.path}/RECORD"
            return parse_record_csv(read_text(prefix, source), prefix, dist.site.path, source)
        listed = read_text(prefix, f"{dist.path}/installed-files.txt").splitlines()
    except UnreadableError as error:
        return [], [error.problem]
    paths = (from_site(prefix, dist.path, row.strip()) for row in listed if row.strip())
    return [RecordedFile(path, None, None) for path in paths if path is not None], []


_Reader = Callable[[str, SitePackages, str, list[Problem]], Distribution]


def _reader(prefix: str, site: str, name: str) -> _Reader | None:
    if name.startswith("~"):  # pip's half-removed copy: no tool reads it as a distribution
        return None
    if name.endswith(".dist-info"):
        return _read_dist_info
    if name.endswith(".egg-info"):
        return _read_egg_info if os.path.isdir(os.path.join(prefix, site, name)) else _read_egg_file
    return _read_egg_link if name.endswith(".egg-link") else None


def _read_dist_info(prefix: str, site: SitePackages, folder: str, problems: list[Problem]) -> Distribution:
    path = f"{site.path}/{folder}"
    stem = folder.removesuffix(".dist-info")
    present = _listed(prefix, path, problems)
    metadata = _metadata(prefix, f"{path}/METADATA", problems) if "METADATA" in present else None
    name, version = _name_and_version(stem, metadata, path, problems)
    direct_url = _direct_url(prefix, path, problems) if "direct_url.json" in present else None
    return Distribution(
        name=name,
        version=version,
        kind="dist-info",
        path=path,
        site=site,
        installer=_installer(prefix, path, problems) if "INSTALLER" in present else None,
        requested="REQUESTED" in present,
        direct_url=direct_url,
        requires_dist=metadata.requires_dist if metadata else (),
        requires_python=metadata.requires_python if metadata else None,
        extras=metadata.extras if metadata else (),
        has_metadata=metadata is not None,
        has_record="RECORD" in present,
        unknown_source="direct_url.json" in present and direct_url is None,
    )


def _read_egg_info(prefix: str, site: SitePackages, folder: str, problems: list[Problem]) -> Distribution:
    path = f"{site.path}/{folder}"
    present = _listed(prefix, path, problems)
    metadata = _metadata(prefix, f"{path}/PKG-INFO", problems) if "PKG-INFO" in present else None
    requires = metadata.requires_dist if metadata else ()
    if "requires.txt" in present and not requires:
        try:
            requires = parse_requires_txt(read_text(prefix, f"{path}/requires.txt"))
        except UnreadableError as error:
            problems.append(error.problem)
    return _egg(site, folder, "egg-info", metadata, problems, requires, record="installed-files.txt" in present)


def _read_egg_file(prefix: str, site: SitePackages, name: str, problems: list[Problem]) -> Distribution:
    metadata = _metadata(prefix, f"{site.path}/{name}", problems)
    return _egg(site, name, "egg-info-file", metadata, problems, metadata.requires_dist if metadata else ())


def _read_egg_link(_prefix: str, site: SitePackages, name: str, problems: list[Problem]) -> Distribution:
    # The checkout that it points at lies outside the prefix and is not read.
    return _egg(site, name, "egg-link", None, problems, ())


def _egg(
    site: SitePackages,
    entry: str,
    kind: Kind,
    metadata: Metadata | None,
    problems: list[Problem],
    requires: tuple[str, ...],
    *,
    record: bool = False,
) -> Distribution:
    path = f"{site.path}/{entry}"
    stem = entry.rsplit(".", 1)[0]
    # An egg-link is called after the project alone: in `scikit-learn.egg-link` nothing is a version.
    known = (_printable(stem), "") if kind == "egg-link" else _name_and_version(stem, metadata, path, problems)
    return Distribution(
        name=known[0],
        version=known[1],
        kind=kind,
        path=path,
        site=site,
        installer=None,
        requested=None,
        direct_url=None,
        requires_dist=requires,
        requires_python=metadata.requires_python if metadata else None,
        extras=metadata.extras if metadata else (),
        has_metadata=metadata is not None,
        has_record=record,
    )


def _name_and_version(stem: str, metadata: Metadata | None, path: str, problems: list[Problem]) -> tuple[str, str]:
    if metadata is not None and is_valid_name(metadata.name):
        return metadata.name, metadata.version
    if metadata is not None:
        problems.append(Problem("invalid-metadata", path, "its metadata has no valid name"))
    stem = _printable(stem)
    name, _, rest = stem.partition("-")
    # An egg's name goes on with the Python that it was built for: eta-1.0-py3.12.
    return name or stem, rest.split("-", 1)[0]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _listed(prefix: str, path: str, problems: list[Problem]) -> frozenset[str]:
    try:
        return frozenset(os.listdir(os.path.join(prefix, path)))
    except OSError as error:
        problems.append(Problem("unreadable", path, f"cannot be listed: {error.strerror}"))
        return frozenset()


def _metadata(prefix: str, path: str, problems: list[Problem]) -> Metadata | None:
    try:
        return parse_metadata(read_text(prefix, path))
    except UnreadableError as error:
        problems.append(error.problem)
        return None


def _installer(prefix: str, path: str, problems: list[Problem]) -> str | None:
    try:
        return read_text(prefix, f"{path}/INSTALLER", limit=4096).strip() or None
    except UnreadableError as error:
        problems.append(error.problem)
        return None


def _direct_url(prefix: str, path: str, problems: list[Problem]) -> DirectUrl | None:
    source = f"{path}/direct_url.json"
    try:
        parsed = parse_direct_url(read_json(prefix, source))
    except UnreadableError as error:
        problems.append(error.problem)
        return None
    if parsed is None:
        problems.append(Problem("invalid-metadata", source, "not a direct URL (PEP 610)"))
    return parsed
