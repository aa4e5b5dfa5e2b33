"""PS107, PS201, PS203, PS501: two distributions of one name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.pip_files import misplaced
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.health import RecordHealth
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.needs import broken_by
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for names that more than one distribution has, where at least one of them is not conda's."""
    told: set[str] = set()
    for health in context.health:
        for key, dists in health.beside.items():
            told.add(key)
            yield _with_conda(context, health, key, dists)
    replaced = {key: health for health in context.health for key in health.replaced}
    for key, dists in context.foreign_by_key.items():
        if len(dists) > 1 and key not in told:
            yield _without_conda(context, key, dists, replaced.get(key))


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("duplicates", check)]


def _with_conda(context: AuditContext, health: RecordHealth, key: str, dists: tuple[Distribution, ...]) -> Finding:
    record, prefix = health.record, context.snapshot.prefix
    own = [dist for dist in context.by_key[key] if context.owner(dist) != "pip"]
    editable = next((dist for dist in dists if dist.editable), None)
    left = [path for dist in dists for path in misplaced(context, dist)]
    paths = sorted({*(dist.path for dist in (*own, *dists)), *health.missing, *_shared(context, record, dists), *left})
    facts = {
        "conda": {"name": record.name, "version": record.version, "build": record.build, "record": record.meta_path},
        "there": [{"name": dist.name, "version": dist.version, "installer": dist.installer} for dist in dists],
        "distributions": [dist.path for dist in (*own, *dists)],
    }
    if editable is not None:
        where = editable.direct_url.url if editable.direct_url else "a checkout"
        message = f"conda's {record.name} {record.version} hides the checkout that is installed in place ({where})."
        ways = (
            f"To keep the checkout: {fixes.conda(prefix, 'remove', '--force', record.name)}",
            f"To keep conda's: {fixes.pip(prefix, 'uninstall', '-y', editable.name)}",
        )
        return make("PS203", record.name, message, paths=paths, fixes=ways, facts=facts)
    theirs = listed(f"{dist.name} {dist.version}" for dist in dists)
    if _conda_came_later(context, record, dists):
        message = f"conda wrote {record.name} {record.version} over {installer(dists[0])}'s {theirs}."
        code = "PS201"
    else:
        ours = f"conda's {record.name} {record.version}"
        message = f"{installer(dists[0])} installed {theirs} over {ours}, without removing it."
        code = "PS107"
    # pip refuses to uninstall these, and which of two it takes is chance.
    stubborn = [dist.path for dist in own if not dist.has_record and dist.kind in {"dist-info", "egg-info-file"}]
    fix = _ways(prefix, dists, record, stubborn, len(own) + len(dists) - len(stubborn))
    fix = (fixes.delete(prefix, left), *fix) if left else fix
    needed = broken_by(context.needs, {key: own[0].version if own else record.version})
    facts["needed_otherwise"] = needed.facts()
    message = f"{message[:-1]}{needed.told(record.version)}."
    return make(code, record.name, message, paths=paths, fixes=(*fix, *needed.way(prefix, record.name)), facts=facts)


def _shared(context: AuditContext, record: Record, dists: tuple[Distribution, ...]) -> set[str]:
    files = frozenset(record.files)
    return {path for dist in dists for path in context.paths(dist) if path in files}


def _conda_came_later(context: AuditContext, record: Record, dists: tuple[Distribution, ...]) -> bool:
    # conda writes a record when it links; its files may carry the times of the package.
    linked = context.disk.modified(record.meta_path)
    installed = [time for dist in dists if (time := context.disk.modified(dist.path)) is not None]
    return linked is None or not installed or linked >= max(installed)


def _ways(
    prefix: str, dists: tuple[Distribution, ...], record: Record, stubborn: list[str], times: int
) -> tuple[str, ...]:
    name = dists[0].name
    if name.lower() == "pip":
        # A pip of two versions often cannot run, and reinstalling over it leaves the mixture.
        site = dists[0].site.path
        trees = [f"{site}/pip", *(dist.path for dist in dists), f"{site}/pip-{record.version}.dist-info"]
        spec = [*fixes.channel_words(record.channel), f"{record.name}={record.version}={record.build}"]
        return fixes.delete(prefix, [*trees, record.meta_path]), fixes.conda(prefix, "install", *spec)
    ways = (fixes.uninstall_all(prefix, name, times), fixes.conda_reinstall(prefix, record))
    return (fixes.delete(prefix, stubborn), *ways) if stubborn else ways


def _newest(dists: tuple[Distribution, ...]) -> Distribution:
    """The one of the highest version; what is no version of Python's comes before every one that is."""
    from packaging.version import InvalidVersion, Version

    def rank(dist: Distribution) -> tuple[bool, Version]:
        try:
            return True, Version(dist.version)
        except InvalidVersion:
            return False, Version("0")

    return max(dists, key=rank)


def _without_conda(
    context: AuditContext, key: str, dists: tuple[Distribution, ...], replaced: RecordHealth | None
) -> Finding:
    prefix = context.snapshot.prefix
    versions = [dist.version for dist in dists]
    ways = [fixes.uninstall_all(prefix, key, len(dists))]
    if replaced is None:
        ways.append(fixes.pip_again(prefix, _newest(dists)) or fixes.NOWHERE)
    else:
        ways.append(fixes.conda_reinstall(prefix, replaced.record))
    return make(
        "PS501",
        dists[0].name,
        f"{dists[0].name} is installed {len(dists)} times: {listed(versions)}.",
        paths=[dist.path for dist in dists],
        fixes=ways,
        facts={"versions": versions, "installers": [dist.installer for dist in dists]},
    )
