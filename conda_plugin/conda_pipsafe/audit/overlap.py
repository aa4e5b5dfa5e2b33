"""Paths that several distributions have, none of them conda's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import scripts_dir

# What many projects ship by mistake, and nobody imports.
_NOT_MEANT = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "scripts", "tools"}
)


def is_bytecode(path: str) -> bool:
    """Whether a path is compiled Python: it comes and goes without harm."""
    return path.endswith((".pyc", ".pyo")) or "__pycache__/" in path


def grouped(dists: Iterable[Distribution]) -> Mapping[str, tuple[Distribution, ...]]:
    """Distributions by canonical name."""
    found: dict[str, list[Distribution]] = defaultdict(list)
    for dist in dists:
        found[dist.key].append(dist)
    return {key: tuple(group) for key, group in found.items()}


def is_meant(path: str, site: str) -> bool:
    """Whether a project means a path to be its own: no `tests/` in site-packages, and no script.

    Args:
        path: Prefix-relative.
        site: The site-packages folder, prefix-relative.
    """
    inside = path.removeprefix(f"{site}/")
    return inside.partition("/")[0] not in _NOT_MEANT and not path.startswith(f"{scripts_dir()}/")


def overlapping_paths(
    dists: Iterable[Distribution],
    paths_of: Callable[[Distribution], Iterable[str]],
    hashes_of: Callable[[Distribution], Iterable[tuple[str, str]]],
    real: Callable[[str], str] | None = None,
) -> Mapping[str, tuple[str, ...]]:
    """Paths that several distributions have with different hashes, and those distributions' paths.

    Args:
        dists: The distributions.
        paths_of: The paths that one has.
        hashes_of: Those with a hash, and that.
        real: Where a path's file is, when links among the folders give it several names.
    """
    seen: set[str] = set()
    shared: set[str] = set()
    having: list[tuple[Distribution, set[str]]] = []
    for dist in dists:
        paths = set(map(real, paths_of(dist)) if real else paths_of(dist))
        shared |= seen & paths
        seen |= paths
        having.append((dist, paths))
    wanted = frozenset(path for path in shared if not is_bytecode(path))
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for dist, paths in having if wanted else ():
        if not wanted.isdisjoint(paths):
            for named, written in hashes_of(dist):
                path = real(named) if real else named
                if path in wanted:
                    found[path].append((dist.path, written))
    return {
        path: tuple(dist for dist, _ in owners)
        for path, owners in found.items()
        if len({written for _, written in owners}) > 1
    }
