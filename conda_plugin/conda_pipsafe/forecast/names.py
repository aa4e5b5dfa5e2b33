"""Which Python distributions a conda package brings that is not on this disk yet.

Names only, for packages whose paths nobody can know before they are downloaded: never for a claim about paths. In
order of trust: the `purls` of the repodata (draft of a CEP: conda/ceps#63; pixi writes them), what the version that
is installed or lies in a package cache brings, a table of well-known differences, the conda name itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from conda_pipsafe.forecast.known_names import KNOWN
from conda_pipsafe.forecast.package_paths import distributions_among, read_package_paths
from conda_pipsafe.prefix.conda_version import CondaVersion, VersionSyntaxError
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

PYPI = "pkg:pypi/"
MOST_FOLDERS = 3
_SPEC_NAME = lazy(r"[A-Za-z0-9_.-]+")

# Where a claim comes from: the channel's own word, a version that is on this disk, the known names, the bare name.
Evidence = Literal["purl", "disk", "table", "name"]


@dataclass(frozen=True, slots=True)
class Undownloaded:
    """What a channel says of a package that is not on this disk.

    Attributes:
        purls: Its package URLs (https://github.com/package-url/purl-spec), of any type; None when the channel says
            nothing of them.
        depends: Its dependencies as match specs; None when they are not known (an explicit URL).
        noarch: `python`, `generic` or None.
        inside: The distributions in its archive, canonical name to version; None where that is not on this disk.
    """

    name: str
    version: str
    purls: Sequence[str] | None = None
    depends: Sequence[str] | None = None
    noarch: str | None = None
    inside: Mapping[str, str] | None = None


def distributions_of(
    package: Undownloaded, caches: Sequence[str] = (), snapshot: Snapshot | None = None
) -> dict[str, str]:
    """The distributions that a package likely brings, canonical name to version.

    Args:
        package: What is known of it.
        caches: Package caches, absolute paths of folders with extracted packages.
        snapshot: The environment, which may have another version of it.

    Returns:
        Empty when it likely brings none.
    """
    return evidence_of(package, caches, snapshot)[1]


def evidence_of(
    package: Undownloaded, caches: Sequence[str] = (), snapshot: Snapshot | None = None
) -> tuple[Evidence, dict[str, str]]:
    """As `distributions_of`, and what says so."""
    named = _from_purls(package.purls)
    if named:
        return "purl", {name: version or package.version for name, version in named.items()}
    if package.inside is not None:
        return "disk", dict(package.inside)
    other = (_installed(package, snapshot) if snapshot is not None else None) or _cached(package, caches)
    if other is not None:
        version, found = other
        return "disk", {key: _following(has, version, package.version) for key, has in found.items()}
    if package.purls is not None and not package.purls:
        return "purl", {}
    known = KNOWN.get(package.name)
    if known is not None:
        return "table", {canonical_name(name): package.version for name in known}
    return "name", {canonical_name(package.name): package.version} if _may_be_python(package) else {}


def names_to_look_for(key: str) -> tuple[str, ...]:
    """The conda names under which a distribution may be found; what is found there has to prove itself.

    Args:
        key: Its canonical name (PEP 503), which conda packages often spell with `_` or `.`.
    """
    known = [name for name, brings in KNOWN.items() if key in map(canonical_name, brings)]
    spellings = [key, key.replace("-", "_"), key.replace("-", ".")]
    return tuple(dict.fromkeys([*known, *spellings, f"python-{key}", f"{key}-python"]))


def _from_purls(purls: Sequence[str] | None) -> dict[str, str]:
    """Canonical names, each with the version that stands behind it, if one does."""
    found: dict[str, str] = {}
    for purl in purls or ():
        if purl[: len(PYPI)].lower() == PYPI:
            # https://github.com/package-url/purl-spec: NAME@VERSION?QUALIFIERS#SUBPATH, each percent-encoded
            name, _, version = purl[len(PYPI) :].partition("#")[0].partition("?")[0].partition("@")
            if name:
                found[canonical_name(unquote(name))] = unquote(version)
    return found


def _may_be_python(package: Undownloaded) -> bool:
    """What neither needs Python nor is `noarch: python` has nothing in site-packages: a library, a program."""
    if package.noarch == "python" or package.depends is None:
        return True
    return any(_name(spec) in {"python", "python_abi", "pypy"} for spec in package.depends)


def _name(spec: str) -> str:
    match = _SPEC_NAME.match(spec)
    return match.group().lower() if match else ""


_Found = tuple[str, Mapping[str, str]]  # the conda package's version, its distributions


def _installed(package: Undownloaded, snapshot: Snapshot) -> _Found | None:
    """By the list in its record: what it brought is there, even where pip has replaced it since."""
    record = snapshot.record_named(package.name)
    if record is None or not record.files:
        return None
    site = next((site.path for site in snapshot.sites if site.current), None)
    return record.version, distributions_among(record.files, site)


def _following(has: str, version: str, comes: str) -> str:
    """The version that a distribution of another version of its package has.

    What has the package's version follows it; of what has one of its own that is not known, and empty.
    """
    if comes == version:
        return has
    try:
        same = has == version or CondaVersion(has) == CondaVersion(version)
    except VersionSyntaxError:
        same = False
    return comes if same else ""


def _cached(package: Undownloaded, caches: Sequence[str]) -> _Found | None:
    """The nearest extracted package of that name: of the same version, else of the newest folder."""
    folders = [(version, folder) for cache in caches for version, folder in _folders(cache).get(package.name, ())]
    folders.sort(key=lambda item: (item[0] == package.version, _modified(item[1])), reverse=True)
    for version, folder in folders[:MOST_FOLDERS]:
        try:
            return version, read_package_paths(folder, noarch=None, python=None, site=None).distributions
        except (UnreadableError, OSError):
            continue
    return None


def _folders(cache: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    try:
        return _listing(cache, os.stat(cache).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=16)
def _listing(cache: str, _changed: int) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The folders of a cache by conda name, with the version: `NAME-VERSION-BUILD`, as conda and rattler name them."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    with os.scandir(cache) as entries:
        for entry in entries:
            # Archives lie beside the folders under the same names.
            if entry.name.endswith((".conda", ".bz2", ".json", ".lock")):
                continue
            name, version, _ = ("", "", *entry.name.rsplit("-", 2))[-3:]
            if name and version and entry.is_dir():
                found[name] = (*found.get(name, ()), (version, entry.path))
    return found


def _modified(folder: str) -> float:
    try:
        return os.stat(folder).st_mtime
    except OSError:
        return 0.0
