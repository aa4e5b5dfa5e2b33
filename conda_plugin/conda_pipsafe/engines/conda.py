"""conda in its own process: the transaction that it is about to make, in our words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from conda_pipsafe.forecast.package_paths import PackagePaths, recall_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.paths import clean_relative, site_packages_of
from conda_pipsafe.prefix.snapshot import Snapshot


def transaction_of(
    snapshot: Snapshot, prefix: str, unlink: Iterable[Any], link: Iterable[Any], *, downloaded: bool = False
) -> Transaction:
    """Describe a transaction from the package records that conda gives its hooks.

    Packages that are extracted in a package cache are described by their paths; others by their name.

    Args:
        snapshot: The prefix as it is now.
        prefix: The prefix of the transaction.
        unlink: conda `PackageRecord`s that go.
        link: conda `PackageRecord`s that come.
        downloaded: conda is about to link them: what lies in the cache is what it takes.
    """
    link, unlink = tuple(link), tuple(unlink)
    before = _python(snapshot)
    after = _python_after(before, unlink, link)
    return Transaction(
        prefix=prefix,
        link=tuple(_linked(prec, after, snapshot, downloaded=downloaded) for prec in link),
        unlink=tuple(_unlinked(snapshot, prec) for prec in unlink),
        python_before=before[0],
        python_after=after[0],
        site_before=before[1],
        site_after=after[1],
        links=_links(),
    )


def copied_packages(snapshot: Snapshot) -> tuple[LinkedPackage, ...]:
    """An environment's packages as conda links them in a copy, in that order.

    Empty when this conda does not tell.
    """
    from conda.exceptions import CondaError
    from conda.models.prefix_graph import PrefixGraph

    from conda_pipsafe.engines.conda_compat import prefix_data

    try:
        with prefix_data(snapshot.prefix) as data:
            order = tuple(PrefixGraph(data.iter_records()).graph)
    except (CondaError, TypeError, ValueError, KeyError, OSError):
        return ()
    return transaction_of(snapshot, snapshot.prefix, (), order).link


def _links() -> bool:
    """Whether conda makes hard links: of a path that is one already nothing changes then."""
    from conda.base.context import context

    return not (context.always_copy or context.always_softlink)


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


def _linked(
    prec: Any,  # noqa: ANN401 - a conda PackageRecord
    python: _Python,
    snapshot: Snapshot,
    *,
    downloaded: bool,
) -> LinkedPackage:
    found = _extracted_paths(prec, python, downloaded=downloaded)
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


def _extracted_paths(prec: Any, python: _Python, *, downloaded: bool) -> PackagePaths | None:  # noqa: ANN401
    from conda.core.package_cache_data import PackageCacheData
    from conda.exceptions import CondaError

    try:
        entry = PackageCacheData.get_entry_to_link(prec)
        if not downloaded and not _is_the_same(prec, entry):
            return None
        noarch = getattr(prec, "noarch", None)
        kind = str(getattr(noarch, "value", noarch)) if noarch else None
        extracted = str(entry.extracted_package_dir)
        minor = None if os.environ.get("PYTHONPYCACHEPREFIX") else python[0]  # bytecode goes elsewhere then
        # Asked after the solve and at the last look again; of a copy for every package that there is.
        return recall_package_paths(extracted, noarch=kind, python=minor, site=python[1])
    except (CondaError, UnreadableError, OSError):
        return None


def _is_the_same(prec: Any, entry: Any) -> bool:  # noqa: ANN401
    """Whether an entry of the cache is the package that is meant.

    Another one of its name, version and build may lie there: of another channel, or of before it was built anew. conda
    downloads over that one. What neither side knows tells nothing.
    """
    known = [("md5", "legacy_bz2_md5"), ("size", "legacy_bz2_size")]
    if str(prec.get("fn")) == str(entry.get("fn")):
        known.append(("sha256", "sha256"))
    for kind, older in known:
        meant, there = {prec.get(kind), prec.get(older)} - {None}, entry.get(kind)
        if meant and there and there not in meant:
            return False
    return True


def _unlinked(snapshot: Snapshot, prec: Any) -> UnlinkedPackage:  # noqa: ANN401
    record = snapshot.record_named(prec.name)
    version, build = str(prec.version), str(prec.build)
    if record is not None and (record.version, record.build) == (version, build):
        return UnlinkedPackage(prec.name, version, build, frozenset(record.files))
    # With `prefix_data_interoperability` conda also takes away what pip installed, after pip's own list.
    files = (clean_relative(str(path)) for path in getattr(prec, "files", None) or ())
    return UnlinkedPackage(prec.name, version, build, frozenset(filter(None, files)), of_pip=record is None)
