"""The difference between a prefix and a state that it could have: a solution, an explicit list, a lock file.

Needs no conda. Where py-rattler is there, packages of local channels are looked into; other packages are known by
their paths when they lie extracted in a package cache, else by their names.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.names import Undownloaded, distributions_of
from conda_pipsafe.forecast.package_paths import PackagePaths, read_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.files import UnreadableError, read_json
from conda_pipsafe.prefix.paths import site_packages_of
from conda_pipsafe.prefix.snapshot import Snapshot

EXPLICIT_MARKER = "@EXPLICIT"
_SUFFIXES = (".conda", ".tar.bz2")
_LARGEST_LIST = 1 << 26  # characters


@dataclass(frozen=True, slots=True)
class Wanted:
    """A package of the state.

    Attributes:
        url: Where it comes from; empty when unknown.
        noarch: `python`, `generic` or None; None also when it is not known, as for a bare URL.
        depends: Its dependencies; None when they are not known.
        site_packages: Where a `python` package says that its site-packages folder is.
        md5: Of its archive, hex; empty when not known.
        sha256: The same.
    """

    name: str
    version: str
    build: str
    channel: str = ""
    url: str = ""
    noarch: str | None = None
    depends: tuple[str, ...] | None = None
    purls: tuple[str, ...] | None = None
    site_packages: str | None = None
    md5: str = ""
    sha256: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it this package and no other."""
        return self.name, self.version, self.build


def difference(snapshot: Snapshot, state: Sequence[Wanted], caches: Sequence[str]) -> Transaction:
    """What has to be linked and unlinked so that a prefix has a state and nothing else.

    When Python's minor version changes, packages that are `noarch: python` are linked anew, as conda and rattler do;
    so is one whose archive has another checksum than the installed one's.

    Args:
        snapshot: The prefix as it is.
        state: All packages that it is to have.
        caches: Package caches, absolute paths of folders with extracted packages.
    """
    installed = {_identity(record): record for record in snapshot.records}
    after = {package.identity: package for package in state}
    python = next((package for package in state if package.name == "python"), None)
    version = ".".join(python.version.split(".")[:2]) if python else None
    moved = version != snapshot.python
    again = {
        key
        for key, record in installed.items()
        if key in after and ((moved and record.noarch == "python") or _is_another(record, after[key]))
    }
    site = (python.site_packages if python else None) or site_packages_of(version)
    before = snapshot.record_named("python")
    return Transaction(
        prefix=snapshot.prefix,
        link=tuple(
            _linked(package, version, site, caches, snapshot)
            for key, package in after.items()
            if key not in installed or key in again
        ),
        unlink=tuple(
            UnlinkedPackage(*key, frozenset(record.files))
            for key, record in installed.items()
            if key not in after or key in again
        ),
        python_before=snapshot.python,
        python_after=version,
        site_before=(before.python_site_packages_path or site_packages_of(snapshot.python)) if before else None,
        site_after=site,
    )


def _is_another(record: Record, package: Wanted) -> bool:
    """Whether another archive of the same name, version and build is wanted, as py-rattler tells it."""
    for has, wants in ((record.sha256, package.sha256), (record.md5, package.md5)):
        if has and wants:
            return has.lower() != wants
    return False


def without(snapshot: Snapshot, names: Sequence[str]) -> list[Wanted]:
    """The state without some packages and everything that depends on them, as `conda remove` leaves it.

    Raises:
        PipsafeError: When one of them is not installed.
    """
    missing = [name for name in names if snapshot.record_named(name) is None]
    if missing:
        raise PipsafeError(f"not installed by conda in {snapshot.prefix}: {', '.join(missing)}")
    gone = set(names)
    while True:
        more = {
            record.name
            for record in snapshot.records
            if record.name not in gone and any(spec.split(" ")[0] in gone for spec in record.depends)
        }
        if not more:
            return [installed(record) for record in snapshot.records if record.name not in gone]
        gone |= more


def installed(record: Record) -> Wanted:
    """A package of the prefix, to be kept."""
    return Wanted(
        record.name, record.version, record.build, url=record.url or "", noarch=record.noarch, depends=record.depends,
        md5=record.md5.lower(), sha256=record.sha256.lower(),
    )  # fmt: skip


