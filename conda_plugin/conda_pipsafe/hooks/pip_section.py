"""The `pip:` section of an environment file: conda runs `pip install -U` with it, after its own transaction.

What stands there and comes from conda too is replaced by the newest version that pip finds, in the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.engines.conda_files import PipSection, pip_sections
from conda_pipsafe.hooks.asking import confirmed
from conda_pipsafe.hooks.guard import Refusal, tell
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.render.pip_section import section_text

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from conda_pipsafe.prefix.snapshot import Snapshot


# A line of the section that means a package of conda's, that package's conda name, its version (empty: not known).
Clash: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _FromConda:
    """A package that conda has, or that the file asks it for; the version is empty where that is open."""

    name: str
    version: str


def is_known_later(command: str, options: Any) -> bool:  # noqa: ANN401 - argparse's namespace
    """Whether the solver has to say first which packages of conda's stay: `env update --prune` takes some away."""
    files = getattr(options, "file", None)
    prunes = command == "env_update" and bool(getattr(options, "prune", False))
    return prunes and any(section.conda for section in pip_sections(files))


def warn_of_pip_sections(files: object, snapshot: Snapshot | None, gone: Container[str] = ()) -> None:
    """Compare what pip is asked for with what conda has in the prefix and brings by the same file.

    Args:
        files: What was given as `--file`.
        snapshot: The prefix as it is; None for a new one.
        gone: The names of conda's packages that go before pip runs.

    Raises:
        Refusal: When the mode refuses, or a person says no.
    """
    for file, clashes in clashing_lines(files, snapshot, gone):
        mode = engine.mode()
        if mode == "block":
            raise Refusal(section_text(file, clashes, refused=True))
        tell(section_text(file, clashes))
        if mode == "prompt" and engine.may_ask() and not confirmed():
            raise Refusal("conda-pipsafe: stopped at your word; nothing was changed")


def clashing_lines(
    files: object, snapshot: Snapshot | None, gone: Container[str] = ()
) -> list[tuple[str, list[Clash]]]:
    """The files whose `pip:` section asks pip for what conda has or brings, each with those lines.

    Args:
        files: What was given as `--file`.
        snapshot: The prefix as it is; None for a new one.
        gone: As for `warn_of_pip_sections`.
    """
    found = ((section.file, _clashes(section, snapshot, gone)) for section in pip_sections(files))
    return [(file, clashes) for file, clashes in found if clashes]


def _clashes(section: PipSection, snapshot: Snapshot | None, gone: Container[str]) -> list[Clash]:
    # Costs 17 ms to import, and few files have such a section.
    from packaging.requirements import InvalidRequirement, Requirement

    known, is_held = _from_conda(section, snapshot, gone), _held(section, snapshot)
    found: list[Clash] = []
    for line in section.requirements:
        try:
            requirement = Requirement(line.split(" #")[0].strip())
        except InvalidRequirement:
            # An option, a path, an address: what it installs is known to pip only.
            continue
        key = canonical_name(requirement.name)
        package = known.get(key)
        if package is None or is_held(key):
            continue
        if not _applies(requirement, snapshot) or _is_kept(requirement, package.version):
            continue
        found.append((line, package.name, package.version))
    return found


def _from_conda(section: PipSection, snapshot: Snapshot | None, gone: Container[str]) -> dict[str, _FromConda]:
    """conda's packages by the canonical names of their distributions, the file's over those that are there."""
    known: dict[str, _FromConda] = {}
    names: dict[str, list[str]] = {}
    for dist in snapshot.distributions if snapshot is not None else ():
        record = snapshot.record_of(dist) if snapshot is not None else None
        if record is not None and record.name not in gone:
            known[dist.key] = _FromConda(record.name, dist.version)
            names.setdefault(record.name, []).append(dist.key)
    for name, version in section.conda.items():
        for key in names.get(name) or [canonical_name(name)]:
            there = known[key].version if key in known else ""
            known[key] = _FromConda(name, version or there)
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


def _applies(requirement: Requirement, snapshot: Snapshot | None) -> bool:
    from conda_pipsafe.prefix.requirements import marker_environment

    if requirement.marker is None:
        return True
    record = snapshot.record_named("python") if snapshot is not None else None
    return bool(requirement.marker.evaluate({**marker_environment(record, None), "extra": ""}))


def _is_kept(requirement: Requirement, version: str) -> bool:
    """Whether `-U` finds nothing to do: the line pins the very version that conda has."""
    from packaging.version import InvalidVersion, Version

    pins = [pin for pin in requirement.specifier if pin.operator in {"==", "==="} and not pin.version.endswith(".*")]
    try:
        return bool(version and pins and requirement.specifier.contains(Version(version), prereleases=True))
    except InvalidVersion:
        return False
