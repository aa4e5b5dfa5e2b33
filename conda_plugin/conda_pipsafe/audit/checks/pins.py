"""PS111, PS112: what pip installed against `conda-meta/pinned` and `conda-meta/frozen`.

conda's documentation, "Preventing packages from updating (pinning)"; CEP 22 for `frozen`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.linked import folders_of
from conda_pipsafe.audit.wording import counted, installer, listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.match_spec import MatchSpec, SpecSyntaxError, parse_match_spec
from conda_pipsafe.prefix.metadata import canonical_name

PINNED = "conda-meta/pinned"
FROZEN = "conda-meta/frozen"
# A copy of an environment gives each of its files a time of its own, some seconds apart.
_COPY_SECONDS = 60.0


def check(context: AuditContext) -> Iterator[Finding]:
    """Judge the versions that pip put there by the pins, and its installations by the mark."""
    yield from _pinned(context)
    yield from _frozen(context)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("pins", check)]


def _pinned(context: AuditContext) -> Iterator[Finding]:
    try:
        lines = read_text(context.snapshot.prefix, PINNED).splitlines()
    except UnreadableError as error:
        if not error.missing:
            context.problems.append(error.problem)
        return
    skipped: list[str] = []
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            spec = parse_match_spec(text)
            dist = _put_there(context, spec)
            if dist is not None and not spec.matches(dist.version, None):
                yield _broken(context, spec, dist)
        except SpecSyntaxError:
            skipped.append(text[:80])
    if skipped:
        yield make(
            "PS903",
            PINNED,
            f"{counted(len(skipped), 'pin')} not checked, since not understood: {listed(skipped, 3)}.",
            paths=[PINNED],
            facts={"requirements": skipped},
        )


def _put_there(context: AuditContext, spec: MatchSpec) -> Distribution | None:
    """What another installer has in the place of the pinned package; None when conda's own is there, or nothing."""
    key = canonical_name(spec.name)
    health = context.health_by_name.get(spec.name)
    if health is not None:
        return health.replaced.get(key) or next(iter(health.replaced.values()), None)
    return next(iter(context.foreign_by_key.get(key, ())), None)


def _broken(context: AuditContext, spec: MatchSpec, dist: Distribution) -> Finding:
    prefix, health = context.snapshot.prefix, context.health_by_name.get(spec.name)
    ways = [fixes.pip(prefix, "uninstall", "-y", dist.name)]
    if health is not None:
        ways.append(fixes.conda_reinstall(prefix, health.record))
    return make(
        "PS111",
        spec.name,
        f"{installer(dist)} put {dist.name} {dist.version} there, but this environment is pinned to {spec}.",
        paths=[PINNED, dist.path],
        fixes=ways,
        facts={"pin": str(spec), "there": {"name": dist.name, "version": dist.version, "installer": dist.installer}},
    )


def _frozen(context: AuditContext) -> Iterator[Finding]:
    if "frozen" not in context.disk.names("conda-meta"):
        return
    since = context.disk.modified(FROZEN)
    if since is None:
        return
    limit = _limit(context, since)
    later = [
        dist for dist in context.foreign if (time := context.disk.modified(dist.path)) is not None and time > limit
    ]
    if later:
        names = [f"{dist.name} {dist.version}" for dist in later]
        yield make(
            "PS112",
            "frozen",
            f"The environment is marked as frozen, and {counted(len(later), 'distribution')} came after the mark: "
            f"{listed(names)}.",
            paths=[FROZEN, *(dist.path for dist in later)],
            fixes=[fixes.pip(context.snapshot.prefix, "uninstall", "-y", *(dist.name for dist in later))],
            facts={"distributions": names},
        )


def _limit(context: AuditContext, since: float) -> float:
    """The time after which a distribution came later than the mark.

    Where something that conda put beside the distributions is older than the mark, times are those of what happened.
    Else all of it has the time of a copy, and only what is clearly later than the copy was made tells anything.
    """
    times = [time for path in _of_conda(context) if (time := context.disk.modified(path)) is not None]
    return since if any(time <= since for time in times) else max([since, *times]) + _COPY_SECONDS


def _of_conda(context: AuditContext) -> set[str]:
    """Folders beside the distributions that conda made: its own dist-infos, and those of Python's library."""
    found = {dist.path for dist in context.current if context.owner(dist) == "conda" and dist.kind == "dist-info"}
    python = context.snapshot.record_named("python")
    library = {site.path.rpartition("/")[0] for site in context.snapshot.sites if site.current}
    if python is not None:
        found |= {folder for folder in folders_of(python.files) if folder.rpartition("/")[0] in library}
    return found
