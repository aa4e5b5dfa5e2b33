"""What pip would do: its own plan, asked for with what conda owns as constraints.

Report format: https://pip.pypa.io/en/stable/reference/installation-report/ (version "1").
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.runner import Ended, Pip, find_pip, plan_with_pip
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import DistOwner, Snapshot

# Nearly every version; `packaging` takes longer to load than all of them to check.
_PLAIN_VERSION = lazy(r"[0-9]+(\.[0-9]+)*(\.post[0-9]+)?")
_USAGE = 2  # optparse's exit code
_NEWER = "this pip may be newer than conda-pipsafe knows; nothing was installed"


@dataclass(frozen=True, slots=True)
class Replaced:
    """An installed distribution that a planned one takes the place of."""

    dist: Distribution
    owner: DistOwner


@dataclass(frozen=True, slots=True)
class PlannedDist:
    """One distribution that pip would install.

    Attributes:
        key: The canonical name (PEP 503).
        url: Where pip would take it from, without credentials.
        hash: `sha256=HEX` of the artifact; None for a folder, a checkout or a VCS.
        revision: The commit of a VCS install.
        requested: Asked for on the command line or in a requirements file.
        extras: The extras that were asked for.
        requires: Its Requires-Dist lines.
        is_direct: By URL, path or VCS (PEP 610), not by name from an index.
        replaces: What is installed under its name in the environment's own site-packages.
    """

    name: str
    key: str
    version: str
    url: str | None
    hash: str | None
    revision: str | None
    requested: bool
    extras: tuple[str, ...]
    editable: bool
    is_direct: bool
    yanked: bool
    requires: tuple[str, ...]
    replaces: tuple[Replaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What pip would do with one command line.

    Attributes:
        dists: In pip's order.
        pip_version: Of the pip that planned it.
        constrained: False when pip found no plan that leaves conda's distributions alone, and this is the other one.
        report: pip's own report, as bytes.
    """

    dists: tuple[PlannedDist, ...]
    pip_version: str
    constrained: bool
    report: bytes = b""


