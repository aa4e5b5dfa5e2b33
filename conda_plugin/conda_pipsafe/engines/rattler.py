"""py-rattler: transactions where there is no conda. The extra `standalone` brings it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.engines.states import Wanted, difference
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.names import Undownloaded
from conda_pipsafe.forecast.transaction import Transaction
from conda_pipsafe.installer.offers import ChannelPackage, Looked
from conda_pipsafe.prefix.snapshot import Snapshot

_LARGEST_LOCK = 1 << 28  # bytes


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


def solve(
    snapshot: Snapshot,
    specs: Sequence[str],
    channels: Sequence[str],
    cache: str | None = None,
    *,
    update: Collection[str] = (),
) -> Solved:
    """Solve for `specs` on top of what the prefix has.

    What is installed stays, in its version where that can be; what the user once asked for stays as it was asked for.
    Only when no solution has all of that are packages given up that nobody asked for.

    Args:
        snapshot: The prefix.
        specs: Match specs to add.
        channels: Their URLs, paths or names, in order of priority.
        cache: A folder for repodata and packages; py-rattler's own when None.
        update: Names of packages whose version need not stay; `*` for all.

    Raises:
        PipsafeError: When py-rattler is missing, a spec or channel cannot be read, or there is no solution.
    """
    rattler = _rattler()
    installed = [
        rattler.PrefixRecord.from_path(os.path.join(snapshot.prefix, record.meta_path)) for record in snapshot.records
    ]
    names = _names(rattler, specs)
    requested = [
        _asked_for(rattler, record.name, record.requested_spec)
        for record in snapshot.records
        if record.requested_spec and record.name not in names
    ]
    others = [record.name for record in snapshot.records if not record.requested_spec and record.name not in names]
    locked = [] if "*" in update else [item for item in installed if item.name.normalized not in update]

    def attempt(wanted: Sequence[str]) -> Sequence[Any]:
        return _solve(rattler, wanted, channels, locked, _folders(cache)[0])

    try:
        try:
            records = attempt([*specs, *requested, *others])
        except rattler.exceptions.SolverError:
            records = attempt([*specs, *requested])
    except Exception as error:  # py-rattler's errors share no base class
        raise PipsafeError(
            f"py-rattler found no solution for {' '.join(specs) or 'the update'} in {', '.join(channels)}: {error}",
            hint="nothing was changed",
        ) from error
    state = [wanted(record) for record in records]
    return Solved(difference(snapshot, state, package_caches(cache)), records, installed)


def apply(solved: Solved, cache: str | None = None) -> None:
    """Carry a solution out, as pixi or micromamba would: pip's files are overwritten without a word.

    Only on environments that py-rattler made: it does not correctly change one whose `noarch` packages conda linked.
    """
    rattler = _rattler()
    asyncio.run(
        rattler.install(
            list(solved.records),
            solved.transaction.prefix,
            cache_dir=_folders(cache)[1],
            installed_packages=list(solved.installed),
            execute_link_scripts=False,
            show_progress=False,
        )
    )


def read_lock(path: str) -> tuple[list[Wanted], int]:
    """What a lock file (pixi's, rattler's, conda-lock's) has for this platform, in its default (or only) environment.

    Returns:
        conda's packages, and how many of PyPI the file has beside them.

    Raises:
        PipsafeError: When py-rattler is missing, or the file cannot be read or has nothing for this platform.
    """
    rattler = _rattler()
    here = str(rattler.Subdir.current())
    hint = "pixi.lock and conda-lock.yml are; is this one whole?"
    if os.path.isfile(path) and os.path.getsize(path) > _LARGEST_LOCK:
        raise PipsafeError(f"{path}: is too large for a lock file", hint=hint)
    try:
        several = dict(rattler.LockFile.from_path(path).environments())
        # Where there is only one it is that, whatever it is called.
        environment: Any = several.get("default") or (next(iter(several.values())) if len(several) == 1 else None)
        platforms = [found for found in environment.platforms() if str(found.subdir) == here] if environment else []
        records = environment.conda_repodata_records_for_platform(platforms[0]) if platforms else None
        pypi = environment.pypi_packages_for_platform(platforms[0]) if platforms else None
    except Exception as error:  # py-rattler's errors share no base class
        raise PipsafeError(f"{path}: cannot be read as a lock file: {error}", hint=hint) from error
    if environment is None:
        names = ", ".join(sorted(several)) or "none at all"
        raise PipsafeError(f"{path}: has no environment `default`; it has {names}", hint="only that one can be planned")
    if not records:
        raise PipsafeError(f"{path}: has no packages for {here}", hint="lock it for this platform too")
    return [wanted(record) for record in records], len(pypi or ())


def wanted(record: Any) -> Wanted:  # noqa: ANN401 - a RepoDataRecord
    """py-rattler's record in our words."""
    noarch = "python" if getattr(record.noarch, "python", False) else None
    return Wanted(
        record.name.normalized,
        str(record.version),
        str(record.build),
        channel=str(record.channel or ""),
        url=str(record.url or ""),
        noarch=noarch,
        depends=tuple(map(str, record.depends)),
        purls=_purls(record),
        site_packages=getattr(record, "python_site_packages_path", None),
        md5=(record.md5 or b"").hex(),
        sha256=(record.sha256 or b"").hex(),
    )


def look_at_channels(names: Sequence[str], channels: Sequence[str], *, seconds: float) -> Looked:
    """What channels have under some names, for this platform; py-rattler's own cache is used where it is fresh.

    Args:
        names: conda names.
        channels: Their URLs, paths or names, in order of priority.
        seconds: How long it may take, for each.

    Raises:
        PipsafeError: When py-rattler is missing.
    """
    rattler = _rattler()

    async def query(channel: str) -> Any:  # noqa: ANN401 - py-rattler's list of lists of records
        gateway = rattler.Gateway(cache_dir=_folders(None)[0])
        asked = gateway.query([channel], [rattler.Subdir.current(), "noarch"], list(names), recursive=False)
        return await asyncio.wait_for(asked, seconds)

    found: list[ChannelPackage] = []
    notes: list[str] = []
    for order, channel in enumerate(channels):
        try:
            answer = asyncio.run(query(channel))
        except Exception as error:  # noqa: BLE001 - py-rattler's errors share no base class; the others are looked at
            notes.append(f"{channel} cannot be looked at: {str(error) or 'it takes too long'}")
            continue
        shown = channel.rstrip("/").rsplit("/", 1)[-1]
        found += [_listed(record, shown, order) for records in answer for record in records]
    return Looked(tuple(found), caches=package_caches(), notes=tuple(notes))


def _listed(record: Any, channel: str, order: int) -> ChannelPackage:  # noqa: ANN401 - a RepoDataRecord
    facts = wanted(record)
    package = Undownloaded(facts.name, facts.version, facts.purls, facts.depends, facts.noarch)
    return ChannelPackage(package, facts.build, int(record.build_number), channel, order)


def package_caches(cache: str | None = None) -> tuple[str, ...]:
    """Folders where extracted packages lie: ours (or py-rattler's own), and those of a conda that is or was here."""
    named = os.environ.get("CONDA_PKGS_DIRS", "").replace(",", os.pathsep).split(os.pathsep)
    root = os.environ.get("MAMBA_ROOT_PREFIX") or os.environ.get("CONDA_ROOT")
    folders = [_folders(cache)[1], *filter(None, named), *([os.path.join(root, "pkgs")] if root else [])]
    return tuple(dict.fromkeys(folders))


def _solve(
    rattler: Any,  # noqa: ANN401 - the module
    specs: Sequence[str],
    channels: Sequence[str],
    locked: Sequence[Any],
    repodata: str,
) -> Sequence[Any]:
    async def run() -> Sequence[Any]:
        found: Sequence[Any] = await rattler.solve(
            list(channels),
            list(specs),
            gateway=rattler.Gateway(cache_dir=repodata),
            locked_packages=list(locked),
            virtual_packages=rattler.VirtualPackage.detect(),
        )
        return found

    return asyncio.run(run())


def _names(rattler: Any, specs: Sequence[str]) -> set[str]:  # noqa: ANN401
    names = set()
    for spec in specs:
        try:
            name = rattler.MatchSpec(spec).name
        except rattler.exceptions.InvalidMatchSpecError as error:
            raise PipsafeError(f"{spec!r} is no match spec: {error}") from error
        if name is None:
            raise PipsafeError(f"{spec!r} names no package")
        names.add(name.normalized)
    return names


def _asked_for(rattler: Any, name: str, spec: str) -> str:  # noqa: ANN401
    """A spec as the record has it; its name alone when it is of a kind that only conda reads."""
    try:
        rattler.MatchSpec(spec)
    except rattler.exceptions.InvalidMatchSpecError:
        return name
    return spec


def _folders(cache: str | None) -> tuple[str, str]:
    """Where repodata and packages are kept."""
    if cache is not None:
        return os.path.join(cache, "rattler-repodata"), os.path.join(cache, "rattler-pkgs")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    own = os.environ.get("RATTLER_CACHE_DIR") or os.path.join(base, "rattler", "cache")
    return os.path.join(own, "repodata"), os.path.join(own, "pkgs")


def _purls(record: Any) -> tuple[str, ...] | None:  # noqa: ANN401
    # The only way to them in py-rattler 0.28.
    try:
        purls = json.loads(record.to_json()).get("purls")
    except (ValueError, AttributeError):
        return None
    return tuple(map(str, purls)) if isinstance(purls, list) else None


def _rattler() -> Any:  # noqa: ANN401 - the module
    try:
        import rattler
        import rattler.exceptions
    except ImportError as error:
        raise PipsafeError(
            "py-rattler is not installed", hint="pip install 'conda-pipsafe[standalone]', or use conda"
        ) from error
    return rattler
