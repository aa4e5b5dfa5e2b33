"""Which plans are refused, and why: pure, from a plan and a snapshot."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from conda_pipsafe.installer.plan import Plan, PlannedDist, Replaced
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

# Projects on PyPI that are not the programs which conda users mean.
NOT_FROM_PYPI = frozenset({"conda", "mamba", "micromamba", "libmambapy"})
_NAMED = lazy(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_CONDA_UPDATES = frozenset({"pip", "setuptools", "wheel"})


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants a distribution: the user (`name` is None) or another planned or installed one.

    Attributes:
        wants: The requirement's versions, such as `>=2.32`; "" for any.
    """

    name: str | None
    version: str
    wants: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan is refused.

    Attributes:
        reason: `replaces-conda`, `rewrites-conda`, `overlaps-conda`, `removes-conda`, `breaks-conda`, `pinned`,
            `conda-from-pypi`, `base` or `frozen`.
        subject: The distribution or the environment, as a person names it.
        message: One sentence.
        asked_by: Who asks for it.
        fixes: The ways out, in order.
        facts: The names and versions, as JSON values.
        paths: Which paths of conda's, prefix-relative, complete and in order.
    """

    reason: str
    subject: str
    message: str
    asked_by: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    facts: Mapping[str, str | None] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says: refused when there is a refusal; warnings are told and nothing else."""

    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, as far as the policy needs it.

    Attributes:
        specs: Versions asked for on the command line, by canonical name.
        allowed: Canonical names that `--allow-replace` lets through.
        upgrade: `--upgrade`.
        reinstall: `--force-reinstall` or `--ignore-installed`.
    """

    specs: Mapping[str, str]
    allowed: Collection[str] = ()
    upgrade: bool = False
    reinstall: bool = False


def judge(plan: Plan, snapshot: Snapshot, request: Request) -> Verdict:
    """Meet a plan with what conda owns."""
    refusals: list[Refusal] = []
    warnings: list[str] = []
    for planned in plan.dists:
        taken = next((old for old in planned.replaces if old.owner != "pip"), None)
        if planned.key in request.allowed:
            if taken is not None:
                warnings.append(f"{_replacing(planned, taken, snapshot)}, as --allow-replace says")
        elif taken is not None:
            refusals.append(_refusal(plan, planned, taken, snapshot, request))
        elif planned.key in NOT_FROM_PYPI and not _from_elsewhere(planned):
            refusals.append(_not_from_pypi(plan, planned, snapshot, request))
    warnings += [f"{dist.name} {dist.version} was yanked by its authors" for dist in plan.dists if dist.yanked]
    if request.upgrade:
        warnings += _held(plan, snapshot, request)
    warnings += _phantoms(plan, snapshot, request)
    return Verdict(tuple(refusals), tuple(warnings))


def askers(plan: Plan, snapshot: Snapshot, key: str, specs: Mapping[str, str]) -> list[Asker]:
    """Who asks for a distribution: the command line first, then what is planned."""
    found = [Asker(None, "", specs[key])] if key in specs else []
    for planned in plan.dists:
        found += [
            Asker(planned.name, planned.version, wants)
            for wants in _wants(planned.requires, planned.extras, key, snapshot.python)
        ]
    if not found and any(planned.key == key and planned.requested for planned in plan.dists):
        found.append(Asker(None, "", ""))
    return found


def _refusal(plan: Plan, planned: PlannedDist, taken: Replaced, snapshot: Snapshot, request: Request) -> Refusal:
    asking = askers(plan, snapshot, planned.key, request.specs)
    rewrites = planned.version == taken.dist.version
    record = snapshot.record_of(taken.dist)
    name = record.name if record else planned.key
    wants = ",".join(dict.fromkeys(part for asker in asking for part in asker.wants.split(",") if part))
    return Refusal(
        "rewrites-conda" if rewrites else "replaces-conda",
        planned.name,
        _replacing(planned, taken, snapshot),
        asked_by=said(asking, planned.name),
        fixes=_ways_out(planned, taken, snapshot, _conda_spec(name, wants, planned.version), request),
        facts={
            "name": planned.key,
            "version": planned.version,
            "installed": taken.dist.version,
            "owner": taken.owner,
            "conda_package": record.dist_str if record else None,
            "channel": strip_credentials(record.channel) if record else None,
        },
    )


def _ways_out(
    planned: PlannedDist, taken: Replaced, snapshot: Snapshot, spec: str, request: Request
) -> tuple[str, ...]:
    let_through = f"--allow-replace {planned.name}, if pip shall take it over from conda (it is recorded)"
    if planned.version == taken.dist.version and not planned.is_direct:
        reason = (
            "leave out --force-reinstall and --ignore-installed: this version is there" if request.reinstall else ""
        )
        record = snapshot.record_of(taken.dist)
        same = f"{record.name}={record.version}={record.build}" if record else f"{planned.key}={planned.version}"
        fresh = f"conda install -p {shlex.quote(snapshot.prefix)} --force-reinstall {same}"
        return (*([reason] if reason else []), fresh, let_through)
    if planned.key in _CONDA_UPDATES:
        # What their own notice advises (`pip install --upgrade pip`) is how conda's copy gets broken.
        return f"conda update -p {shlex.quote(snapshot.prefix)} {planned.key}", let_through
    return (
        f"conda install -p {shlex.quote(snapshot.prefix)} {shlex.quote(spec)}",
        f"ask for a version that goes with {planned.name} {taken.dist.version}",
        let_through,
    )


def _from_elsewhere(planned: PlannedDist) -> bool:
    """Whether someone names another place than PyPI: a checkout of conda's own source, for instance."""
    return planned.is_direct and "pythonhosted.org/" not in (planned.url or "")