def read_explicit(path: str) -> list[Wanted]:
    """The packages of a file with `@EXPLICIT` and one URL (or path) a line (CEP 23).

    Raises:
        PipsafeError: When the file cannot be read, or is no such list.
    """
    hint = "`conda list --explicit` writes one; for pixi.lock and conda-lock.yml use --lock"
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LARGEST_LIST + 1)
    except OSError as error:
        raise PipsafeError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise PipsafeError(f"{path}: is no explicit list: it is not text", hint=hint) from error
    lines = [line.strip() for line in text.splitlines()]
    if EXPLICIT_MARKER not in lines or len(text) > _LARGEST_LIST:
        why = f"has no line {EXPLICIT_MARKER}" if EXPLICIT_MARKER not in lines else "is too large"
        raise PipsafeError(f"{path}: is no explicit list: it {why}", hint=hint)
    folder = os.path.dirname(os.path.abspath(path))
    listed = [(number, line) for number, line in enumerate(lines, 1) if line and line[0] not in "#@"]
    if not listed:
        raise PipsafeError(f"{path}: lists no package: everything would go", hint=f"is the file whole?  {hint}")
    return [_of_url(path, number, line, folder) for number, line in listed]


def _of_url(path: str, number: int, line: str, folder: str) -> Wanted:
    url, _, checksum = line.partition("#")
    checksum = checksum.removeprefix("sha256:").lower()
    md5, sha256 = (checksum if len(checksum) == length else "" for length in (32, 64))
    if checksum and not (md5 or sha256):
        raise PipsafeError(
            f"{path}, line {number}: {line}: the checksum behind # is no md5 and no sha256", hint="is the file whole?"
        )
    if "://" not in url:
        from pathlib import Path

        url = Path(folder, os.path.expanduser(url)).as_uri()
    place, _, archive = url.rpartition("/")
    suffix = next((suffix for suffix in _SUFFIXES if archive.endswith(suffix)), None)
    parts = unquote(archive).removesuffix(suffix or "").rsplit("-", 2)
    if suffix is None or not all(parts) or parts[2:] == []:
        raise PipsafeError(
            f"{path}, line {number}: {line}: is no URL of a conda package",
            hint="it has to end in NAME-VERSION-BUILD.conda or .tar.bz2",
        )
    name, version, build = parts
    return Wanted(name, version, build, channel=place.rpartition("/")[0], url=url, md5=md5, sha256=sha256)


def _identity(record: Record) -> tuple[str, str, str]:
    return record.name, record.version, record.build


def _linked(
    package: Wanted, python: str | None, site: str | None, caches: Sequence[str], snapshot: Snapshot
) -> LinkedPackage:
    found = _paths(package, caches, python, site)
    guessed: Mapping[str, str] = {}
    if found is None:
        facts = Undownloaded(
            package.name, package.version, purls=package.purls, depends=package.depends, noarch=package.noarch
        )
        guessed = distributions_of(facts, caches, snapshot)
    return LinkedPackage(
        name=package.name,
        version=package.version,
        build=package.build,
        channel=package.channel,
        paths=found.paths if found else None,
        distributions=found.distributions if found else guessed,
        scripts=found.scripts if found else {},
        sources=found.sources if found else {},
        compiled=found.compiled if found else {},
    )


def _paths(package: Wanted, caches: Sequence[str], python: str | None, site: str | None) -> PackagePaths | None:
    """From an extracted package in a cache, else from a local archive; None when it is neither."""
    try:
        for cache in caches:
            extracted = os.path.join(cache, "-".join(package.identity))
            if os.path.isdir(os.path.join(extracted, "info")) and _is_meant(package, extracted):
                return read_package_paths(extracted, noarch=package.noarch, python=python, site=site)
        url = urlsplit(package.url)
        if url.scheme != "file":
            return None
        from rattler.package_streaming import extract

        with tempfile.TemporaryDirectory(prefix="pipsafe-") as folder:
            extract(unquote(url.path), folder)
            return read_package_paths(folder, noarch=package.noarch, python=python, site=site)
    except (UnreadableError, OSError, ImportError):
        return None


def _is_meant(package: Wanted, extracted: str) -> bool:
    """Whether an extracted package is the one that is meant; what neither side knows tells nothing.

    Another one of its name, version and build may lie there: of another channel, or of before it was built anew.
    """
    try:
        data = read_json(extracted, "info/repodata_record.json")
    except UnreadableError:
        return True
    there = {key: str(data.get(key) or "") for key in ("url", "md5", "sha256")} if isinstance(data, dict) else {}
    if package.url.rpartition("/")[2] == there.get("url", "").rpartition("/")[2]:
        for meant, has in ((package.sha256, there["sha256"]), (package.md5, there["md5"])):
            if meant and has:
                return meant == has.lower()
    places = {strip_credentials(url).rpartition("/")[0] for url in (package.url, there.get("url", "")) if url}
    return len(places) < 2  # noqa: PLR2004 - the same folder, or only one side knows it
