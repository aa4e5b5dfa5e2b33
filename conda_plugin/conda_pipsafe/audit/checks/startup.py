"""PS515: `.pth` files at which the environment's Python stops, or complains at every start.

Format: Python's `site`: lines of UTF-8 text; one that begins with `import` is run, any other is a path.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.editables import checkout_modules
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.paths import path_key

_LIMIT = 1024 * 1024
_CODE = ("import ", "import\t")


def check(context: AuditContext) -> Iterator[Finding]:
    """Read every `.pth` of the environment's own site-packages; none of them is run."""
    for site in (site.path for site in context.snapshot.sites if site.current):
        texts: dict[str, str] = {}
        for path in pth_files(context, site):
            try:
                texts[path] = read_bytes(context.snapshot.prefix, path, _LIMIT).decode("utf-8-sig")
            except UnicodeDecodeError:
                yield _stops(context, path)
            except UnreadableError:
                continue
        for path, text in texts.items():
            missing = _missing(context, site, text, texts.values())
            if missing and not _is_told(context, path):
                yield _fails(context, path, missing)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("startup", check)]


def pth_files(context: AuditContext, site: str) -> list[str]:
    """The `.pth` files of a site-packages folder; hidden ones are passed over by Python."""
    names = sorted(context.disk.names(site))
    return [f"{site}/{name}" for name in names if name.endswith(".pth") and not name.startswith(".")]


def _owner(context: AuditContext, path: str) -> Record | Distribution | None:
    found = context.foreign_paths.get(path)
    return found or next(iter(context.snapshot.record_paths.get(path_key(path), ())), None)


def _is_told(context: AuditContext, path: str) -> bool:
    """Whether the files are missing that it would import: told of its package, which then is whole again."""
    owner = _owner(context, path)
    if isinstance(owner, Distribution):
        return bool(context.missing_files(owner))
    return owner is not None and any(health.record is owner and health.missing for health in context.health)


def _stops(context: AuditContext, path: str) -> Finding:
    return make(
        "PS515",
        path,
        f"{path} is no UTF-8 text: the environment's Python does not start.",
        paths=[path],
        fixes=_ways(context, path),
        facts={"kind": "no text", "stops_python": True},
    )


def _fails(context: AuditContext, path: str, missing: Sequence[str]) -> Finding:
    return make(
        "PS515",
        path,
        f"{path} imports {listed(missing)}, which is not there: Python complains at every start.",
        severity="warning",
        paths=[path],
        fixes=_without(context, path, missing),
        facts={"kind": "import", "missing": list(missing)},
    )


def _ways(context: AuditContext, path: str) -> list[str]:
    """Deleted first: with it no pip may start."""
    prefix, owner = context.snapshot.prefix, _owner(context, path)
    if isinstance(owner, Record):
        return [fixes.conda_reinstall(prefix, owner)]
    again = [] if owner is None else fixes.whole(context.snapshot, owner)
    return [fixes.delete(prefix, [path]), *again]


def _without(context: AuditContext, path: str, missing: Sequence[str]) -> list[str]:
    """Its package, installed again, would bring the same file."""
    prefix, owner = context.snapshot.prefix, _owner(context, path)
    if owner is None:
        return [fixes.delete(prefix, [path])]
    by_conda = isinstance(owner, Record)
    remove = fixes.conda(prefix, "remove", owner.name) if by_conda else fixes.pip(prefix, "uninstall", "-y", owner.name)
    return [f"To do without {owner.name}: {remove}", f"To keep it, install what brings {listed(missing)}."]


def _missing(context: AuditContext, site: str, text: str, texts: Iterable[str]) -> list[str]:
    """Modules that the code in a `.pth` imports, and that nobody has."""
    code = [line for line in text.splitlines() if line.startswith(_CODE)]
    names = dict.fromkeys(name for line in code for name in _imported(line))
    wanted = [name for name in names if name not in sys.stdlib_module_names and name not in sys.builtin_module_names]
    folders = list(_folders(context, site, texts)) if wanted else []
    if not wanted or any(map(os.path.isfile, folders)):  # a zipped egg: nobody looks into it
        return []
    # The standard library of this environment's Python, which may be older than ours.
    library = site.rpartition("/")[0]
    known = (site, library, f"{library}/lib-dynload")
    there = {name.partition(".")[0] for folder in known for name in context.disk.names(folder)}
    there |= {name.partition(".")[0] for folder in folders for name in _names(folder)}
    for dist in context.foreign:
        if dist.editable:
            modules = checkout_modules(context.snapshot.prefix, dist, context.paths(dist))
            if not modules:  # nobody knows what its finder has
                return []
            there |= {module.partition("/")[0] for module in modules}
    return [name for name in wanted if name not in there]


def _imported(line: str) -> Iterator[str]:
    """The modules that a line imports by its own words."""
    try:
        tree = ast.parse(line.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _folders(context: AuditContext, site: str, texts: Iterable[str]) -> Iterator[str]:
    """The folders that the `.pth` files add to the search path."""
    start = os.path.join(context.snapshot.prefix, site)
    for text in texts:
        for line in text.splitlines():
            if line.strip() and not line.startswith(("#", *_CODE)) and "\0" not in line:
                yield os.path.join(start, line.strip())


def _names(folder: str) -> Sequence[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return ()
