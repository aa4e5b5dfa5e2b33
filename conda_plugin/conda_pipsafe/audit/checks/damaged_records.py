"""PS101 to PS104, PS513: what became of each conda package's files, one finding per package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.conda_requirements import held
from conda_pipsafe.audit.checks.pip_files import of_links
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.health import RecordHealth
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.needs import broken_by
from conda_pipsafe.audit.wording import counted, installer, listed, matters, part_of
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.dist_info import Distribution

_NAMED = 3


def check(context: AuditContext) -> Iterator[Finding]:
    """Compare each record's files with the disk."""
    prefix = context.snapshot.prefix
    for health in context.health:
        if health.record.meta_path in context.stale:
            yield _twice(context, prefix, health)
        elif health.replaced:
            yield _replaced(context, prefix, health)
        elif health.removed:
            yield _removed(context, prefix, health)
        elif health.taken:
            yield _taken(context, prefix, health)
        elif health.missing and not health.beside:
            yield _missing(context, prefix, health)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("damaged-records", check)]


def _replaced(context: AuditContext, prefix: str, health: RecordHealth) -> Finding:
    record = health.record
    dists = tuple(health.replaced.values())
    now = listed(f"{dist.name} {dist.version}" for dist in dists)
    same_name = len(dists) == 1 and dists[0].key == record.name.lower()
    there = dists[0].version if same_name else now
    written = [path for dist in dists for path in context.paths(dist)]
    record_paths = frozenset(record.files)
    both = [path for path in written if path in record_paths and path not in health.missing]
    needed = held(context, broken_by(context.needs, {key: health.gone[key] for key in health.replaced}), record.name)
    return make(
        "PS101",
        record.name,
        f"{installer(dists[0])} replaced conda's {record.name} {record.version} with {there}"
        f"{needed.told(record.version)}.",
        paths=sorted({*health.missing, *both, *(dist.path for dist in dists)}),
        fixes=(
            *fixes.uninstall_then_reinstall(prefix, (dist.name for dist in dists), record),
            *needed.way(prefix, record.name),
        ),
        facts={
            "conda": _facts(health),
            "needed_otherwise": needed.facts(),
            "there": [{"name": dist.name, "version": dist.version, "installer": dist.installer} for dist in dists],
            "overwritten": sorted(both),
            "needed_by": list(context.dependents.get(record.name, ())),
        },
    )


def _removed(context: AuditContext, prefix: str, health: RecordHealth) -> Finding:
    record = health.record
    needed = context.dependents.get(record.name, ())
    tail = f"; {listed(needed, _NAMED)} need{'s' if len(needed) == 1 else ''} it" if needed else ""
    return make(
        "PS102",
        record.name,
        f"conda lists {record.name} {record.version}, but another tool removed it: {len(health.missing)} of its "
        f"{counted(health.files, 'file')} are gone{of_links(context, health.missing)}{tail}.",
        paths=health.missing,
        fixes=[fixes.conda_reinstall(prefix, record)],  # conda takes dead links away by itself
        facts={"conda": _facts(health), "needed_by": list(needed)},
    )


def _taken(context: AuditContext, prefix: str, health: RecordHealth) -> Finding:
    """What is missing of the files that were written over conda's is mended by the same commands."""
    record = health.record
    lost = sorted({path for dist in health.taken for path in _lost(context, dist)})
    tail = f"; {counted(len(lost), 'file')} of it {'is' if len(lost) == 1 else 'are'} missing" if lost else ""
    names = [dist.name for dist in health.taken]
    return make(
        "PS104",
        record.name,
        f"{installer(health.taken[0])} installed {listed(f'{dist.name} {dist.version}' for dist in health.taken)} "
        f"over conda's {record.name} {record.version}: same version, other build{tail}.",
        severity="error" if matters(lost) else None,
        paths=[*lost, *(f"{dist.path}/INSTALLER" for dist in health.taken), *sorted({*health.missing} - {*lost})],
        fixes=fixes.uninstall_then_reinstall(prefix, names, record),
        facts={"conda": _facts(health), "installers": [dist.installer for dist in health.taken], "missing": lost},
    )


def _lost(context: AuditContext, dist: Distribution) -> tuple[str, ...]:
    return () if dist.path in context.cut_off else context.missing_files(dist)


def _missing(context: AuditContext, prefix: str, health: RecordHealth) -> Finding:
    record = health.record
    others = sorted({dist.name for path in health.missing if (dist := context.foreign_paths.get(path)) is not None})
    tail = f" (pip's {listed(others, _NAMED)} has the same files)" if others else ""
    return make(
        "PS103",
        record.name,
        f"{part_of(len(health.missing), health.files)} of conda's {record.name} {record.version} "
        f"{'is' if len(health.missing) == 1 else 'are'} missing{of_links(context, health.missing)}{tail}.",
        severity="error" if matters(health.missing) else "warning",
        paths=health.missing,
        fixes=[*_no_folders(context, health), fixes.conda_reinstall(prefix, record)],
        facts={
            "conda": _facts(health),
            "shared_with": others,
            **({"stops_python": True} if _no_python(health) else {}),
        },
    )


def _no_python(health: RecordHealth) -> bool:
    """Whether what is missing is the program itself: what starts with it fails before."""
    return health.record.name == "python" and any(
        path.startswith(("bin/python", "python.exe")) for path in health.missing
    )


def _no_folders(context: AuditContext, health: RecordHealth) -> list[str]:
    """A file in the place of a folder has to go first: conda stops at it."""
    paths = context.disk.no_folders(health.missing)
    return [fixes.delete(context.snapshot.prefix, paths)] if paths else []


def _twice(context: AuditContext, prefix: str, health: RecordHealth) -> Finding:
    stale, kept = health.record, context.health_by_name[health.record.name].record
    one, other = f"{stale.version} {stale.build}", f"{kept.version} {kept.build}"
    return make(
        "PS513",
        stale.name,
        f"conda has two records of {stale.name}: {one} and {other}; the files are those of {other}.",
        paths=sorted((stale.meta_path, kept.meta_path)),
        fixes=[fixes.delete(prefix, [stale.meta_path]), fixes.conda_reinstall(prefix, kept)],
        facts={"conda": _facts(health), "kept": kept.meta_path},
    )


def _facts(health: RecordHealth) -> dict[str, object]:
    record = health.record
    return {
        "name": record.name,
        "version": record.version,
        "build": record.build,
        "channel": strip_credentials(record.channel),
        "record": record.meta_path,
        "missing": len(health.missing),
    }
