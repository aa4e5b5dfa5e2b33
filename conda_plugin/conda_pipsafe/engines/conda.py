"""conda in its own process: the transaction that it is about to make, in our words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conda_pipsafe.forecast.package_paths import PackagePaths, read_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.paths import site_packages_of
from conda_pipsafe.prefix.snapshot import Snapshot


def transaction_of(snapshot: Snapshot, prefix: str, unlink: Iterable[Any], link: Iterable[Any]) -> Transaction:
    """Describe a transaction from the package records that conda gives its hooks.

    Packages that are extracted in a package cache are described by their paths; others by their name.

    Args:
        snapshot: The prefix as it is now.
        prefix: The prefix of the transaction.
        unlink: conda `PackageRecord`s that go.
        link: conda `PackageRecord`s that come.
    """
    link, unlink = tuple(link), tuple(unlink)
    before = _python(snapshot)
    after = _python_after(before, unlink, link)
    return Transaction(
        prefix=prefix,
        link=tuple(_linked(prec, after, snapshot) for prec in link),
        unlink=tuple(_unlinked(snapshot, prec) for prec in unlink),
        python_before=before[0],
        python_after=after[0],
        site_before=before[1],
        site_after=after[1],
    )


_Python = tuple[str | None, str | None]  # version as 3.12, site-packages folder


def _python(snapshot: Snapshot) -> _Python:
    record = snapshot.record_named("python")
    if record is None:
        return None, None
    return snapshot.python, record.python_site_packages_path or site_packages_of(snapshot.python)


def _python_after(before: _Python, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> _Python:
    coming = next((prec for prec in link if prec.name == "python"), None)
    if coming is not None:
        version = ".".join(str(coming.version).split(".")[:2])
        return version, getattr(coming, "python_site_packages_path", None) or site_packages_of(version)
    going = any(prec.name == "python" for prec in unlink)
    return (None, None) if going else before


def _linked(prec: Any, python: _Python, snapshot: Snapshot) -> LinkedPackage:  # noqa: ANN401 - a conda PackageRecord
    found = _extracted_paths(prec, python)
    return LinkedPackage(
        name=prec.name,
        version=str(prec.version),
        build=str(prec.build),
        channel=str(getattr(prec.channel, "canonical_name", "") or ""),
        paths=found.paths if found else None,
        distributions=found.distributions if found else _guess(prec, snapshot),
        scripts=found.scripts if found else {},
        sources=found.sources if found else {},
        compiled=found.compiled if found else {},
    )


def _guess(prec: Any, snapshot: Snapshot) -> dict[str, str]:  # noqa: ANN401
    """The distributions of a package that is not on this disk yet."""
    from conda.base.context import context

    from conda_pipsafe.engines.conda_repodata import purls_of
    from conda_pipsafe.forecast.names import Undownloaded, distributions_of

    depends, noarch = (getattr(prec, name, None) for name in ("depends", "noarch"))
    # Named by its URL only (an explicit file): nothing says what it needs.
    described = any(getattr(prec, name, None) for name in ("size", "md5", "sha256", "timestamp"))
    package = Undownloaded(
        prec.name,
        str(prec.version),
        purls=purls_of(prec),
        depends=tuple(map(str, depends or ())) if depends or noarch or described else None,
        noarch=str(getattr(noarch, "value", noarch)) if noarch else None,
    )
    return distributions_of(package, tuple(map(str, context.pkgs_dirs)), snapshot)


def _extracted_paths(prec: Any, python: _Python) -> PackagePaths | None:  # noqa: ANN401
    from conda.core.package_cache_data import PackageCacheData
    from conda.exceptions import CondaError

    try:
        folder = PackageCacheData.get_entry_to_link(prec).extracted_package_dir
        noarch = getattr(prec, "noarch", None)
        return read_package_paths(
            folder, noarch=str(getattr(noarch, "value", noarch)) if noarch else None, python=python[0], site=python[1]
        )
    except (CondaError, UnreadableError, OSError):
        return None


def _unlinked(snapshot: Snapshot, prec: Any) -> UnlinkedPackage:  # noqa: ANN401
    record = snapshot.record_named(prec.name)
    return UnlinkedPackage(
        prec.name, str(prec.version), str(prec.build), frozenset(record.files) if record else frozenset()
    )
