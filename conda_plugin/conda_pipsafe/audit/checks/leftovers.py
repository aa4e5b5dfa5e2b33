"""PS303, PS505, PS113: a marker left in an old Python, halves of packages, a conda that came from PyPI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import counted, installer, listed
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.metadata import canonical_name, is_valid_name, parse_metadata
from conda_pipsafe.prefix.paths import SitePackages, path_key
from conda_pipsafe.prefix.snapshot import ABANDONED_CONDA

_MARKER = "EXTERNALLY-MANAGED"
_PYTHON_FOLDER = re.compile(r"^(?:python|pypy)\d+\.\d+t?$")


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for each of them."""
    yield from _marker(context)
    yield from _halves(context)
    yield from _conda_of_pypi(context)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("leftovers", check)]


def _marker(context: AuditContext) -> Iterator[Finding]:
    current = {site.path.rpartition("/")[0] for site in context.snapshot.sites if site.current}
    if not current or any(_MARKER in context.disk.names(folder) for folder in current):
        return
    for name in sorted(context.disk.names("lib")):
        folder = f"lib/{name}"
        path = f"{folder}/{_MARKER}"
        if folder in current or not _PYTHON_FOLDER.match(name) or not context.disk.is_folder(folder):
            continue
        if _MARKER in context.disk.names(folder) and path_key(path) not in context.snapshot.record_paths:
            new = f"{min(current)}/{_MARKER}"
            yield make(
                "PS303",
                path,
                f"{path} protected the environment from pip; the Python of today has no such mark, so pip may write.",
                paths=[path],
                fixes=[
                    f"To be protected again: {fixes.move(context.snapshot.prefix, path, new)}",
                    f"To let pip write: {fixes.delete(context.snapshot.prefix, [path])}",
                ],
                facts={"now": new},
            )


def _halves(context: AuditContext) -> Iterator[Finding]:
    for site in context.snapshot.sites:
        owned = context.snapshot.record_paths
        paths = [
            f"{site.path}/{name}"
            for name in sorted(context.disk.names(site.path))
            if name.startswith("~") and path_key(f"{site.path}/{name}") not in owned
        ]
        if paths:
            names = listed(path.rpartition("/")[2] for path in paths)
            gone = [spec for path in paths if (spec := _gone(context, site, path))]
            tail = f"; {listed(gone)} {'is' if len(gone) == 1 else 'are'} not installed any more" if gone else ""
            prefix = context.snapshot.prefix
            yield make(
                "PS505",
                site.path,
                f"{counted(len(paths), 'leftover')} of an interrupted pip in {site.path}: {names}{tail}.",
                paths=paths,
                fixes=[fixes.delete(prefix, paths), *([fixes.pip(prefix, "install", *gone)] if gone else [])],
                facts={"count": len(paths), "gone": gone},
            )


def _gone(context: AuditContext, site: SitePackages, path: str) -> str | None:
    """`name==version` of a distribution that was set aside and that nothing took the place of."""
    if not site.current or not path.endswith(".dist-info"):
        return None
    try:
        found = parse_metadata(read_text(context.snapshot.prefix, f"{path}/METADATA"))
    except UnreadableError:
        return None
    if not found.version or not is_valid_name(found.name):
        return None
    key = canonical_name(found.name)
    # Told as a package that is missing, where conda has it.
    if key in context.by_key or key in context.record_by_key:
        return None
    return f"{found.name}=={found.version}"


def _conda_of_pypi(context: AuditContext) -> Iterator[Finding]:
    for dist in context.foreign_by_key.get("conda", ()):
        if (
            dist.version.startswith(ABANDONED_CONDA)
            and not dist.editable
            and context.snapshot.record_named("conda") is None
        ):
            yield make(
                "PS113",
                dist.name,
                f"{installer(dist)} installed conda {dist.version}, PyPI's abandoned one, into this environment.",
                paths=[dist.path],
                fixes=[fixes.pip(context.snapshot.prefix, "uninstall", "-y", dist.name)],
                facts={"version": dist.version},
            )
