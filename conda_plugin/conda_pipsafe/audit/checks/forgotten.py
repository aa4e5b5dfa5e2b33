"""PS507: packages whose dist-info was deleted, while what is imported is still there; told where the ledger knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.ledger.events import DistState
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.patterns import lazy

_SLACK_SECONDS = 2.0
_GIT = lazy(r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")


def check(context: AuditContext) -> Iterator[Finding]:
    """Meet what the ledger remembers with what nobody owns in the site-packages folder of today.

    pip deletes files before metadata: what is still there was not uninstalled. What is newer than the installation is
    somebody else's.
    """
    gone = [state for state in context.forgotten if _is_gone(context, state)]
    unowned = {site: _unowned(context, site) for site in {_site(state) for state in gone}}  # asked once
    for state in gone:
        paths = sorted(_left(state, unowned[_site(state)]))
        if paths:
            yield _finding(context, state, paths)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("forgotten", check)]


def _is_gone(context: AuditContext, state: DistState) -> bool:
    """Whether neither pip nor conda has anything of the name."""
    sites = {site.path for site in context.snapshot.sites if site.current}
    known = context.snapshot.distributions_named(state.key) or state.key in context.record_by_key
    return _site(state) in sites and not known and state.source.kind != "editable"


def _unowned(context: AuditContext, site: str) -> dict[str, float]:
    """The modules and packages of a site-packages folder that nobody owns, and when they were written."""
    found = {}
    for name in sorted(context.disk.names(site)):
        path = f"{site}/{name}"
        module = path if name.endswith(".py") else f"{path}/__init__.py"
        if not name.removesuffix(".py").isidentifier() or _is_owned(context, module):
            continue
        at = context.disk.modified(module) if context.disk.exists(module) else None
        if at is not None:
            found[path] = at
    return found


def _left(state: DistState, unowned: dict[str, float]) -> Iterator[str]:
    """Of those the ones of its name that are as old as the distribution; whose another name is would be a guess."""
    written = _seconds(state.written)
    if written is not None:
        yield from (path for path, at in unowned.items() if _named(state, path) and at <= written + _SLACK_SECONDS)


def _site(state: DistState) -> str:
    return state.path.rpartition("/")[0]


def _named(state: DistState, path: str) -> bool:
    return canonical_name(path.rpartition("/")[2].removesuffix(".py")) == state.key


def _is_owned(context: AuditContext, path: str) -> bool:
    return path_key(path) in context.snapshot.record_paths or path in context.foreign_paths


def _seconds(text: str | None) -> float | None:
    import calendar
    import time

    try:
        return float(calendar.timegm(time.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ")))
    except (ValueError, OverflowError):
        return None


def _spec(state: DistState) -> str | None:
    """The requirement that has it again; None where nothing says where it came from."""
    source = state.source
    if source.kind != "direct-url":
        return f"{state.name}=={state.version}" if state.version else None
    if not source.url or (source.revision and not _GIT.match(source.revision)):
        return None
    # The ledger keeps the commit and not by which program: that is git, where it looks like one of git's.
    git = bool(source.revision) and not source.url.startswith("git+")
    return f"{state.name} @ {'git+' if git else ''}{source.url}{f'@{source.revision}' if source.revision else ''}"


def _finding(context: AuditContext, state: DistState, paths: list[str]) -> Finding:
    spec = _spec(state)
    names = listed((path.rpartition("/")[2] for path in paths), 3)
    by = state.installer or "pip"
    return make(
        "PS507",
        state.name,
        f"{by} installed {state.name} {state.version}, and its dist-info is gone: {names} "
        f"{'is' if len(paths) == 1 else 'are'} still there, and nobody owns {'it' if len(paths) == 1 else 'them'}.",
        paths=paths,
        fixes=[
            fixes.pip(context.snapshot.prefix, "install", "--force-reinstall", "--no-deps", spec)
            if spec
            else fixes.NOWHERE
        ],
        facts={"name": state.name, "version": state.version, "dist_info": state.path, "written": state.written},
    )
