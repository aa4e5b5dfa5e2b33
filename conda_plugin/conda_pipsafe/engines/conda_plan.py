"""The transactions of conda commands whose solver never runs, built with conda's own functions and not carried out.

`install --revision`, explicit URLs and files, `create --clone`, `rename`, `remove --all`: no solver hook sees them,
and their `--dry-run` says nothing of packages. conda's environments are read without interoperability: with it conda
erases the records of packages that pip replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.engines import conda_context
from conda_pipsafe.engines.conda import copied_packages, transaction_of
from conda_pipsafe.engines.conda_compat import (
    channel_index,
    existing_environment,
    prefix_data,
    read_environment_file,
)
from conda_pipsafe.engines.conda_files import pip_sections
from conda_pipsafe.engines.states import EXPLICIT_MARKER
from conda_pipsafe.forecast.copying import Replaced, forecast_copy, replaced_packages
from conda_pipsafe.forecast.deletion import forecast_deletion
from conda_pipsafe.forecast.effects import Forecast, forecast
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, no_environment, read_snapshot


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a conda command would do.

    Attributes:
        source: The environment that is copied, for `create --clone` and `rename`.
        replaced: The packages of pip's in it that the copy will not have.
        notes: What else has to be said, one line each.
    """

    forecast: Forecast
    source: str | None = None
    replaced: tuple[Replaced, ...] = ()
    notes: tuple[str, ...] = ()


def foresee_solved(prefix: str, unlink: Iterable[Any], link: Iterable[Any], *, download: bool) -> Foreseen:
    """The forecast of what a solver found.

    Args:
        prefix: The prefix of the transaction; it may not be there yet.
        unlink: conda `PackageRecord`s that go.
        link: conda `PackageRecord`s that come.
        download: Bring the packages into the package cache first, so that the forecast is exact.
    """
    link = tuple(link)
    if download:
        fetch(link)
    snapshot = _snapshot(prefix)
    return Foreseen(forecast(snapshot, transaction_of(snapshot, prefix, unlink, link)))


def foresee_unsolved(command: str, options: Any, *, download: bool) -> Foreseen | None:  # noqa: ANN401 - argparse's namespace
    """The forecast of a command whose solver will not run; None when it will.

    Args:
        command: conda's name of the command, as its hooks have it.
        options: Its parsed options.
        download: As for `foresee_solved`.

    Raises:
        conda.exceptions.CondaError: As the command itself would.
    """
    if command == "rename":
        return _copy(existing_environment(conda_context.target_prefix() or ""), options.destination)
    if command == "env_remove" or (command == "remove" and options.all):
        return _removed(options)
    if conda_context.replaces(command, options) and _is_environment(command_prefix(command, options)):
        return _recreated(command_prefix(command, options))
    if command == "create" and getattr(options, "clone", None):
        return _copy(existing_environment(options.clone), conda_context.target_prefix() or "")
    if command == "install" and getattr(options, "revision", None):
        return _revision(options, download=download)
    urls = _explicit_urls(options) if command in {"install", "create", "env_create", "env_update"} else ()
    if urls:
        return _explicit(command_prefix(command, options), urls, download=download)
    if command == "env_update":
        _check_files(options)
        return None if _asks_conda(options) else Foreseen(_nothing(command, options))
    return None


def command_prefix(command: str, options: Any) -> str:  # noqa: ANN401
    """The prefix that a command is about, also where an environment file names it; empty where `create` has no name."""
    named = getattr(options, "name", None) or getattr(options, "prefix", None)
    if command in {"env_update", "create", "env_create"} and not named:
        found = conda_context.prefix_of_file(getattr(options, "file", None))
        if found is not None:
            return found
        if command != "env_update":  # conda takes base for it, and refuses
            return ""
    return conda_context.target_prefix() or ""


def fetch(packages: Sequence[Any]) -> None:
    """Download and extract what is not in a package cache yet, as conda does before a transaction."""
    from conda.core.package_cache_data import ProgressiveFetchExtract

    ProgressiveFetchExtract(packages).execute()


def pip_requirements(options: Any) -> int:  # noqa: ANN401
    """How many requirements the `pip:` sections of the command's environment files have."""
    return sum(len(section.requirements) for section in pip_sections(_files(options)))


def _snapshot(prefix: str) -> Snapshot:
    try:
        return read_snapshot(prefix)
    except NotAnEnvironmentError:
        return no_environment(prefix)


def _copy(source: str, destination: str) -> Foreseen:
    snapshot = _snapshot(source)
    made = conda_context.prefix_of_destination(destination) or destination
    return Foreseen(forecast_copy(snapshot, made, copied_packages(snapshot)), source, replaced_packages(snapshot))


def _removed(options: Any) -> Foreseen:  # noqa: ANN401
    prefix = existing_environment(conda_context.target_prefix() or "")
    snapshot = _snapshot(prefix)
    if getattr(options, "keep_env", False):
        with prefix_data(prefix) as data:
            return Foreseen(forecast(snapshot, transaction_of(snapshot, prefix, tuple(data.iter_records()), ())))
    return Foreseen(forecast_deletion(snapshot))


def _is_environment(prefix: str) -> bool:
    return bool(prefix) and os.path.isdir(os.path.join(prefix, "conda-meta"))


