"""PS504: folders that import as an empty package since what they held was removed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.linked import folders_of
from conda_pipsafe.audit.wording import counted
from conda_pipsafe.prefix.history import split_dist
from conda_pipsafe.prefix.metadata import canonical_name

_ENOUGH = 200  # files that are looked at in one folder


@dataclass(frozen=True, slots=True)
class Husk:
    """A folder that imports as an empty package: its name, where it is, what is left in it."""

    name: str
    path: str
    files: tuple[str, ...]


def check(context: AuditContext) -> Iterator[Finding]:
    """Report husks, those aside that are left of a distribution whose metadata is incomplete as well."""
    told = {dist.key for dist in context.snapshot.distributions if not dist.has_metadata}
    for husk in find_husks(context):
        if canonical_name(husk.name) not in told:
            count = len(husk.files)
            yield make(
                "PS504",
                husk.name,
                f"`import {husk.name}` succeeds and gives an empty package: {counted(count, 'file')} that nobody owns "
                f"{'is' if count == 1 else 'are'} left of it.",
                paths=[husk.path],
                fixes=[fixes.delete(context.snapshot.prefix, [husk.path])],
                facts={"files": husk.files[:_ENOUGH]},
            )


def find_husks(context: AuditContext) -> Iterator[Husk]:
    """Look at the folders of the current site-packages in which nobody owns anything.

    A folder of Python files without `__init__.py` may be a person's own namespace package. It is a husk only when
    its bytecode shows that there was an `__init__.py` or sources that are gone, or when its name is that of a package
    which is known to have been removed.
    """
    for site in context.snapshot.sites:
        if not site.current:
            continue
        owned = _owned_names(context, site.path)
        names = sorted(name for name in context.disk.names(site.path) if name.isidentifier() and name not in owned)
        removed = _removed(context) if names else frozenset()
        for name in names:
            path = f"{site.path}/{name}"
            if name != "__pycache__" and context.disk.is_folder(path):
                files = _files(os.path.join(context.snapshot.prefix, path))
                if _is_husk(name, files, removed):
                    yield Husk(name, path, tuple(files))


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("husks", check)]


def _owned_names(context: AuditContext, site: str) -> set[str]:
    start = f"{site}/"
    length = len(start)
    folders = set(folders_of(context.snapshot.record_paths))
    folders.update(*(context.folders(dist) for dist in context.foreign))
    return {folder[length:].partition("/")[0] for folder in folders if folder.startswith(start)}


def _removed(context: AuditContext) -> frozenset[str]:
    dists = (dist for revision in context.snapshot.history.revisions for dist in revision.unlinked)
    return frozenset(canonical_name(parts[0]) for dist in dists if (parts := split_dist(dist)))


def _is_husk(name: str, files: list[str], removed: frozenset[str]) -> bool:
    if any(file.startswith("__init__.") for file in files):
        return False
    # Bytecode in __pycache__ whose source is gone.
    orphans = [file for file in files if file.endswith(".pyc") and _source_of(file) not in files]
    if canonical_name(name) in removed or any(file.startswith("__pycache__/__init__.") for file in orphans):
        return True
    return bool(orphans) and not any(file.endswith((".py", ".so", ".pyd")) for file in files)


def _source_of(file: str) -> str:
    folder, _, name = file.rpartition("__pycache__/")
    return f"{folder}{name.split('.', 1)[0]}.py"


def _files(folder: str) -> list[str]:
    found: list[str] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        inner = os.path.relpath(root, folder).replace(os.sep, "/")
        found.extend(name if inner == "." else f"{inner}/{name}" for name in sorted(names))
        if len(found) > _ENOUGH:
            break
    return found
