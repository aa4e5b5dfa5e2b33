"""Which of pip's plan a conda channel has as well: pure, from a plan and what the channels say.

A conda package counts as a distribution when something says so (`forecast.names`): its purls, a version of it that is
on this disk, the table of known names. Where only the name says so, it counts in the very version that pip has planned
and no other: two projects of one name with one version, both for Python, are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.names import Evidence, Undownloaded, evidence_of, names_to_look_for
from conda_pipsafe.installer.arguments import PipArguments
from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import NOT_FROM_PYPI, askers
from conda_pipsafe.installer.removal import names_in_file
from conda_pipsafe.prefix.match_spec import SpecSyntaxError, parse_match_spec
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_TRUST: Mapping[Evidence, int] = {"purl": 0, "disk": 1, "table": 2, "name": 3}
_AS_IN_CONDA = frozenset({">=", "<=", ">", "<", "!=", "~=", "=="})


@dataclass(frozen=True, slots=True)
class ChannelPackage:
    """A package as a channel lists it.

    Attributes:
        channel: The channel's name, for people.
        order: The channel's place in the order of priority, from 0.
    """

    package: Undownloaded
    build: str
    build_number: int
    channel: str
    order: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What the channels say of some names.

    Attributes:
        unread: Names that a channel has, but that were not looked into: conda name to channel.
        caches: Package caches, absolute paths.
        notes: What could not be looked at, as sentences.
    """

    packages: tuple[ChannelPackage, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    caches: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """A planned distribution that conda may give instead.

    Attributes:
        version: What pip has planned.
        wants: The versions that all who asked for it allow, as in `>=2,<3`; None when not all of them are known.
        asked_by: Canonical names of the planned distributions that need it; None for the user.
        record: conda's name of the package that pip would replace; None for what is new.
    """

    key: str
    name: str
    version: str
    wants: str | None
    asked_by: tuple[str | None, ...]
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A conda package that does for a planned distribution.

    Attributes:
        key: Canonical name of the distribution.
        package: conda's name of the package.
        version: The best one that satisfies; the solver may take another that does.
        spec: What to ask conda for.
        evidence: What says that the package is the distribution.
        named: Whether conda has to be asked for it; else it comes with what needs it.
    """

    key: str
    name: str
    package: str
    version: str
    channel: str
    spec: str
    evidence: Evidence
    named: bool = True


def wishes(plan: Plan, snapshot: Snapshot, arguments: PipArguments, variables: Mapping[str, str]) -> tuple[Wish, ...]:
    """What of a plan conda may give: all that is new or conda's, but no project by path, URL or VCS.

    Args:
        plan: pip's plan.
        snapshot: The environment.
        arguments: What pip was asked.
        variables: pip's environment variables.
    """
    specs = {**_specs_in_files(arguments.files), **arguments.specs}
    # A file of constraints may rule out any version but the one that pip took.
    held = "--constraint" in arguments.options or bool(variables.get("PIP_CONSTRAINT"))
    return tuple(
        _wish(planned, plan, snapshot, specs, held=held)
        for planned in plan.dists
        if not planned.is_direct
        and planned.key not in NOT_FROM_PYPI
        and all(old.owner == "conda" and old.dist.version != planned.version for old in planned.replaces)
    )


def why_not(arguments: PipArguments) -> str | None:
    """Which of pip's options leaves nothing for conda to do; None when there is none."""
    if arguments.reinstall:
        return "an install of what is there already"
    named = sorted({"--no-deps", "--no-dependencies", "--require-hashes"} & arguments.options)
    return named[0] if named else None


def conda_names(wanted: Sequence[Wish]) -> tuple[str, ...]:
    """The names to ask channels for."""
    return tuple(dict.fromkeys(name for wish in wanted for name in names_to_look_for(wish.key)))


def find_offers(wanted: Sequence[Wish], looked: Looked, snapshot: Snapshot) -> tuple[Offer, ...]:
    """The best conda package for each wish that has one, in the order of the wishes."""
    by_name: dict[str, list[ChannelPackage]] = {}
    for package in looked.packages:
        by_name.setdefault(package.package.name, []).append(package)
    found = [offer for wish in wanted if (offer := _best(wish, by_name, looked.caches, snapshot)) is not None]
    taken = {offer.key for offer in found}
    needed_by_pip = {wish.key for wish in wanted if not taken.issuperset(wish.asked_by)}
    return tuple(replace(offer, named=offer.key in needed_by_pip) for offer in found)


def unread_names(wanted: Sequence[Wish], looked: Looked, offers: Sequence[Offer]) -> dict[str, str]:
    """Of the distributions without an offer, those whose very name a channel has: name to channel."""
    taken = {offer.key for offer in offers}
    return {
        wish.name: looked.unread[wish.key] for wish in wanted if wish.key in looked.unread and wish.key not in taken
    }


def _wish(planned: PlannedDist, plan: Plan, snapshot: Snapshot, specs: Mapping[str, str], *, held: bool) -> Wish:
    asking = askers(plan, snapshot, planned.key, specs)
    known = not held and not (planned.requested and planned.key not in specs)
    records = [record.name for old in planned.replaces if (record := snapshot.record_of(old.dist)) is not None]
    return Wish(
        planned.key,
        planned.name,
        planned.version,
        ",".join(dict.fromkeys(part for one in asking for part in one.wants.split(",") if part)) if known else None,
        tuple(canonical_name(one.name) if one.name else None for one in asking) or (None,),
        records[0] if records else None,
    )


def _specs_in_files(files: Sequence[str]) -> dict[str, str]:
    from packaging.requirements import InvalidRequirement, Requirement

    found: dict[str, list[str]] = {}
    for path in files:
        try:
            lines = names_in_file(path)
        except PipsafeError:  # a URL, or pip says it
            continue
        for line in lines:
            try:
                requirement = Requirement(line.partition(" --")[0])
            except InvalidRequirement:
                continue
            found.setdefault(canonical_name(requirement.name), []).append(str(requirement.specifier))
    return {key: ",".join(filter(None, several)) for key, several in found.items()}


def _best(
    wish: Wish, by_name: Mapping[str, Sequence[ChannelPackage]], caches: Sequence[str], snapshot: Snapshot
) -> Offer | None:
    from packaging.version import Version

    ranked = []
    for candidate in (one for name in names_to_look_for(wish.key) for one in by_name.get(name, ())):
        package = candidate.package
        there = snapshot.record_named(package.name)
        if (there is not None and package.name != wish.record) or not _suits_python(candidate, snapshot):
            continue
        if not _satisfies(package.version, wish):
            continue
        version = Version(package.version)
        rank = (candidate.order, version != Version(wish.version), package.name != wish.key)
        ranked.append((rank, version, candidate.build_number, candidate))
    ranked.sort(key=lambda item: (item[1], item[2]), reverse=True)
    ranked.sort(key=lambda item: item[0])
    offers: list[Offer] = []
    seen: set[tuple[str, str, object]] = set()
    for *_, candidate in ranked:
        facts = (candidate.package.name, candidate.package.version, candidate.package.purls)
        offer = None if facts in seen else _offer(wish, candidate, caches, snapshot)
        seen.add(facts)
        if offer is not None and offer.evidence == "purl":
            return offer
        offers += [offer] if offer is not None else []
    return min(offers, key=lambda offer: _TRUST[offer.evidence], default=None)


def _offer(wish: Wish, candidate: ChannelPackage, caches: Sequence[str], snapshot: Snapshot) -> Offer | None:
    from packaging.version import Version

    package = candidate.package
    evidence, brings = evidence_of(package, caches, snapshot)
    version = brings.get(wish.key)
    if version is None or not _satisfies(version, wish):
        return None
    if evidence == "name" and Version(version) != Version(wish.version):
        return None
    # A range leaves the solver its freedom, now and later: conda holds on to what was asked for.
    ranged = wish.wants is not None and version == package.version
    spec = _conda_spec(package.name, wish.wants or "") if ranged else None
    return Offer(
        wish.key,
        wish.name,
        package.name,
        version,
        candidate.channel,
        spec or f"{package.name}=={package.version}",
        evidence,
    )


def _satisfies(version: str, wish: Wish) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        found, planned = Version(version), Version(wish.version)
    except InvalidVersion:
        return False
    if wish.wants is None:
        return found == planned
    wants = _set(wish.wants)
    return wants.contains(found, prereleases=planned.is_prerelease or bool(wants.prereleases))


def _set(wants: str) -> SpecifierSet:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(wants)
    except InvalidSpecifier:
        return SpecifierSet("===none")


def _conda_spec(name: str, wants: str) -> str | None:
    """pip's versions as conda takes them; None where conda has no word for them."""
    parts = []
    for one in sorted(_set(wants), key=str):
        if one.operator not in _AS_IN_CONDA or "+" in one.version:
            return None
        wild = one.operator == "==" and one.version.endswith(".*")
        parts.append(one.version if wild else f"{one.operator}{one.version}")
    text = ",".join(parts)
    return f"{name} {text}" if text[:1].isdigit() else f"{name}{text}"


def _suits_python(candidate: ChannelPackage, snapshot: Snapshot) -> bool:
    """Whether the environment's Python is one that the package was built for; the rest is the solver's to say."""
    python = snapshot.record_named("python")
    if python is None:
        return True
    short = ".".join(python.version.split(".")[:2])
    abi = snapshot.record_named("python_abi")
    have = {
        "python": (python.version, python.build),
        "python_abi": (abi.version, abi.build) if abi else (short, f"0_cp{short.replace('.', '')}"),
    }
    for text in candidate.package.depends or ():
        name = text.partition(" ")[0]
        if name not in have:
            continue
        try:
            if not parse_match_spec(text).matches(*have[name]):
                return False
        except SpecSyntaxError:
            continue
    return True
