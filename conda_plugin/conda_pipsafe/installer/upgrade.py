"""What an upgrade of pip's distributions asks pip for: pure, from a snapshot.

pip honours the requirements of what takes part in its resolution, and of nothing else. So what the others require, be
they conda's, editable or simply not named, is given to it as constraints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A distribution of pip's that is not upgraded, and why."""

    name: str
    version: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """What another distribution allows: a line for pip's constraints, and who says it (`foo 1.0`)."""

    line: str
    by: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What pip is to be asked for.

    Attributes:
        names: Requirements, the user's own words where there are any.
        held: What they must go with.
    """

    names: tuple[str, ...]
    held: tuple[Held, ...]
    left_out: tuple[LeftOut, ...] = ()


def upgrade_all(
    snapshot: Snapshot, requested: Mapping[str, bool | None], extras: Mapping[str, Sequence[str]]
) -> Upgrade:
    """All of pip's distributions that come from an index.

    Only those are named that were asked for, or that nothing named needs: pip marks as asked for what it is named.
    The others are reached with `--upgrade-strategy eager`.

    Args:
        snapshot: The environment.
        requested: Whether each was asked for, as far as known, by its path.
        extras: What it was asked for with, by its path.
    """
    graph = _Graph(snapshot, extras)
    mine = sorted({dist.key for dist in graph.there if _left_out(dist, snapshot) is None})
    asked = {dist.key for dist in graph.there if requested.get(dist.path, dist.requested)}
    roots: list[str] = []
    reached: set[str] = set()
    # What was asked for first, then what nothing of this needs, then what is in a circle.
    needed = {key for one in mine for key in graph.reached([one]) if key != one}
    for key in sorted(mine, key=lambda key: (key not in asked, key in needed)):
        if key in asked or key not in reached:
            roots.append(key)
            reached |= graph.reached([key])
    left_out = [
        LeftOut(dist.name, dist.version, why)
        for dist in graph.there
        if (why := _left_out(dist, snapshot)) and snapshot.owner_of(dist) == "pip"
    ]
    names = tuple(graph.named(key) for key in sorted(roots))
    return Upgrade(names, graph.held(reached), tuple(left_out))


def upgrade_named(snapshot: Snapshot, words: Mapping[str, str], extras: Mapping[str, Sequence[str]]) -> Upgrade:
    """Some of pip's distributions.

    Args:
        snapshot: The environment.
        words: The requirement as it was typed, by canonical name.
        extras: As for `upgrade_all`.
    """
    graph = _Graph(snapshot, extras)
    left_out, names = [], []
    for key, word in words.items():
        dists = [dist for dist in graph.there if dist.key == key]
        whys = [
            (dist, why) for dist in dists if (why := _left_out(dist, snapshot)) and snapshot.owner_of(dist) == "pip"
        ]
        left_out += [LeftOut(dist.name, dist.version, why) for dist, why in whys]
        if not whys:
            names.append(graph.named(key) if word == key or canonical_name(word) == key else word)
    kept = [key for key in words if not any(canonical_name(one.name) == key for one in left_out)]
    return Upgrade(tuple(names), graph.held(graph.reached(kept)), tuple(left_out))


def _left_out(dist: Distribution, snapshot: Snapshot) -> str | None:
    """Why a distribution is not upgraded from an index; None when it is."""
    if snapshot.owner_of(dist) != "pip":
        return "conda's"
    if dist.editable:
        return f"editable, from {dist.direct_url.url}" if dist.direct_url else "editable"
    if dist.direct_url is not None:
        return f"from {dist.direct_url.url}, not from an index"
    return None if dist.has_metadata else "without metadata"


class _Graph:
    """Who requires what, markers and extras included."""

    def __init__(self, snapshot: Snapshot, extras: Mapping[str, Sequence[str]]) -> None:
        from conda_pipsafe.prefix.requirements import marker_environment

        self.there = [dist for dist in snapshot.distributions if dist.site.current]
        self._versions = {dist.key: dist.version for dist in self.there}
        site = next((site for site in snapshot.sites if site.current), None)
        environment = marker_environment(snapshot.record_named("python"), site.python if site else None)
        self._extras = {dist.key: tuple(extras.get(dist.path, ())) for dist in self.there}
        self._needs = {dist.key: list(_applying(dist, environment, self._extras[dist.key])) for dist in self.there}
        self._names = {dist.key: dist.name for dist in self.there}

    def named(self, key: str) -> str:
        """The requirement that asks for a distribution as it was asked for."""
        extras = self._extras.get(key, ())
        return f"{self._names.get(key, key)}[{','.join(extras)}]" if extras else self._names.get(key, key)

    def reached(self, keys: Iterable[str]) -> set[str]:
        """These, and all that they need, directly or not."""
        found: set[str] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += [canonical_name(one.name) for one in self._needs.get(key, ())]
        return found

    def held(self, taking_part: Collection[str]) -> tuple[Held, ...]:
        """What those that take no part in an upgrade require of what does, where that is met now."""
        from conda_pipsafe.prefix.requirements import satisfies

        found: list[Held] = []
        for dist in self.there:
            if dist.key in taking_part:
                continue
            for one in self._needs[dist.key]:
                key, versions = canonical_name(one.name), str(one.specifier)
                has = self._versions.get(key)
                if versions and has and key in taking_part and satisfies(versions, has):
                    found.append(Held(f"{key}{versions}", f"{dist.name} {dist.version}"))
        return tuple(dict.fromkeys(found))


def _applying(dist: Distribution, environment: Mapping[str, str], extras: Sequence[str]) -> Iterable[Requirement]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in dist.requires_dist:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        if one.marker is None or any(one.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)):
            yield one
