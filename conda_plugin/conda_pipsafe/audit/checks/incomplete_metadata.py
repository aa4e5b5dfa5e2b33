"""PS502, PS503: a dist-info without METADATA, or without RECORD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.checks.husks import find_husks
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.dead import dead_distributions, dead_paths
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.overlap import is_bytecode
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key


def check(context: AuditContext) -> Iterator[Finding]:
    """Look at every dist-info of the current site-packages folder that conda did not bring."""
    folders = _conda_folders(context)
    dead = dead_distributions(context)
    for dist in context.snapshot.distributions:
        if dist.kind != "dist-info" or not dist.site.current or dist.path in folders:
            continue
        if dist.path in dead:
            yield _dead(context, dist, dead[dist.path])
        # A METADATA that is there and could not be read is told as an unreadable file.
        if not dist.has_metadata and not context.snapshot.exists(dist.metadata_path):
            yield _phantom(context, dist)
        elif dist.has_metadata and context.owner(dist) == "pip":
            if dist.path in context.cut_off:
                yield _unrecorded(context, dist, "a RECORD that is cut off: nobody knows what else is its own")
            elif not dist.has_record:
                yield _unrecorded(context, dist, "no RECORD: pip can neither upgrade nor uninstall it")


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("incomplete-metadata", check)]


def _conda_folders(context: AuditContext) -> frozenset[str]:
    """dist-info folders in which a conda package has any file: a package may be built without METADATA."""
    return frozenset(
        path[: path.index(".dist-info/") + len(".dist-info")]
        for record in context.snapshot.records
        for path in record.files
        if ".dist-info/" in path
    )


def _phantom(context: AuditContext, dist: Distribution) -> Finding:
    left = sorted(context.disk.names(dist.path))
    what = f"only {listed(left)} is left in it" if left else "it is empty"
    version = f" {dist.version}" if dist.version else ""
    if dist.has_record and dist.version and _is_there(context, dist):
        # Deleting the dist-info would leave the files without an owner.
        message = f"{dist.name} {dist.version} is there, but its dist-info has no METADATA: {what}."
        facts = {"name": dist.name, "version": dist.version, "left": left}
        return make("PS502", dist.name, message, paths=[dist.path], fixes=[_again(context, dist)], facts=facts)
    paths = [dist.path, *(husk.path for husk in find_husks(context) if canonical_name(husk.name) == dist.key)]
    return make(
        "PS502",
        dist.name,
        f"{dist.name}{version} is listed, but its dist-info has no METADATA: {what}.",
        paths=paths,
        fixes=[fixes.delete(context.snapshot.prefix, paths)],
        facts={"name": dist.name, "version": dist.version, "left": left},
    )


def _dead(context: AuditContext, dist: Distribution, origin: str) -> Finding:
    prefix = context.snapshot.prefix
    paths = sorted(dead_paths(context, dist, origin))
    return make(
        "PS502",
        dist.name,
        f"{dist.name} {dist.version} is listed, but its files are links into {origin}, which is not there any more.",
        paths=paths,
        fixes=[fixes.delete(prefix, paths), _again(context, dist)],
        facts={"name": dist.name, "version": dist.version, "origin": origin},
    )


def _again(context: AuditContext, dist: Distribution) -> str:
    return fixes.pip_anew(context.snapshot.prefix, dist, "--ignore-installed")


def _is_there(context: AuditContext, dist: Distribution) -> bool:
    """Whether any file of a distribution's RECORD is there, its metadata and bytecode aside, that is not conda's."""
    inside, owned = f"{dist.path}/", context.snapshot.record_paths
    return any(
        not path.startswith(inside)
        and not is_bytecode(path)
        and path_key(path) not in owned
        and context.disk.exists(path)
        and not context.disk.dead_links([path])
        for path in context.paths(dist)
    )


def _unrecorded(context: AuditContext, dist: Distribution, has: str) -> Finding:
    return make(
        "PS503",
        dist.name,
        f"{dist.name} {dist.version} has {has}.",
        paths=[dist.path],
        fixes=[_again(context, dist)],
        facts={"name": dist.name, "version": dist.version, "installer": dist.installer},
    )
