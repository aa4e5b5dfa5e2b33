"""`depends` and `constrains` of conda's records, and `conda-meta/pinned`, met with the versions that a plan brings.

Only names are judged of which conda has no package standing: one that the plan replaces, that pip replaced before, or
that is not there. A distribution beside a conda package of its name may be another project.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import Refusal, Request, Verdict, askers, said
from conda_pipsafe.prefix.anchors import anchor_of, endangered
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.match_spec import MatchSpec, SpecSyntaxError, parse_match_spec
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

PINNED = "conda-meta/pinned"
# What conda-forge writes for "below 2, its pre-releases too": pip's `<2` means that.
_JUST_BELOW = lazy(r"^(<\d[\d.]*)(?:a|dev)0$")


@dataclass(frozen=True, slots=True)
class _Place:
    """The conda package whose place a planned distribution takes; `record` is None where there is none."""

    planned: PlannedDist
    record: Record | None


def judge_requirements(plan: Plan, snapshot: Snapshot, request: Request) -> Verdict:
    """Refuse a version that a conda package or a pin rules out, where the version before was not ruled out as well."""
    places = _places(plan, snapshot)
    found: list[Refusal] = []
    if places:
        found += _broken(plan, places, snapshot, request)
        found += _pinned(plan, places, snapshot, request)
    refusals = tuple(item for item in found if canonical_name(item.subject) not in request.allowed)
    warnings = tuple(f"{item.message}, as --allow-replace says" for item in found if item not in refusals)
    return Verdict(refusals, warnings)


def fitting_lines(snapshot: Snapshot, allowed: Collection[str] = ()) -> list[str]:
    """Constraints with which pip finds by itself a version that `judge_requirements` lets through.

    Only where a specification can be said in pip's words; what cannot is judged all the same. A version that is there
    and ruled out already stays as it is.

    Args:
        snapshot: The environment.
        allowed: Canonical names that `--allow-replace` lets through.
    """
    standing = {record.name for record in snapshot.records} - {record.name for record in endangered(snapshot)}
    wanted = [text for record in snapshot.records for text in (*record.depends, *record.constrains)]
    texts = [text for text in wanted if text.partition(" ")[0] not in standing]
    found: dict[str, None] = {}
    for text in [*texts, *_pin_lines(snapshot)]:
        spec = _spec(text)
        key = canonical_name(spec.name) if spec else ""
        there = [dist.version for dist in snapshot.distributions_named(key) if dist.site.current]
        versions = _as_constraint(spec.version or "") if spec else None
        if not spec or not versions or key in allowed or spec.name.startswith("_"):
            continue
        if not there or any(_matches(spec, version) for version in there):
            found[f"{key}{versions}"] = None
    return list(found)


def _as_constraint(version: str) -> str | None:
    """conda's version specification in pip's words, or as much of it as there are words for."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if "|" in version:
        return None
    parts = []
    for part in version.split(","):
        plain = _JUST_BELOW.sub(r"\1", part.strip())
        if plain and (plain[0].isdigit() or plain[0] == "=" != plain[1:2]):
            plain = f"=={plain.lstrip('=').removesuffix('.*')}.*"
        try:
            # One that names a pre-release would let pip take any.
            parts += [plain] if plain and not SpecifierSet(plain).prereleases else []
        except InvalidSpecifier:
            continue
    return ",".join(parts) or None


def _matches(spec: MatchSpec, version: str) -> bool:
    try:
        return spec.matches(version, None)
    except SpecSyntaxError:
        return False


def _places(plan: Plan, snapshot: Snapshot) -> dict[str, _Place]:
    """By conda's name of the package."""
    stale = {_key_of(record): record for record in endangered(snapshot)}
    found: dict[str, _Place] = {}
    for planned in plan.dists:
        records = [record for old in planned.replaces if (record := snapshot.record_of(old.dist)) is not None]
        if planned.key in stale:
            records.append(stale[planned.key])
        for record in records:
            found[record.name] = _Place(planned, record)
        if not records and not any(canonical_name(record.name) == planned.key for record in snapshot.records):
            found[planned.key] = _Place(planned, None)
    return found


