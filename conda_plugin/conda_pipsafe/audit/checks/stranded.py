"""PS301: distributions that were left in another Python's site-packages folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import counted, listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import SitePackages, path_key, scripts_dir


def check(context: AuditContext) -> Iterator[Finding]:
    """Look into every site-packages folder but the current one."""
    snapshot = context.snapshot
    if snapshot.record_named("python") is None and not any(site.current for site in snapshot.sites):
        return  # no Python to be stranded from
    for site in context.snapshot.sites:
        if site.current:
            continue
        dists = [
            dist
            for dist in context.snapshot.distributions
            if dist.site == site and context.readable(dist) and context.owner(dist) == "pip"
        ]
        if dists:
            yield _finding(context, site, dists)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("stranded", check)]


def _finding(context: AuditContext, site: SitePackages, dists: list[Distribution]) -> Finding:
    snapshot, prefix = context.snapshot, context.snapshot.prefix
    scripts = _dead_scripts(context, dists)
    now = f"Python {snapshot.python}" if snapshot.python else "another Python"
    there = {dist.key for dist in context.current}
    again = [word for dist in dists if dist.key not in there for word in dist.again]
    ways = [fixes.pip(prefix, "install", *again)] if again else []
    # Commands of what is installed again are written anew.
    dead = _dead_scripts(context, [dist for dist in dists if dist.key in there])
    # The folder itself only when nothing of conda's is in it.
    whole = not any(path.startswith(f"{site.path}/") for path in snapshot.record_paths)
    ways.append(fixes.delete(prefix, [*([site.path] if whole else [dist.path for dist in dists]), *dead]))
    tail = f"; {counted(len(scripts), 'command')} of theirs cannot run" if scripts else ""
    return make(
        "PS301",
        site.path,
        f"{counted(len(dists), 'distribution')} installed for Python {site.python or '?'} cannot be imported, "
        f"since the environment has {now}: {listed(f'{dist.name} {dist.version}'.rstrip() for dist in dists)}{tail}.",
        paths=[*(dist.path for dist in dists), *scripts],
        fixes=ways,
        facts={
            "python": site.python,
            "current_python": snapshot.python,
            "distributions": [{"name": dist.name, "version": dist.version, "path": dist.path} for dist in dists],
            "scripts": scripts,
        },
    )


def _dead_scripts(context: AuditContext, dists: list[Distribution]) -> list[str]:
    folder = f"{scripts_dir()}/"
    alive = {path for dist in context.current for path in context.paths(dist) if path.startswith(folder)}
    return sorted(
        path
        for dist in dists
        for path in context.paths(dist)
        if path.startswith(folder)
        and path not in alive
        and path_key(path) not in context.snapshot.record_paths
        and context.disk.exists(path)
    )
