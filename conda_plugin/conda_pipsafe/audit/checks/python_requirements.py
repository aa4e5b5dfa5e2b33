"""PS110, PS210, PS302, PS510: what distributions require, and do not have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.conda_requirements import broken_depends
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import counted, installer, listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.history import split_dist
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.requirements import Installed, Unmet, evaluate, satisfies

# What PyPI has under this name is not what is meant: PS113.
_NEVER_FROM_PYPI = frozenset({"conda"})


def check(context: AuditContext) -> Iterator[Finding]:
    """Evaluate Requires-Dist and Requires-Python of everything that the environment's Python can import."""
    # Distributions that other installers brought come first: they answer for the extras that they ask for.
    order = sorted(context.current, key=lambda dist: context.owner(dist) == "conda")
    by_name = {key: record.version for key, record in context.record_by_key.items()}
    evaluation = evaluate(Installed(order, by_name, context.marker_environment))
    unclear = {key for health in context.health for key in health.beside}
    unclear |= {key for health in context.health for key in health.gone if key not in health.replaced}
    by_dist: dict[str, list[Unmet]] = defaultdict(list)
    for unmet in evaluation.unmet:
        # Told already, with the way out, where the package is there twice or was removed.
        if unmet.key not in unclear and unmet.dist.key not in unclear:
            by_dist[unmet.dist.path].append(unmet)
    for group in by_dist.values():
        if context.owner(group[0].dist) == "conda":
            continue
        yield _of_pip(context, group)
    yield from _of_conda(context, [group for group in by_dist.values() if context.owner(group[0].dist) == "conda"])
    yield from _requires_python(context)
    if evaluation.skipped:
        yield _skipped(evaluation.skipped)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("python-requirements", check)]


def _of_pip(context: AuditContext, group: list[Unmet]) -> Finding:
    dist, prefix = group[0].dist, context.snapshot.prefix
    gone = _unlinked(context)
    conda_words: list[str] = []
    pip_words: list[str] = []
    by_conda = False
    for unmet in group:
        name = _conda_name(context, unmet, gone)
        by_conda = by_conda or name is not None
        words = conda_words if name or unmet.key in _NEVER_FROM_PYPI else pip_words
        words.append(f"{name or unmet.key}{unmet.specifier.replace(' ', '')}")
    ways = [fixes.conda(prefix, "install", *conda_words)] if conda_words else []
    ways += [fixes.pip(prefix, "install", *pip_words)] if pip_words else []
    return make(
        "PS210" if by_conda else "PS510",
        dist.name,
        f"{installer(dist)}'s {dist.name} {dist.version} needs {listed(map(_told, group))}.",
        paths=[dist.metadata_path],
        fixes=ways,
        facts={
            "name": dist.name,
            "version": dist.version,
            "unmet": [
                {"requirement": unmet.text, "there": [found.version for found in unmet.found]} for unmet in group
            ],
        },
    )


def _told(unmet: Unmet) -> str:
    there = listed(sorted({found.version for found in unmet.found}))
    return f"{unmet.text} ({f'{there} is there' if unmet.found else 'not installed'})"


def _conda_name(context: AuditContext, unmet: Unmet, gone: Mapping[str, str]) -> str | None:
    """The conda package that is to blame: conda has the wrong version, or removed it; None when it is pip's matter."""
    for found in unmet.found:
        record = context.snapshot.record_of(found)
        if record is not None:
            return record.name
    if unmet.found:
        return None
    record = context.record_by_key.get(unmet.key)
    return record.name if record else gone.get(unmet.key)


def _unlinked(context: AuditContext) -> Mapping[str, str]:
    """Packages that the history says conda removed and did not link again: canonical name to conda name."""
    gone: dict[str, str] = {}
    for revision in context.snapshot.history.revisions:
        for dist in revision.unlinked:
            if parts := split_dist(dist):
                gone[canonical_name(parts[0])] = parts[0]
        for dist in revision.linked:
            if parts := split_dist(dist):
                gone.pop(canonical_name(parts[0]), None)
    return gone


def _of_conda(context: AuditContext, groups: list[list[Unmet]]) -> Iterator[Finding]:
    """Requirements of conda's own distributions, only where conda's version met them and pip's does not.

    conda packages often differ on purpose from what their Python metadata asks for; what was never met is no harm.
    """
    replaced = {key: health for health in context.health for key in health.replaced}
    told = {(broken.record.name, broken.key) for broken in broken_depends(context).by_pip}
    for unmet in (unmet for group in groups for unmet in group):
        health = replaced.get(unmet.key)
        record = context.snapshot.record_of(unmet.dist)
        if health is None or record is None or (record.name, unmet.key) in told:
            continue
        if not unmet.found or not satisfies(unmet.specifier, health.gone[unmet.key]):
            continue
        yield make(
            "PS110",
            record.name,
            f"conda's {record.name} {record.version} needs {unmet.text}, but "
            f"{installer(unmet.found[0])} put {unmet.found[0].name} {unmet.found[0].version} there.",
            paths=[unmet.dist.metadata_path],
            fixes=fixes.uninstall_then_reinstall(context.snapshot.prefix, [unmet.found[0].name], health.record),
            facts={"name": record.name, "requirement": unmet.text, "there": unmet.found[0].version},
        )


def _requires_python(context: AuditContext) -> Iterator[Finding]:
    python = context.marker_environment["python_full_version"]
    for dist in context.foreign:
        try:
            if not dist.requires_python or satisfies(dist.requires_python, python):
                continue
        except (InvalidSpecifier, InvalidVersion):
            continue
        yield make(
            "PS302",
            dist.name,
            f"{installer(dist)}'s {dist.name} {dist.version} supports Python {dist.requires_python}, "
            f"and the environment has {python}.",
            paths=[dist.metadata_path],
            fixes=[fixes.pip(context.snapshot.prefix, "install", "--upgrade", dist.name)],
            facts={"name": dist.name, "requires_python": dist.requires_python, "python": python},
        )


def _skipped(skipped: list[tuple[Distribution, str]]) -> Finding:
    texts = sorted({f"{dist.name}: {text}" for dist, text in skipped})
    return make(
        "PS903",
        "Requires-Dist",
        f"{counted(len(texts), 'requirement')} of distributions not checked, since not understood: {listed(texts, 3)}.",
        paths=sorted({dist.metadata_path for dist, _ in skipped}),
        facts={"requirements": texts},
    )
