"""Paths that several distributions have, none of them conda's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from conda_pipsafe.prefix.dist_info import Distribution


def is_bytecode(path: str) -> bool:
    """Whether a path is compiled Python: it comes and goes without harm."""
    return path.endswith((".pyc", ".pyo")) or "__pycache__/" in path


def overlapping_paths(
    dists: Iterable[Distribution],
    paths_of: Callable[[Distribution], Iterable[str]],
    hashes_of: Callable[[Distribution], Iterable[tuple[str, str]]],
) -> Mapping[str, tuple[str, ...]]:
    """Paths that several distributions have with different hashes, and those distributions' paths."""
    seen: set[str] = set()
    shared: set[str] = set()
    having: list[tuple[Distribution, set[str]]] = []
    for dist in dists:
        paths = set(paths_of(dist))
        shared |= seen & paths
        seen |= paths
        having.append((dist, paths))
    wanted = frozenset(path for path in shared if not is_bytecode(path))
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for dist, paths in having if wanted else ():
        if not wanted.isdisjoint(paths):
            for path, written in hashes_of(dist):
                if path in wanted:
                    found[path].append((dist.path, written))
    return {
        path: tuple(dist for dist, _ in owners)
        for path, owners in found.items()
        if len({written for _, written in owners}) > 1
    }