def _key_of(record: Record) -> str:
    parts = (anchor_of(record) or "").split("/")
    folder = next((part for part in parts if part.endswith((".dist-info", ".egg-info"))), "")
    return canonical_name(folder.partition("-")[0]) if folder else canonical_name(record.name)


def _place(places: Mapping[str, _Place], name: str) -> _Place | None:
    return places.get(name) or places.get(canonical_name(name))


def _broken(plan: Plan, places: Mapping[str, _Place], snapshot: Snapshot, request: Request) -> Iterator[Refusal]:
    gone = {place.record.meta_path for place in places.values() if place.record is not None}
    needs: dict[str, list[tuple[Record, MatchSpec]]] = {}
    for record in snapshot.records:
        if record.meta_path in gone:
            continue
        for text in (*record.depends, *record.constrains):
            place = _place(places, text.partition(" ")[0])
            spec = _spec(text) if place is not None else None
            if place is not None and spec is not None and _rules_out(spec, place):
                needs.setdefault(place.planned.key, []).append((record, spec))
    for planned in plan.dists:
        if planned.key in needs:
            yield _breaks(plan, planned, needs[planned.key], snapshot, request)


def _spec(text: str) -> MatchSpec | None:
    try:
        return parse_match_spec(text)
    except SpecSyntaxError:
        return None


def _rules_out(spec: MatchSpec, place: _Place) -> bool:
    """Whether the planned version is ruled out and the one that is there is not."""
    try:
        if spec.matches(place.planned.version, None):
            return False
        there = [old.dist.version for old in place.planned.replaces]
        return not there or any(spec.matches(version, None) for version in there)
    except SpecSyntaxError:
        return False


def _breaks(
    plan: Plan, planned: PlannedDist, needs: Sequence[tuple[Record, MatchSpec]], snapshot: Snapshot, request: Request
) -> Refusal:
    who = [f"{record.name} {record.version} needs {spec}" for record, spec in needs]
    more = f" and {len(who) - 3} more" if len(who) > 3 else ""  # noqa: PLR2004 - enough to see
    ask = f"{planned.name}{_pip_version(needs[0][1])}"
    names = " ".join(dict.fromkeys(record.name for record, _ in needs))
    return Refusal(
        "breaks-conda",
        planned.name,
        f"{planned.name} {planned.version} would break conda's packages: {', '.join(who[:3])}{more}",
        asked_by=said(askers(plan, snapshot, planned.key, request.specs), planned.name),
        fixes=(
            f"ask for a version that goes with them: {shlex.quote(ask)}",
            f"conda update -p {shlex.quote(snapshot.prefix)} {names}",
            f"--allow-replace {planned.name}, if they may break (it is recorded)",
        ),
        facts={"name": planned.key, "version": planned.version, "needed_by": "; ".join(who)},
    )


def _pinned(plan: Plan, places: Mapping[str, _Place], snapshot: Snapshot, request: Request) -> Iterator[Refusal]:
    for text in _pin_lines(snapshot):
        spec = _spec(text)
        place = _place(places, spec.name) if spec else None
        if spec is None or place is None or not _rules_out(spec, place):
            continue
        planned = place.planned
        ask = f"{planned.name}{_pip_version(spec)}"
        yield Refusal(
            "pinned",
            planned.name,
            f"{planned.name} {planned.version} is ruled out by {PINNED}: {text}",
            asked_by=said(askers(plan, snapshot, planned.key, request.specs), planned.name),
            fixes=(
                f"ask for a version that the pin allows: {shlex.quote(ask)}",
                f"change the line in {os.path.join(snapshot.prefix, PINNED)}",
                f"--allow-replace {planned.name} (it is recorded)",
            ),
            facts={"name": planned.key, "version": planned.version, "pin": text},
        )


def _pin_lines(snapshot: Snapshot) -> list[str]:
    try:
        lines = read_text(snapshot.prefix, PINNED).splitlines()
    except UnreadableError:
        return []
    return [text for line in lines if (text := line.partition("#")[0].strip())]


def _pip_version(spec: MatchSpec) -> str:
    """conda's version specification as pip takes it, as near as that goes."""
    version = spec.version or ""
    if not version or version[0] in "<>!~" or version.startswith("=="):
        return version
    return f"=={version.lstrip('=').removesuffix('.*').removesuffix('*')}.*"
