"""Requires-Dist of every distribution, evaluated for the environment's Python, never for ours.

Formats: dependency specifiers (PEP 508), version specifiers (PEP 440); both by `packaging`, each text parsed once.
"""

from __future__ import annotations

import platform
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy

_REQUIREMENT = lazy(
    r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"  # name
    r"(?:\[([^\]]*)\])?\s*"  # extras
    r"(?:\(([^()]*)\)|(@[^;]*?(?=\s;|\s*$))|([^;(@]*))\s*"  # version, address, version
    r"(?:;(.*))?$"  # marker
)
_ONLY_EXTRA = lazy(r"""^\s*\(?\s*extra\s*==\s*["']([^"']*)["']\s*\)?\s*$""")
_AND_EXTRA = lazy(r"""\band\s+\(?extra\s*==\s*["']([^"']*)["']\s*\)?\s*$""")
# conda's platform names: os_name, sys_platform, platform_system.
_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "osx": ("posix", "darwin", "Darwin"),
    "win": ("nt", "win32", "Windows"),
}
_MACHINES = {"64": "x86_64", "32": "i686"}


@dataclass(frozen=True, slots=True)
class Unmet:
    """One requirement that is not met.

    Attributes:
        dist: Who has it; for an extra's requirement who asked for the extra.
        text: Name and version specifier, as a person writes it.
        key: Canonical name of what is needed.
        specifier: The version specifier; empty for any version.
        found: What is there under that name, in other versions.
    """

    dist: Distribution
    text: str
    key: str
    specifier: str
    found: tuple[Distribution, ...]


@dataclass(slots=True)
class Evaluation:
    """All requirements that are not met, and those that were not understood."""

    unmet: list[Unmet] = field(default_factory=list)
    skipped: list[tuple[Distribution, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Installed:
    """What is installed, or would be.

    Attributes:
        distributions: Those that the environment's Python imports; the first of several answers for an extra.
        conda: Version by the canonical form of each conda package's name: some have no Python metadata.
        environment: What markers see, as `marker_environment` makes it.
        askers: Those whose requirements are asked about; all when None.
        absent: Canonical names that meet nothing, as if they were not installed: what is asked of them is told.
    """

    distributions: Sequence[Distribution]
    conda: Mapping[str, str]
    environment: Mapping[str, str]
    askers: Sequence[Distribution] | None = None
    absent: frozenset[str] = frozenset()


def evaluate(installed: Installed) -> Evaluation:
    """Evaluate what every distribution requires, extras that are asked for included."""
    return _Evaluator(installed).run()


class _Evaluator:
    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._by_key: dict[str, list[Distribution]] = {}
        for dist in installed.distributions:
            self._by_key.setdefault(dist.key, []).append(dist)
        self._markers = _MarkerCache(installed.environment)
        self._queue: deque[tuple[Distribution, str, Distribution]] = deque(
            (dist, "", dist) for dist in (installed.distributions if installed.askers is None else installed.askers)
        )
        self._asked: set[tuple[str, str]] = set()
        self._result = Evaluation()

    def run(self) -> Evaluation:
        while self._queue:
            dist, extra, asker = self._queue.popleft()
            for text in dist.requires_dist:
                if _may_apply(text, extra):
                    try:
                        self._one(dist, extra, asker, text)
                    except (
                        InvalidMarker, InvalidSpecifier, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName,
                    ):  # fmt: skip
                        self._result.skipped.append((dist, text))
        return self._result

    def _one(self, dist: Distribution, extra: str, asker: Distribution, text: str) -> None:
        match = _REQUIREMENT.match(text)
        if match is None:
            self._result.skipped.append((dist, text))
            return
        name, extras, in_brackets, address, plain, marker = match.groups()
        if marker and not self._markers.holds(marker.strip(), extra):
            return
        specifier = "" if address else (in_brackets or plain or "").strip()
        key = canonical_name(name)
        there = tuple(self._by_key.get(key, ()))
        for wanted in (canonical_name(item.strip()) for item in (extras or "").split(",") if item.strip()):
            self._ask(key, wanted, asker)
        if key not in self._installed.absent and self._is_met(key, specifier, there):
            return
        told = f"{name}{specifier}" if not extra else f"{name}{specifier} (for {dist.name}[{extra}])"
        self._result.unmet.append(Unmet(asker, told, key, specifier, there))

    def _ask(self, key: str, extra: str, asker: Distribution) -> None:
        if (key, extra) not in self._asked:
            self._asked.add((key, extra))
            self._queue.extend((dist, extra, asker) for dist in self._by_key.get(key, ()))

    def _is_met(self, key: str, specifier: str, there: Sequence[Distribution]) -> bool:
        if any(satisfies(specifier, found.version) for found in there):
            return True
        return not there and self._conda_provides(key, specifier)

    def _conda_provides(self, key: str, specifier: str) -> bool:
        """Whether a conda package without any Python metadata of that name meets the requirement."""
        version = self._installed.conda.get(key)
        return version is not None and satisfies(specifier, version)


def _may_apply(text: str, extra: str) -> bool:
    """A quick look that spares most markers of optional requirements from being parsed."""
    _, semicolon, marker = text.partition(";")
    if not semicolon or "extra" not in marker:
        return not extra
    if " or " in marker:
        return True
    found = _ONLY_EXTRA.match(marker) or _AND_EXTRA.search(marker)
    return found is None or (bool(extra) and canonical_name(found.group(1)) == extra)


@lru_cache(maxsize=8192)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)


@lru_cache(maxsize=8192)
def satisfies(specifier: str, version: str) -> bool:
    """Whether a version meets a specifier, pre-releases allowed as for anything that is installed already.

    Raises:
        InvalidSpecifier: When the specifier is not one.
        InvalidVersion: When the version is not one.
    """
    return not specifier or _specifiers(specifier).contains(Version(version), prereleases=True)


class _MarkerCache:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._known: dict[tuple[str, str], bool] = {}

    def holds(self, text: str, extra: str) -> bool:
        known = self._known.get((text, extra))
        if known is None:
            known = Marker(text).evaluate({**self._environment, "extra": extra})
            self._known[text, extra] = known
        return known


def marker_environment(record: Record | None, site: str | None) -> dict[str, str]:
    """What markers see in an environment: its Python and platform.

    Args:
        record: The python record, if conda has one.
        site: The Python (`3.12`) of its site-packages folder, for environments without that record.
    """
    ours = ".".join(map(str, sys.version_info[:3]))
    full = record.version if record else (f"{site.rstrip('t')}.0" if site else ours)
    system, _, machine = (record.subdir if record else "").partition("-")
    environment = {
        "python_version": ".".join(full.split(".")[:2]),
        "python_full_version": full,
        "implementation_version": full,
        "implementation_name": "pypy" if record and "pypy" in record.build else "cpython",
        "platform_python_implementation": "PyPy" if record and "pypy" in record.build else "CPython",
    }
    if system in _SYSTEMS:
        os_name, sys_platform, platform_system = _SYSTEMS[system]
        environment |= {"os_name": os_name, "sys_platform": sys_platform, "platform_system": platform_system}
        known = _MACHINES.get(machine, machine)
        environment["platform_machine"] = (
            {"x86_64": "AMD64", "i686": "x86"}.get(known, known) if os_name == "nt" else known
        )
        if sys_platform != sys.platform:  # another machine's environment: its kernel is not known
            environment |= {"platform_release": "", "platform_version": ""}
    else:
        environment["platform_machine"] = platform.machine()
    return environment