def _not_from_pypi(plan: Plan, planned: PlannedDist, snapshot: Snapshot, request: Request) -> Refusal:
    message = f"{planned.name} {planned.version} from PyPI is not the {planned.key} that you know and would shadow it"
    asking = askers(plan, snapshot, planned.key, request.specs)
    by = tuple(_said(asker, planned.name) for asker in asking if asker.name)
    return replace(no_program(planned.key, message, snapshot, planned.version), asked_by=by)


def no_program(key: str, message: str, snapshot: Snapshot, version: str | None = None) -> Refusal:
    """The refusal for a project on PyPI that is not the program of its name."""
    return Refusal(
        "conda-from-pypi",
        key,
        message,
        fixes=(f"conda install -p {shlex.quote(snapshot.prefix)} {key}", f"--allow-replace {key}"),
        facts={"name": key, "version": version},
    )


def _replacing(planned: PlannedDist, taken: Replaced, snapshot: Snapshot) -> str:
    record = snapshot.record_of(taken.dist)
    channel = record.channel_name if record else ""
    whose = f"conda's {planned.name} {taken.dist.version}" + (f" ({channel})" if channel else "")
    if planned.version == taken.dist.version:
        return f"{planned.name} {planned.version} would be written over {whose}"
    return f"{planned.name} {planned.version} would replace {whose}"


def _held(plan: Plan, snapshot: Snapshot, request: Request) -> list[str]:
    """`--upgrade` of something that conda owns does nothing here: say it, as pip would only say "satisfied"."""
    planned = {dist.key for dist in plan.dists}
    held = [
        dist
        for key in request.specs
        if key not in planned
        for dist in snapshot.distributions_named(key)
        if dist.site.current and snapshot.owner_of(dist) != "pip"
    ]
    return [
        f"{dist.name} {dist.version} is conda's and stays: `conda update -p {shlex.quote(snapshot.prefix)} "
        f"{record.name if (record := snapshot.record_of(dist)) else dist.key}`"
        for dist in held
    ]


def _phantoms(plan: Plan, snapshot: Snapshot, request: Request) -> list[str]:
    """What is asked for and only seems to be there: pip takes a dist-info without metadata for an installation."""
    planned = {dist.key for dist in plan.dists}
    left = [
        dist
        for key in request.specs
        if key not in planned
        for dist in snapshot.distributions_named(key)
        if dist.site.current and not dist.has_metadata and dist.kind == "dist-info"
    ]
    return [
        f"{dist.name} is not installed: {dist.path} is a leftover without metadata, and taken for it. Ask again after "
        f"`rm -r {shlex.quote(os.path.join(snapshot.prefix, *dist.path.split('/')))}`"
        for dist in left
    ]


def said(asking: Sequence[Asker], name: str) -> tuple[str, ...]:
    """Who asks, as sentences."""
    return tuple(_said(asker, name) for asker in asking)


def _said(asker: Asker, name: str) -> str:
    who = "you" if asker.name is None else f"{asker.name} {asker.version}"
    return f"{who} asked for {name}{asker.wants}" if asker.name is None else f"{who} needs {name}{asker.wants}"


def _conda_spec(name: str, wants: str, version: str) -> str:
    if not wants:
        return f"{name}>={version}"
    return f"{name}{wants.replace('===', '==')}"


def _wants(requires: Collection[str], extras: Collection[str], key: str, python: str | None) -> list[str]:
    found = []
    for line in requires:
        # Most lines are another name's: `packaging` need not be loaded, nor parse them, to see that.
        named = _NAMED.match(line)
        if named is not None and canonical_name(named.group()) != key:
            continue
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if canonical_name(requirement.name) != key:
            continue
        # The environment's Python, not ours; the platform is the same.
        known = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**known, "extra": extra}) for extra in ("", *extras)):
            found.append(str(requirement.specifier))
    return found
