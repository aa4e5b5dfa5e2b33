"""The `pip:` section of an environment file: conda runs `pip install -U` with it, after its own transaction.

What stands there and comes from conda too is replaced by the newest version that pip finds, in the same command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.engines.conda_files import PipSection, pip_sections
from conda_pipsafe.engines.pip_lines import Asked, Lines, read_lines
from conda_pipsafe.hooks.asking import confirmed
from conda_pipsafe.hooks.guard import Refusal, tell
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.render.pip_section import section_text

if TYPE_CHECKING:
    from packaging.markers import Marker

    from conda_pipsafe.forecast.transaction import Transaction
    from conda_pipsafe.prefix.snapshot import Snapshot


# A line of the section that means a package of conda's, that package's conda name, its version (empty: not known),
# and on what it depends whether pip replaces it (empty: on nothing).
Clash: TypeAlias = tuple[str, str, str, str]
NEWER, ANOTHER = "if it finds a newer one", "if it is another version"


@dataclass(frozen=True, slots=True)
class _FromConda:
    """A package that conda has, or that the file asks it for; the version is empty where that is open."""

    name: str
    version: str


def is_known_later(files: object) -> bool:
    """Whether the solver has to say first what conda brings, and takes away (`env update --prune`)."""
    return any(section.conda for section in pip_sections(files))


def warn_of_pip_sections(files: object, snapshot: Snapshot | None, transaction: Transaction | None = None) -> None:
    """Compare what pip is asked for with what conda has in the prefix and brings by the same file.

    Args:
        files: What was given as `--file`.
        snapshot: The prefix as it is; None for a new one.
        transaction: What the solver found; None where none runs before pip does.

    Raises:
        Refusal: When the mode refuses, or a person says no.
    """
    for file, clashes in clashing_lines(files, snapshot, transaction):
        mode = engine.mode()
        if mode == "block":
            raise Refusal(section_text(file, clashes, refused=True))
        tell(section_text(file, clashes))
        if mode == "prompt" and engine.may_ask() and not confirmed():
            raise Refusal("conda-pipsafe: stopped at your word; nothing was changed")


def clashing_lines(
    files: object, snapshot: Snapshot | None, transaction: Transaction | None = None
) -> list[tuple[str, list[Clash]]]:
    """The files whose `pip:` section asks pip for what conda has or brings, each with those lines.

    Args:
        files: What was given as `--file`.
        snapshot: The prefix as it is; None for a new one.
        transaction: As for `warn_of_pip_sections`.
    """
    found = ((section.file, _clashes(section, snapshot, transaction)) for section in pip_sections(files))
    return [(file, clashes) for file, clashes in found if clashes]


def _clashes(section: PipSection, snapshot: Snapshot | None, transaction: Transaction | None) -> list[Clash]:
    known, is_held = _from_conda(section, snapshot, transaction), _held(section, snapshot)
    lines = read_lines(section.file, section.requirements)
    python = transaction.python_after if transaction is not None else None
    meant = [one for one in lines.asked if one.key in known and not is_held(one.key)]
    meant = [one for one in meant if one.marker is None or _applies(one.marker, snapshot, python)]
    kept = {one.key for one in meant if _is_kept(one, known[one.key].version, lines)}
    return [
        (one.line, known[one.key].name, known[one.key].version, _condition(one, known[one.key].version))
        for one in meant
        if one.key not in kept
    ]


def _from_conda(
    section: PipSection, snapshot: Snapshot | None, transaction: Transaction | None
) -> dict[str, _FromConda]:
    """conda's packages by the canonical names of their distributions, those that come over those that are there."""
    known: dict[str, _FromConda] = {}
    link = transaction.link if transaction is not None else ()
    gone = {package.name for package in link}
    gone |= {package.name for package in (transaction.unlink if transaction is not None else ())}
    for dist in snapshot.distributions if snapshot is not None else ():
        record = snapshot.record_of(dist) if snapshot is not None else None
        if record is not None and record.name not in gone:
            known[dist.key] = _FromConda(record.name, dist.version)
    for package in link:
        known |= {key: _FromConda(package.name, version) for key, version in package.distributions.items()}
    if transaction is None:
        for name, version in section.conda.items():
            there = known.get(canonical_name(name))
            known[canonical_name(name)] = _FromConda(name, version or (there.version if there else ""))
    return known


def _held(section: PipSection, snapshot: Snapshot | None) -> Callable[[str], bool]:
    """Whether the guard has pip keep a package of conda's: pip then refuses, and says so, in place of replacing it."""
    from conda_pipsafe.installer.guard import held_by_pip

    pins = None if snapshot is None else held_by_pip(snapshot)
    if pins is None:
        return lambda _: False
    if engine.shows_transactions():  # the pins follow what this command's transaction brings
        return lambda key: not pins.leaves_out(key)
    asked = {canonical_name(name) for name in section.conda}
    return lambda key: key not in asked and key in dict(pins.pinned) and not pins.leaves_out(key)


def _applies(marker: Marker, snapshot: Snapshot | None, python: str | None) -> bool:
    from conda_pipsafe.prefix.requirements import marker_environment

    record = snapshot.record_named("python") if snapshot is not None else None
    if python is not None and (snapshot is None or snapshot.python != python):
        record = None
    return bool(marker.evaluate({**marker_environment(record, python), "extra": ""}))


def _is_kept(one: Asked, version: str, lines: Lines) -> bool:
    """Whether `-U` finds nothing to do: what is asked for is pinned to the very version that conda has."""
    from packaging.version import InvalidVersion, Version

    try:
        has = Version(version)
        if one.version is not None:
            return not one.anew and Version(one.version) == has
    except InvalidVersion:
        return False
    limits = [limit for limit in (one.specifier, lines.limits.get(one.key)) if limit is not None]
    pins = [
        pin for limit in limits for pin in limit if pin.operator in {"==", "==="} and not pin.version.endswith(".*")
    ]
    allowed = all(limit.contains(has, prereleases=True) for limit in limits)
    return one.specifier is not None and bool(pins) and allowed


def _condition(one: Asked, version: str) -> str:
    """On what it depends whether pip replaces conda's: nothing where that is not what the line asks for."""
    from packaging.version import InvalidVersion, Version

    if one.specifier is None:
        return "" if one.anew or one.version is not None else ANOTHER
    if not version or not one.specifier:
        return NEWER
    try:
        return NEWER if one.specifier.contains(Version(version), prereleases=True) else ""
    except InvalidVersion:  # conda's `1.1.1w`, or `1.*` of a file
        return ""
