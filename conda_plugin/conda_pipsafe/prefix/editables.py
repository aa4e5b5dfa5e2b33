"""What an editable checkout offers to import, as far as its files in site-packages tell.

Forms: a `.pth` with the checkout's folder (setuptools, flit, hatchling, poetry, `setup.py develop`), an `.egg-link`,
and setuptools' finder, a module with a `MAPPING` of names to places. What is in site-packages is found before any of
these.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_text
from conda_pipsafe.prefix.patterns import lazy

_MAPPING = lazy(r"^MAPPING\b[^=\n]*=\s*(\{.*\})\s*$", re.MULTILINE)
_EXTENSIONS = (".so", ".pyd")
_DEPTH = 3  # folders without `__init__.py`, of namespaces
# What lies beside a package in a checkout's root and is not meant to be imported.
_BESIDE = frozenset({
    "benchmarks", "build", "conftest", "dist", "doc", "docs", "examples", "noxfile", "scripts", "setup", "tasks",
    "test", "tests", "tools", "versioneer",
})  # fmt: skip


def checkout_modules(prefix: str, dist: Distribution, paths: Iterable[str]) -> frozenset[str]:
    """The modules and packages of an editable checkout, as `name` or `namespace/name`.

    Args:
        prefix: Absolute path of the environment.
        dist: The editable distribution.
        paths: What its list names, prefix-relative.

    Returns:
        Empty when nothing tells.
    """
    found: set[str] = set()
    site = os.path.join(prefix, dist.site.path)
    for path in [dist.path] if dist.kind == "egg-link" else sorted(paths):
        try:
            if path.endswith((".pth", ".egg-link")):
                for folder in _folders(read_text(prefix, path), site):
                    found |= set(_modules(folder, "", _DEPTH))
            elif path.endswith("_finder.py") and "/__editable__" in path:
                found |= _mapped(read_text(prefix, path))
        except (UnreadableError, OSError):
            continue
    return frozenset(found)


def offered_modules(written: Mapping[str, Sequence[str]], site: str) -> dict[str, str]:
    """The modules that a transaction puts into a site-packages folder, with the package that brings each."""
    start, found = f"{site}/", {}
    for path, labels in written.items():
        module = _module_of(path[len(start) :]) if path.startswith(start) else None
        if module is not None:
            found[module] = labels[-1]
    return found


def _module_of(path: str) -> str | None:
    if path.endswith("/__init__.py"):
        return path.removesuffix("/__init__.py")
    if path.endswith(".py"):
        return path.removesuffix(".py")
    if not path.endswith(_EXTENSIONS):
        return None
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}".removesuffix("/__init__")


def _folders(text: str, site: str) -> Iterator[str]:
    for raw in text.splitlines():
        line = raw.strip()
        folder = os.path.normpath(os.path.join(site, line))
        # A line of an egg-link that says where setup.py is, and what is there already, offer nothing new.
        if line and not line.startswith(("#", "import ", "import\t", ".")) and folder != os.path.normpath(site):
            yield folder


def _modules(folder: str, within: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = entry.name.partition(".")[0]
        if not name.isidentifier() or name in _BESIDE or name == "__pycache__":
            continue
        if entry.is_dir():
            if any(os.path.isfile(os.path.join(entry.path, f"__init__.{kind}")) for kind in ("py", "so")):
                yield f"{within}{entry.name}"
            elif depth and "." not in entry.name:
                yield from _modules(entry.path, f"{within}{entry.name}/", depth - 1)
        elif entry.name == f"{name}.py" or entry.name.endswith(_EXTENSIONS):
            yield f"{within}{name}"


def _mapped(text: str) -> set[str]:
    match = _MAPPING.search(text)
    try:
        mapping = ast.literal_eval(match[1]) if match else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return set()
    return {name.replace(".", "/") for name in mapping if isinstance(name, str)}
