"""PS205: projects that are installed in place, and are not in their place any more.

What an editable install leaves in site-packages (PEP 660, setuptools "Development Mode", `easy-install`): a `.pth` with
the path of the checkout, or a finder with a table of paths; an `.egg-link` of old.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text

_LIMIT = 1024 * 1024
_MAPPING = re.compile(r"^MAPPING\s*(?::[^=\n]+)?=\s*(\{.*\})\s*$", re.MULTILINE)


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for the checkout of everything that is installed in place."""
    for dist in context.foreign:
        places = places_of(context, dist)
        gone = [place for place in places if not _is_there(place)]
        if gone:
            yield _finding(context, dist, gone)


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
