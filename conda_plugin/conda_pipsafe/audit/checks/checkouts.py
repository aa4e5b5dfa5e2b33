"""PS203, PS205: projects that are installed in place and hidden by a conda package, or not in their place any more.

What an editable install leaves in site-packages (PEP 660, setuptools "Development Mode", `easy-install`): a `.pth` with
the path of the checkout, or a finder with a table of paths; an `.egg-link` of old.
"""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.editables import checkout_modules
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key

_LIMIT = 1024 * 1024
_MAPPING = re.compile(r"^MAPPING\s*(?::[^=\n]+)?=\s*(\{.*\})\s*$", re.MULTILINE)


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for the checkout of everything that is installed in place."""
    for dist in context.foreign:
        places = places_of(context, dist)
        gone = [place for place in places if not _is_there(place)]
        if gone:
            yield _finding(context, dist, gone)
        elif places:
            yield from _hidden(context, dist)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("checkouts", check)]


def places_of(context: AuditContext, dist: Distribution) -> tuple[str, ...]:
    """Absolute paths of the modules and folders that an editable distribution is imported from, and of its checkout."""
    if not dist.editable:
        return ()
    prefix = context.snapshot.prefix
    found: list[str] = []
    if dist.kind == "egg-link":
        found += _paths_in(_text(prefix, dist.path))[:1]
    elif dist.direct_url is not None and dist.direct_url.url.startswith("file:"):
        found.append(_local(dist.direct_url.url))
    for path in context.paths(dist):
        if path.rpartition("/")[0] != dist.site.path:
            continue
        if path.endswith(".pth"):
            found += _paths_in(_text(prefix, path))
        elif path.endswith("_finder.py"):
            found += _mapped(_text(prefix, path))
    return tuple(dict.fromkeys(found))


def watched(context: AuditContext, dist: Distribution) -> Iterator[str]:
    """What the answer depends on: the files that name the places, and the places themselves."""
    places = places_of(context, dist)
    if places:
        yield from (path for path in context.paths(dist) if path.endswith((".pth", "_finder.py")))
        for place in places:
            yield from (place, f"{place}.py")


def _is_there(place: str) -> bool:
    # A finder names a module without its ending. What may not be looked at is not claimed to be gone.
    return any(os.path.lexists(place + end) for end in ("", ".py")) or not _is_known(os.path.dirname(place))


def _is_known(folder: str) -> bool:
    """Whether it can be said what is in a folder: it may be looked at, or is not there."""
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.access(folder, os.X_OK)


def _local(url: str) -> str:
    path = unquote(urlsplit(url).path)
    # file:///C:/work
    return path[1:] if os.name == "nt" and re.match(r"/[A-Za-z]:", path) else path


def _text(prefix: str, path: str) -> str:
    try:
        return read_text(prefix, path, _LIMIT)
    except UnreadableError:
        return ""


def _paths_in(text: str) -> list[str]:
    """The absolute paths among the lines of a `.pth` or `.egg-link`; others are code, or relative to it."""
    return [line.strip() for line in text.splitlines() if os.path.isabs(line.strip()) and "\0" not in line]


def _mapped(text: str) -> list[str]:
    """The paths in the table of setuptools' finder."""
    table = _MAPPING.search(text)
    try:
        value = ast.literal_eval(table.group(1)) if table else {}
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    paths = value.values() if isinstance(value, dict) else ()
    return [path for path in paths if isinstance(path, str) and os.path.isabs(path) and "\0" not in path]


def _hidden(context: AuditContext, dist: Distribution) -> Iterator[Finding]:
    """The conda packages of another name that have its modules: what is in site-packages is found first."""
    if any(dist.key in health.beside for health in context.health):
        return  # of its own name: told as two distributions
    hiding: dict[str, list[str]] = defaultdict(list)
    records: dict[str, Record] = {}
    for module in sorted(_meant(context, dist)):
        start = f"{dist.site.path}/{module}"
        for path in (f"{start}/__init__.py", f"{start}.py", *_compiled(context, start)):
            for record in context.snapshot.record_paths.get(path_key(path), ()):
                if context.disk.exists(path):
                    records[record.meta_path] = record
                    hiding[record.meta_path].append(path)
    for meta_path, paths in hiding.items():
        yield _hides(context, dist, records[meta_path], paths)


def _compiled(context: AuditContext, start: str) -> Iterator[str]:
    folder, _, name = start.rpartition("/")
    for entry in sorted(context.disk.names(folder)):
        if entry.startswith(f"{name}.") and entry.endswith((".so", ".pyd")):
            yield f"{folder}/{entry}"


def _meant(context: AuditContext, dist: Distribution) -> frozenset[str]:
    """The modules of the checkout that are the project, not what else lies in its folder."""
    modules = checkout_modules(context.snapshot.prefix, dist, context.paths(dist))
    declared = frozenset(_text(context.snapshot.prefix, f"{dist.path}/top_level.txt").split())
    if not declared and _has_root(context, dist):
        declared = frozenset(name for name in _tops(modules) if canonical_name(name) == dist.key)
    declared = declared or _tops(modules)
    return frozenset(module for module in modules if module.partition("/")[0] in declared)


def _has_root(context: AuditContext, dist: Distribution) -> bool:
    """Whether what is imported lies in the project's own folder, beside all else, and not in its `src`."""
    texts = (_text(context.snapshot.prefix, path) for path in context.paths(dist) if path.endswith(".pth"))
    folders = [folder for text in texts for folder in _paths_in(text)]
    folders += places_of(context, dist)[:1] if dist.kind == "egg-link" else []
    marks = ("pyproject.toml", "setup.py", "setup.cfg")
    return any(os.path.lexists(os.path.join(folder, mark)) for folder in folders for mark in marks)


def _tops(modules: Iterable[str]) -> frozenset[str]:
    return frozenset(module.partition("/")[0] for module in modules)


def _hides(context: AuditContext, dist: Distribution, record: Record, paths: list[str]) -> Finding:
    prefix = context.snapshot.prefix
    where = dist.direct_url.url if dist.direct_url else "a checkout"
    return make(
        "PS203",
        record.name,
        f"conda's {record.name} {record.version} hides {dist.name}, which is installed in place ({where}).",
        paths=[*paths, dist.path],
        fixes=[
            f"To keep the checkout: {fixes.conda(prefix, 'remove', '--force', record.name)}",
            f"To keep conda's: {fixes.pip(prefix, 'uninstall', '-y', dist.name)}",
        ],
        facts={
            "conda": {
                "name": record.name, "version": record.version, "build": record.build, "record": record.meta_path,
            },
            "there": [{"name": dist.name, "version": dist.version, "installer": dist.installer}],
            "hidden": paths,
        },
    )  # fmt: skip


def _finding(context: AuditContext, dist: Distribution, gone: list[str]) -> Finding:
    prefix = context.snapshot.prefix
    return make(
        "PS205",
        dist.name,
        f"{installer(dist)}'s {dist.name} is installed in place from {listed(gone, 3)}, "
        f"which {'is' if len(gone) == 1 else 'are'} not there.",
        paths=[dist.path],
        fixes=[
            f"To be rid of it: {fixes.pip(prefix, 'uninstall', '-y', dist.name)}",
            "To keep it: put the checkout back there, or install it again from where it is now with `pip install -e`.",
        ],
        facts={"name": dist.name, "version": dist.version, "gone": gone},
    )
