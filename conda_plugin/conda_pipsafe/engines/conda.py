"""conda in its own process: what it is about to do, in our words. Only this module and `hooks` import conda."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

from conda_pipsafe.forecast.package_paths import PackagePaths, read_package_paths
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot

Mode = Literal["warn", "prompt", "block", "off"]
MODES: tuple[Mode, ...] = ("warn", "prompt", "block", "off")


def mode() -> Mode:
    """The setting `plugins: pipsafe_mode`; `warn` where this conda has no plugin settings (before 24.3)."""
    from conda.base.context import context

    value = str(getattr(getattr(context, "plugins", None), "pipsafe_mode", "warn"))
    value = "off" if value.lower() == "false" else value
    # An unknown word was already refused by conda, with the file that it stands in.
    return next((known for known in MODES if known == value), "warn")


def target_prefix() -> str | None:
    """The prefix that the running command is about; None when conda cannot tell."""
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        prefix = context.target_prefix
    except (CondaError, ValueError):
        return None
    return os.path.abspath(str(prefix)) if prefix else None


def arguments() -> Any:  # noqa: ANN401 - conda's parsed command line, an argparse namespace or a dictionary with attributes
    """The running command's parsed options, as conda keeps them; attributes may be missing."""
    from conda.base.context import context

    return context._argparse_args  # noqa: SLF001 - conda has no public name for it


def may_ask() -> bool:
    """Whether a person can be asked now: a terminal, and neither `--yes` nor `--json` nor a dry run."""
    import sys

    from conda.base.context import context

    return sys.stdin.isatty() and not (context.always_yes or context.json or context.dry_run or context.quiet)


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
        link=tuple(_linked(prec, after) for prec in link),
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
    return snapshot.python, record.python_site_packages_path or _site(snapshot.python)


def _python_after(before: _Python, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> _Python:
    coming = next((prec for prec in link if prec.name == "python"), None)
    if coming is not None:
        version = ".".join(str(coming.version).split(".")[:2])
        return version, getattr(coming, "python_site_packages_path", None) or _site(version)
    going = any(prec.name == "python" for prec in unlink)
    return (None, None) if going else before


def _site(version: str | None) -> str | None:
    if version is None:
        return None
    return "Lib/site-packages" if os.name == "nt" else f"lib/python{version}/site-packages"


def _linked(prec: Any, python: _Python) -> LinkedPackage:  # noqa: ANN401 - a conda PackageRecord
    found = _extracted_paths(prec, python)
    return LinkedPackage(
        name=prec.name,
        version=str(prec.version),
        build=str(prec.build),
        channel=str(getattr(prec.channel, "canonical_name", "") or ""),
        paths=found.paths if found else None,
        distributions=found.distributions if found else _guess(prec),
        scripts=found.scripts if found else {},
    )


def _guess(prec: Any) -> dict[str, str]:  # noqa: ANN401
    """The distributions of a package that is not there yet: by its purls where the repodata has them, else its name."""
    purls = [str(purl) for purl in getattr(prec, "purls", None) or () if str(purl).startswith("pkg:pypi/")]
    names = [purl.removeprefix("pkg:pypi/").split("@")[0].split("?")[0] for purl in purls] or [prec.name]
    return {canonical_name(name): str(prec.version) for name in names}


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


def prefix_of_file(path: object) -> str | None:
    """The environment that an environment file names, for commands that were given no name or prefix.

    Returns:
        Its absolute path, or None when the file has no name or conda cannot read it (conda says so itself).
    """
    from conda.base.context import context
    from conda.core.prefix_data import PrefixData
    from conda.exceptions import CondaError

    source = path[0] if isinstance(path, (list, tuple)) and path else path
    if not isinstance(source, str) or not os.path.isfile(source):
        return None
    try:
        hook = context.plugin_manager.get_environment_specifier(source=source, name=context.environment_specifier)
        name = hook.environment_spec(source).env_for(context.subdir).name
        return str(PrefixData.from_name(name).prefix_path) if name else None
    except (CondaError, AttributeError, ValueError):
        return None


def prefix_of_clone(clone: str) -> str | None:
    """The environment that `--clone NAME_OR_PATH` names, as conda finds it; None when there is none."""
    from conda.base.context import locate_prefix_by_name
    from conda.exceptions import CondaError

    try:
        if os.sep in clone or "/" in clone:
            return os.path.abspath(os.path.expanduser(clone))
        return str(locate_prefix_by_name(clone))
    except (CondaError, ValueError):
        return None
