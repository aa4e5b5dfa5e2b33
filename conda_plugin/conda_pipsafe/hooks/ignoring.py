"""Exceptions: what the setting `plugins: pipsafe_ignore` says not to warn of, ask about or refuse.

`rich` is a distribution in any environment; `env:lab` everything in the environment lab; `env:lab/rich` one
distribution there; `/path/of/environment` everything in the environment at that path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.prefix.metadata import canonical_name

if TYPE_CHECKING:
    from conda_pipsafe.forecast.outcome import Outcome
    from conda_pipsafe.prefix.dist_info import Distribution

# A distribution's name: https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_FORMS = "write rich, env:lab, env:lab/rich or /path/of/environment"


@dataclass(frozen=True, slots=True)
class Ignored:
    """The setting, understood.

    Attributes:
        names: Canonical names that are passed over everywhere.
        environments: Names of environments that are passed over.
        paths: Real paths of such environments.
        pairs: An environment's name and a canonical name that is passed over there.
        wrong: Entries that say none of this.
    """

    names: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()
    wrong: tuple[str, ...] = ()

    def environment(self, prefix: str, name: str | None) -> bool:
        """Whether a whole environment is passed over; `name` is None for one that is known by its path only."""
        return name in self.environments or _real(prefix) in self.paths

    def covers(self, prefix: str, name: str | None, key: str) -> bool:
        """Whether a distribution, by its canonical name, is passed over in an environment."""
        return key in self.names or (name or "", key) in self.pairs or self.environment(prefix, name)


def parse(entries: Iterable[object]) -> Ignored:
    """Understand the setting's entries; never raises."""
    names, environments, paths = set[str](), set[str](), set[str]()
    pairs = set[tuple[str, str]]()
    wrong = []
    for entry in entries:
        text = str(entry).strip()
        environment, slash, name = text.removeprefix("env:").partition("/")
        if os.path.isabs(text) or text.startswith("~"):
            paths.add(_real(os.path.expanduser(text)))
        elif text.startswith("env:") and environment and not slash:
            environments.add(environment)
        elif text.startswith("env:") and environment and _NAME.fullmatch(name):
            pairs.add((environment, canonical_name(name)))
        elif _NAME.fullmatch(text):
            names.add(canonical_name(text))
        else:
            wrong.append(text)
    return Ignored(frozenset(names), frozenset(environments), frozenset(paths), frozenset(pairs), tuple(wrong))


def ignored() -> Ignored:
    """The setting of the running conda."""
    return parse(engine.ignored_entries())


def passed_over(prefix: str, dists: Iterable[Distribution]) -> frozenset[str]:
    """The paths of those distributions of an environment that the setting passes over."""
    setting = ignored()
    if setting == Ignored():
        return frozenset()
    name = engine.name_of(prefix)
    return frozenset(dist.path for dist in dists if setting.covers(prefix, name, dist.key))


def wrong_entries() -> str | None:
    """A note on entries that cannot be understood; None when there are none."""
    wrong = ignored().wrong
    if not wrong:
        return None
    shown = ", ".join(repr(entry) for entry in wrong)
    return f"conda-pipsafe: plugins.pipsafe_ignore: cannot understand {shown}: {_FORMS}"


def told_of(outcome: Outcome, source: str | None = None) -> Outcome:
    """What of an outcome is to be told: without what the setting passes over.

    Args:
        outcome: What a command did.
        source: The environment that it copied: what is passed over there is so in the copy.
    """
    setting = ignored()
    if setting == Ignored():
        return outcome
    places = [(prefix, engine.name_of(prefix)) for prefix in (outcome.prefix, source) if prefix]
    if any(setting.environment(*place) for place in places):
        return type(outcome)(outcome.prefix)

    def kept(key: str) -> bool:
        return not any(setting.covers(*place, key) for place in places)

    hidden = {
        path
        for change in outcome.changes
        if not kept(canonical_name(change.dist.name))
        for path in (*change.overwritten, *change.deleted)
    }
    return replace(
        outcome,
        changes=tuple(change for change in outcome.changes if kept(canonical_name(change.dist.name))),
        replaced=tuple(item for item in outcome.replaced if kept(item.dist.key)),
        orphaned=tuple(dist for dist in outcome.orphaned if kept(dist.key)),
        doubled=tuple(dists for dists in outcome.doubled if kept(dists[0].key)),
        broken=tuple((dist, texts) for dist, texts in outcome.broken if kept(dist.key)),
        hidden=tuple((dist, modules) for dist, modules in outcome.hidden if kept(dist.key)),
        leftover=tuple((dist, paths) for dist, paths in outcome.leftover if kept(dist.key)),
        unforeseen=tuple(path for path in outcome.unforeseen if path not in hidden),
    )


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