def _recreated(prefix: str) -> Foreseen:
    """`create` over an environment that is there: conda removes that first, and `--dry-run` refuses to look."""
    note = f"conda removes the environment that is at {prefix} first; what comes in its place is not shown here"
    return Foreseen(forecast_deletion(_snapshot(prefix)), notes=(note,))


def _revision(options: Any, *, download: bool) -> Foreseen:  # noqa: ANN401
    from conda.base.constants import REPODATA_FN
    from conda.base.context import context
    from conda.cli.install import get_revision, revert_actions
    from conda.exceptions import CondaError

    prefix = str(context.target_prefix)
    revision = get_revision(options.revision)
    # conda leaves options out of its namespace that were not given.
    names = list(getattr(options, "repodata_fns", None) or context.repodata_fns)
    names += [] if REPODATA_FN in names else [REPODATA_FN]
    transaction = None
    for name in names:
        try:
            transaction = revert_actions(prefix, revision, channel_index(prefix, options, name))
            break
        except CondaError:
            # As conda: what the first, smaller repodata does not have the whole one may.
            if name == names[-1]:
                raise
    setups = tuple(transaction.prefix_setups.values()) if transaction is not None else ()
    unlink = [prec for setup in setups for prec in setup.unlink_precs]
    link = [prec for setup in setups for prec in setup.link_precs]
    return foresee_solved(prefix, unlink, link, download=download)


def _explicit_urls(options: Any) -> list[str]:  # noqa: ANN401
    """The package URLs and paths of a command that has nothing else, else none: conda refuses a mixture itself."""
    from conda.models.match_spec import MatchSpec

    words = [str(word).strip("\"'") for word in getattr(options, "packages", None) or ()]
    urls = [word for word in words if MatchSpec(word).get("url")]
    if len(urls) < len(words):
        return []
    for file in _files(options):
        lines = _lines(file)
        if EXPLICIT_MARKER in lines:
            urls += [line for line in lines if line != EXPLICIT_MARKER]
    return urls


def _named_files(options: Any) -> list[str]:  # noqa: ANN401
    named = getattr(options, "file", None)
    return list(map(str, [named] if isinstance(named, str) else named or ()))


def _files(options: Any) -> list[str]:  # noqa: ANN401
    return [file for file in _named_files(options) if os.path.isfile(file)]


def _lines(file: str) -> list[str]:
    with open(file, encoding="utf-8", errors="replace") as opened:
        stripped = [line.strip() for line in opened]
    return [line for line in stripped if line and not line.startswith("#")]


def _explicit(prefix: str, urls: Sequence[str], *, download: bool) -> Foreseen:
    from conda.models.match_spec import MatchSpec

    link, unlink = [], []
    with prefix_data(prefix) as data:
        for record in _by_url(urls, download=download):
            there = data.get(record.name, None)
            if there is None:
                link.append(record)
            elif next(iter(data.query(MatchSpec(record.to_match_spec(), name=record.name))), None) is None:
                link.append(record)
                unlink.append(there)
    return foresee_solved(prefix, unlink, link, download=False)


def _by_url(urls: Sequence[str], *, download: bool) -> list[Any]:
    """The package records of URLs: from the package cache, else as far as the URL tells."""
    from conda.core.package_cache_data import PackageCacheData

    specs = [_url_spec(url) for url in urls]
    if download:
        fetch(specs)
    return [next(iter(PackageCacheData.query_all(spec)), None) or _record_of_url(spec) for spec in specs]


def _url_spec(line: str) -> Any:  # noqa: ANN401 - a MatchSpec
    from conda.common.path import expand
    from conda.common.url import is_url, path_to_url
    from conda.models.match_spec import MatchSpec

    url, _, checksum = line.partition("#")
    kind = {32: "md5", 64: "sha256"}.get(len(checksum.removeprefix("sha256:")))
    checks = {kind: checksum.removeprefix("sha256:")} if kind else {}
    return MatchSpec(url if is_url(url) else path_to_url(expand(url)), **checks)


def _record_of_url(spec: Any) -> Any:  # noqa: ANN401
    from conda.models.records import PackageRecord

    return PackageRecord(
        name=spec.get_exact_value("name"),
        version=spec.get_exact_value("version"),
        build=spec.get_exact_value("build"),
        build_number=0,
        channel=spec.get_exact_value("channel"),
        subdir=spec.get_exact_value("subdir"),
        fn=spec.get_exact_value("fn"),
        url=spec.get_exact_value("url"),
        url_only=True,
    )


def addresses(options: Any) -> list[str]:  # noqa: ANN401
    """The environment files that a command is to fetch: not looked into, that would be a download of its own."""
    return [file for file in _named_files(options) if "://" in file and not os.path.isfile(file)]


def _check_files(options: Any) -> None:  # noqa: ANN401
    from conda.exceptions import CondaError, EnvironmentFileNotFound

    for file in _named_files(options):
        if file in addresses(options):
            raise CondaError(f"a plan needs the file on this disk: download {file} first")
        if not os.path.isfile(file):
            raise EnvironmentFileNotFound(file)


def _asks_conda(options: Any) -> bool:  # noqa: ANN401
    # Without a word for conda, `env update` goes on to pip at once: no hook would end it.
    return any(read_environment_file(file).requested for file in _files(options))


def _nothing(command: str, options: Any) -> Forecast:  # noqa: ANN401
    snapshot = _snapshot(command_prefix(command, options))
    return forecast(snapshot, transaction_of(snapshot, snapshot.prefix, (), ()))
