"""py-rattler: transactions where there is no conda. The extra `standalone` brings it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.package_paths import PackagePaths, read_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass(frozen=True)
class Solved:
    """A solution: what it means for the prefix, and what py-rattler needs to carry it out.

    Attributes:
        transaction: The difference to the prefix as it is.
        records: All records that the prefix will have (py-rattler's RepoDataRecord).
        installed: Those that it has (py-rattler's PrefixRecord).
    """

    transaction: Transaction
    records: Sequence[Any]
    installed: Sequence[Any]


def solve(snapshot: Snapshot, specs: Sequence[str], channels: Sequence[str], cache: str) -> Solved:
    """Solve for `specs` on top of what the prefix has.

    Args:
        snapshot: The prefix.
        specs: Match specs to add.
        channels: Their URLs or paths, in order of priority.
        cache: A folder for repodata and packages.

    Raises:
        PipsafeError: When py-rattler is missing, a channel cannot be read, or there is no solution.
    """
    rattler = _rattler()
    installed = [rattler.PrefixRecord.from_path(os.path.join(snapshot.prefix, record.meta_path)) for record in snapshot.records]  # fmt: skip  # noqa: E501
    kept = [record.requested_spec for record in snapshot.records if record.requested_spec]
    names = {rattler.MatchSpec(spec).name.normalized for spec in specs}
    wanted = [*specs, *(spec for spec in kept if rattler.MatchSpec(spec).name.normalized not in names)]

    async def run() -> Sequence[Any]:
        found: Sequence[Any] = await rattler.solve(
            list(channels),
            wanted,
            gateway=rattler.Gateway(cache_dir=os.path.join(cache, "rattler-repodata")),
            locked_packages=installed,
        )
        return found

    try:
        records = asyncio.run(run())
    except Exception as error:  # py-rattler's errors share no base class
        raise PipsafeError(f"py-rattler found no solution for {' '.join(specs)}: {error}") from error
    return Solved(_transaction(snapshot, records, installed, cache), records, installed)


def apply(solved: Solved, cache: str) -> None:
    """Carry a solution out, as pixi or micromamba would: pip's files are overwritten without a word.

    Only on environments that py-rattler made: it does not correctly change one whose `noarch` packages conda linked.
    """
    rattler = _rattler()
    asyncio.run(
        rattler.install(
            list(solved.records),
            solved.transaction.prefix,
            cache_dir=os.path.join(cache, "rattler-pkgs"),
            installed_packages=list(solved.installed),
            execute_link_scripts=False,
            show_progress=False,
        )
    )


def _rattler() -> Any:  # noqa: ANN401 - the module
    try:
        import rattler
    except ImportError as error:
        raise PipsafeError(
            "py-rattler is not installed", hint="pip install 'conda-pipsafe[standalone]', or use conda"
        ) from error
    return rattler


def _transaction(snapshot: Snapshot, records: Sequence[Any], installed: Sequence[Any], cache: str) -> Transaction:
    before = {_identity(record): record for record in installed}
    after = {_identity(record): record for record in records}
    gone = [record for key, record in before.items() if key not in after]
    come = [record for key, record in after.items() if key not in before]
    python = snapshot.record_named("python")
    new_python = next((record for record in records if record.name.normalized == "python"), None)
    version = ".".join(str(new_python.version).split(".")[:2]) if new_python is not None else None
    site = getattr(new_python, "python_site_packages_path", None) or _site(version)
    return Transaction(
        prefix=snapshot.prefix,
        link=tuple(_linked(record, version, site, cache) for record in come),
        unlink=tuple(_unlinked(snapshot, record) for record in gone),
        python_before=snapshot.python,
        python_after=version,
        site_before=(python.python_site_packages_path or _site(snapshot.python)) if python else None,
        site_after=site,
    )


def _identity(record: Any) -> tuple[str, str, str]:  # noqa: ANN401
    return record.name.normalized, str(record.version), str(record.build)


def _site(version: str | None) -> str | None:
    if version is None:
        return None
    return "Lib/site-packages" if os.name == "nt" else f"lib/python{version}/site-packages"


def _unlinked(snapshot: Snapshot, record: Any) -> UnlinkedPackage:  # noqa: ANN401
    name, version, build = _identity(record)
    known = snapshot.record_named(name)
    return UnlinkedPackage(name, version, build, frozenset(known.files) if known else frozenset())


def _linked(record: Any, python: str | None, site: str | None, cache: str) -> LinkedPackage:  # noqa: ANN401
    name, version, build = _identity(record)
    noarch = "python" if getattr(record.noarch, "python", False) else None
    found = _paths(record, cache, noarch, python, site)
    return LinkedPackage(
        name=name,
        version=version,
        build=build,
        channel=str(record.channel or ""),
        paths=found.paths if found else None,
        distributions=found.distributions if found else {canonical_name(name): version},
        scripts=found.scripts if found else {},
        sources=found.sources if found else {},
        compiled=found.compiled if found else {},
    )


def _paths(
    record: Any,  # noqa: ANN401
    cache: str,
    noarch: str | None,
    python: str | None,
    site: str | None,
) -> PackagePaths | None:
    """From the extracted package in the cache, else from a local archive; None when it is neither."""
    extracted = os.path.join(cache, "rattler-pkgs", "-".join(_identity(record)))
    try:
        if os.path.isdir(os.path.join(extracted, "info")):
            return read_package_paths(extracted, noarch=noarch, python=python, site=site)
        url = urlsplit(str(record.url))
        if url.scheme != "file":
            return None
        from rattler.package_streaming import extract

        with tempfile.TemporaryDirectory() as folder:
            extract(unquote(url.path), folder)
            return read_package_paths(folder, noarch=noarch, python=python, site=site)
    except (UnreadableError, OSError, ImportError):
        return None