class PipFailedError(PipsafeError):
    """pip ended before it changed anything.

    Attributes:
        said: What it wrote on stderr.
        interrupted: The signal that ended it, or None.
        code: Its exit code.
        planned: `NAME==VERSION` of what it had planned, where it came that far: a download or a build failed.
    """

    def __init__(
        self, message: str, said: str, *, interrupted: int | None = None, code: int = 1, planned: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.said = said
        self.interrupted = interrupted
        self.code = code
        self.planned = tuple(planned)


def constraint_lines(snapshot: Snapshot, allowed: Collection[str] = ()) -> list[str]:
    """Pin what conda owns, so that pip looks for a plan that leaves it alone.

    Left out: what `--allow-replace` names, what pip could not read as a pin (no metadata, a version that is none), and
    a name with several versions installed, which no pin fits; the policy still sees those in the plan.

    Args:
        snapshot: The environment.
        allowed: Canonical names.
    """
    versions: dict[str, set[str]] = {}
    for dist in snapshot.distributions:
        if dist.site.current and dist.has_metadata and snapshot.owner_of(dist) != "pip" and dist.key not in allowed:
            versions.setdefault(dist.key, set()).add(dist.version)
    return [
        f"{key}=={found}"
        for key, several in sorted(versions.items())
        for found in several
        if len(several) == 1 and _is_version(found)
    ]


def explain_plan(pip: Pip, snapshot: Snapshot, words: Sequence[str], folder: str, *, verbose: bool = False) -> Plan:
    """Ask pip what it would do if nothing held it: when there is no plan that leaves conda's versions alone.

    pip's own riddle ("the user requested (constraint) …") does not say what it would have replaced, and why.

    Args:
        pip: The environment's pip.
        snapshot: The environment before.
        words: pip's arguments.
        folder: A temporary folder.
        verbose: Let pip tell what it does meanwhile.

    Raises:
        PipFailedError: When pip finds no plan either.
    """
    report = os.path.join(folder, "explained.json")
    ended = plan_with_pip(pip, ["--report", report, *words], verbose=verbose)
    if ended.code != 0 or ended.interrupted or not os.path.exists(report):
        raise failed(pip, ended)
    with open(report, "rb") as file:
        return read_report(file.read(), snapshot, constrained=False)


def foresee(
    snapshot: Snapshot, words: Sequence[str], folder: str, *, allowed: Collection[str] = (), verbose: bool = False
) -> tuple[Pip, Plan]:
    """pip's plan alone, with `--dry-run`: where conda's versions forbid one, the one that replaces them.

    Args:
        snapshot: The environment.
        words: pip's arguments.
        folder: A temporary folder.
        allowed: Canonical names that may be replaced in any case.
        verbose: Let pip tell what it does meanwhile.

    Raises:
        PipFailedError: When pip has no plan.
        PipsafeError: When there is no pip that can be used.
    """
    pip = find_pip(snapshot)
    words = ["--no-user", *words]
    held = write_constraints(os.path.join(folder, "foreseen.txt"), constraint_lines(snapshot, allowed))
    try:
        return pip, explain_plan(pip, snapshot, [*held, *words], folder, verbose=verbose)
    except PipFailedError as error:
        if not held or error.interrupted or error.code == _USAGE:
            raise
    return pip, explain_plan(pip, snapshot, words, folder, verbose=verbose)


def failed(pip: Pip, ended: Ended, planned: Sequence[str] = ()) -> PipFailedError:
    """The error for a pip that ended before it changed anything."""
    return PipFailedError(
        _why(pip, ended), ended.errors, interrupted=ended.interrupted, code=ended.code, planned=planned
    )


def read_report(report: bytes, snapshot: Snapshot, *, constrained: bool) -> Plan:
    """Make a plan of pip's report.

    Raises:
        PipsafeError: When it is not a report of version "1".
    """
    try:
        data = json.loads(report)
        version = str(data["version"])
        dists = tuple(_planned(item, snapshot) for item in data["install"])
        plan = Plan(dists, str(data["pip_version"]), constrained, report)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipsafeError(
            f"pip's report of what it would install cannot be read: {type(error).__name__}: {error}",
            hint=_NEWER,
        ) from error
    if version != "1":
        raise PipsafeError(f"pip's report of what it would install has version {version!r}, not '1'", hint=_NEWER)
    return plan


def write_constraints(path: str, lines: Sequence[str]) -> list[str]:
    """Write a constraints file; return the option that names it, or nothing where there are no lines."""
    if not lines:
        return []
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return ["--constraint", path]


def is_usage_error(ended: Ended) -> bool:
    """Whether pip did not understand its arguments."""
    return ended.code == _USAGE and "Usage:" in ended.errors


def _why(pip: Pip, ended: Ended) -> str:
    if ended.interrupted:
        return "interrupted while pip was looking for a plan; nothing was installed"
    if ended.code < 0:
        return f"the environment's Python was killed by signal {-ended.code} ({pip.python}); nothing was installed"
    return "pip cannot do this; what it says is above. Nothing was installed"


def _planned(item: Mapping[str, Any], snapshot: Snapshot) -> PlannedDist:
    metadata, download = item["metadata"], item["download_info"]
    key = canonical_name(metadata["name"])
    url = download.get("url")
    return PlannedDist(
        name=metadata["name"],
        key=key,
        version=metadata["version"],
        url=strip_credentials(url) if url else None,
        hash=_hash(download.get("archive_info") or {}),
        revision=(download.get("vcs_info") or {}).get("commit_id"),
        requested=bool(item.get("requested")),
        extras=tuple(item.get("requested_extras") or ()),
        editable=bool((download.get("dir_info") or {}).get("editable")),
        is_direct=bool(item.get("is_direct")),
        yanked=bool(item.get("is_yanked")),
        requires=tuple(metadata.get("requires_dist") or ()),
        replaces=tuple(
            Replaced(dist, snapshot.owner_of(dist)) for dist in snapshot.distributions_named(key) if dist.site.current
        ),
    )


def _hash(archive: Mapping[str, Any]) -> str | None:
    digest = (archive.get("hashes") or {}).get("sha256")
    return f"sha256={digest}" if digest else archive.get("hash")


def _is_version(text: str) -> bool:
    if _PLAIN_VERSION.fullmatch(text):
        return True
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
