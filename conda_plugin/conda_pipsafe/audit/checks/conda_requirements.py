"""PS110, PS512, PS601: `depends` and `constrains` of conda packages against what is there now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.health import RecordHealth
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.needs import Needed
from conda_pipsafe.audit.wording import counted, installer, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.match_spec import MatchSpec, SpecSyntaxError, parse_match_spec
from conda_pipsafe.prefix.metadata import canonical_name


@dataclass(frozen=True, slots=True)
class Broken:
    """A record's requirement that is not met.

    Attributes:
        record: Who needs it.
        spec: What it needs.
        there: What another installer put there, or None when it is conda's own matter.
        found: conda's record of that name, or None.
    """

    record: Record
    spec: MatchSpec
    there: Distribution | None
    found: Record | None

    @property
    def key(self) -> str:
        """Canonical name of what is needed."""
        return self.there.key if self.there else canonical_name(self.spec.name)


@dataclass(slots=True)
class BrokenDepends:
    """What another installer broke, what conda itself lacks, and what was not understood."""

    by_pip: list[Broken] = field(default_factory=list)
    by_conda: list[Broken] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def broken_depends(context: AuditContext) -> BrokenDepends:
    """Judge every record's `depends` and `constrains`."""
    result = BrokenDepends()
    for health in context.health:
        # A package that is not there needs nothing.
        if health.removed or health.record.meta_path in context.stale:
            continue
        record = health.record
        for texts, needed in ((record.depends, True), (record.constrains, False)):
            for text in texts:
                try:
                    _judge(context, record, parse_match_spec(text), result, needed=needed)
                except SpecSyntaxError:
                    result.skipped.append(f"{record.name}: {text}")
    return result


def _judge(context: AuditContext, record: Record, spec: MatchSpec, result: BrokenDepends, *, needed: bool) -> None:
    if spec.name.startswith("__"):  # virtual packages stand for the machine
        return
    health = context.health_by_name.get(spec.name)
    if health is None:
        _without_record(context, record, spec, result, needed=needed)
        return
    there = _standing(health)
    if there is not None:
        if not spec.matches(there.version, None):
            result.by_pip.append(Broken(record, spec, there, health.record))
    elif not health.removed and not health.beside and not spec.matches(health.record.version, health.record.build):
        result.by_conda.append(Broken(record, spec, None, health.record))


def _without_record(
    context: AuditContext, record: Record, spec: MatchSpec, result: BrokenDepends, *, needed: bool
) -> None:
    dists = context.foreign_by_key.get(canonical_name(spec.name), ())
    if not dists:
        # A record that cannot be read is told as that; what is needed may well be there.
        if needed and spec.name not in context.unreadable_names:
            result.by_conda.append(Broken(record, spec, None, None))
    elif needed and not any(spec.matches(dist.version, None) for dist in dists):
        # `constrains` binds conda packages; a distribution of that name may be another project.
        result.by_pip.append(Broken(record, spec, dists[0], None))


def _standing(health: RecordHealth) -> Distribution | None:
    """What another installer put in the place of a record; None when conda's own is there."""
    if not health.replaced:
        return None
    return health.replaced.get(canonical_name(health.record.name)) or next(iter(health.replaced.values()))


def check(context: AuditContext) -> Iterator[Finding]:
    """One finding for each package that others need otherwise."""
    broken = broken_depends(context)
    for group in _by_name(broken.by_pip):
        yield _by_pip(context, group)
    for group in _by_name(broken.by_conda):
        yield _by_conda(context, group)
    if broken.skipped:
        yield make(
            "PS903",
            "depends",
            f"{counted(len(broken.skipped), 'requirement')} of conda packages not checked, since not understood: "
            f"{listed(broken.skipped, 3)}.",
            facts={"requirements": broken.skipped},
        )


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("conda-requirements", check)]


def held(context: AuditContext, needed: Needed, name: str) -> Needed:
    """What is needed of a conda package, and whether others of conda's allow the version that pip put there for it."""
    if not needed:
        return needed
    return needed._replace(held=any(item.spec.name == name for item in broken_depends(context).by_pip))


def _by_name(broken: list[Broken]) -> list[list[Broken]]:
    groups: dict[str, list[Broken]] = defaultdict(list)
    for item in broken:
        groups[item.spec.name].append(item)
    return list(groups.values())


def _needs(group: list[Broken]) -> str:
    return listed((f"{item.record.name} {item.record.version} needs {item.spec}" for item in group), 3)


def _facts(group: list[Broken]) -> list[dict[str, str]]:
    return [{"name": item.record.name, "version": item.record.version, "needs": str(item.spec)} for item in group]


def _by_pip(context: AuditContext, group: list[Broken]) -> Finding:
    there, found, prefix = group[0].there, group[0].found, context.snapshot.prefix
    assert there is not None  # noqa: S101 - by_pip holds only these
    uninstall = fixes.pip(prefix, "uninstall", "-y", there.name)
    again = fixes.conda_reinstall(prefix, found) if found else fixes.conda(prefix, "install", *_specs(group))
    compiled = there.key == "numpy" and any(_is_compiled(item.record) for item in group)
    return make(
        "PS601" if compiled else "PS110",
        group[0].spec.name,
        f"{installer(there)} put {there.name} {there.version} there, but conda's {_needs(group)}.",
        paths=[there.path, *(item.record.meta_path for item in group)],
        fixes=[uninstall, again],
        facts={"there": {"name": there.name, "version": there.version}, "needed_by": _facts(group)},
    )


def _is_compiled(record: Record) -> bool:
    return any(path.endswith((".so", ".pyd")) for path in record.files)


def _specs(group: list[Broken]) -> list[str]:
    return list(dict.fromkeys(f"{item.spec.name}{_operator(item.spec)}" for item in group))


def _operator(spec: MatchSpec) -> str:
    if spec.version is None:
        return ""
    return spec.version if spec.version[0] in "=<>!~" else f"={spec.version}"


def _by_conda(context: AuditContext, group: list[Broken]) -> Finding:
    found = group[0].found
    state = f"{found.version} {found.build} is there" if found else "it is not installed"
    return make(
        "PS512",
        group[0].spec.name,
        f"conda's {_needs(group)}, but {state}.",
        paths=[item.record.meta_path for item in group],
        fixes=[fixes.conda(context.snapshot.prefix, "install", *_specs(group))],
        facts={"there": f"{found.version} {found.build}" if found else None, "needed_by": _facts(group)},
    )
