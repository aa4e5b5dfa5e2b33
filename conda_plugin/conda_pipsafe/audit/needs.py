"""What pip's packages need of what a way out takes away: told before it is followed, not by the next audit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion, Version

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.requirements import Installed, Unmet, evaluate, satisfies

if TYPE_CHECKING:
    from conda_pipsafe.audit.context import AuditContext

_NAMED = 3


class Needed(NamedTuple):
    """Requirements that are met now, and not any more when a way out has been followed.

    Attributes:
        held: Whether conda's own packages do not allow such a version.
    """

    unmet: tuple[Unmet, ...] = ()
    held: bool = False

    def __bool__(self) -> bool:
        return bool(self.unmet)

    @property
    def who(self) -> str:
        """Who has them, as a sentence names them."""
        names = list(dict.fromkeys(f"{each.dist.name} {each.dist.version}" for each in self.unmet))
        return f"{installer(self.unmet[0].dist)}'s {listed(names, _NAMED)} need{'s' if len(names) == 1 else ''}"

    def told(self, version: str) -> str:
        """The end of a message about a package of which conda's version comes back."""
        tail = ", which other conda packages do not allow" if self.held else ": the last step asks conda for one"
        return f"; {self.who} another version than {version}{tail}" if self else ""

    def way(self, prefix: str, name: str) -> tuple[str, ...]:
        """The step that asks conda for a version that everybody can use."""
        return (fixes.conda(prefix, "install", f"{name}{self.specifier}"),) if self and not self.held else ()

    @property
    def specifier(self) -> str:
        """The versions that everybody can use."""
        return combined(each.specifier for each in self.unmet)

    def facts(self) -> list[dict[str, str]]:
        """For `--json`."""
        return [{"name": each.dist.name, "version": each.dist.version, "needs": each.text} for each in self.unmet]


def needs_of(context: AuditContext) -> Mapping[str, tuple[Unmet, ...]]:
    """What other installers' distributions require of what is installed, met or not, by canonical name.

    Not those that stand in the place of conda's, or beside it: the way out takes them away.
    """
    told = (dists for health in context.health for dists in ((*health.replaced.values(),), *health.beside.values()))
    going = {dist.path for dists in told for dist in dists}
    stay = [dist for dist in context.foreign if dist.path not in going]
    by_name = {key: record.version for key, record in context.record_by_key.items()}
    found: dict[str, list[Unmet]] = defaultdict(list)
    asked = Installed(context.current, by_name, context.marker_environment, stay, frozenset(context.by_key))
    for each in evaluate(asked).unmet:
        found[each.key].append(each)
    return {key: tuple(each) for key, each in found.items()}


def broken_by(
    needs: Mapping[str, tuple[Unmet, ...]], back: Mapping[str, str | None], going: Iterable[str] = ()
) -> Needed:
    """Which requirements a way out breaks.

    Args:
        needs: As `needs_of` gives them.
        back: By canonical name the version that will be there; None where none will be.
        going: Paths of distributions that go, too: they need nothing.
    """
    gone = frozenset(going)
    return Needed(
        tuple(
            each
            for key, version in back.items()
            for each in needs.get(key, ())
            if each.dist.path not in gone
            and any(_meets(each, dist.version) for dist in each.found)
            and not (version is not None and _meets(each, version))
        )
    )


def _meets(unmet: Unmet, version: str) -> bool:
    try:
        return satisfies(unmet.specifier, version)
    except (InvalidSpecifier, InvalidVersion):
        return True  # nothing is claimed about it


def combined(specifiers: Iterable[str]) -> str:
    """One specifier that says what several do; of lower bounds the highest, of upper ones the lowest."""
    parts = dict.fromkeys(part.replace(" ", "") for text in specifiers for part in text.split(",") if part.strip())
    kept = list(parts)
    for operator, best in ((">=", max), ("<", min)):
        bounds = {Version(part.lstrip("<>=")): part for part in kept if part.rstrip("0123456789.") == operator}
        if bounds:
            choice = bounds[best(bounds)]
            kept = [part for part in kept if part == choice or part not in bounds.values()]
    return ",".join(sorted(kept, reverse=True))
