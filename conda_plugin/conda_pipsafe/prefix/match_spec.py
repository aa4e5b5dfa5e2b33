"""The part of conda's MatchSpec that `depends` and `constrains` use: name, version, build; anything else is refused.

Documented in conda's "Package match specifications".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from conda_pipsafe.prefix.conda_version import VersionSyntaxError, glob_pattern, version_test
from conda_pipsafe.prefix.patterns import lazy

_NAME = lazy(r"^[a-z0-9_][a-z0-9_.-]*$")
_SPLIT = lazy(r"^([^\s=<>!~|,\[]+)\s*(.*)$")
_SPACED_SIGN = lazy(r"([=<>!~|,])\s+")
_BEFORE_SIGN = lazy(r"\s+([|,])")
_SINGLE = lazy(r"^=([^=<>!~|,]+)=([^=<>!~|,]+)$")


class SpecSyntaxError(ValueError):
    """A specification that uses more than is understood here; nothing may be claimed about it."""


@dataclass(frozen=True, slots=True)
class MatchSpec:
    """One requirement of a record.

    Attributes:
        name: conda's package name, lower case.
        version: The version specification, or None for any.
        build: The build string, `*` allowed in it, or None for any.
    """

    name: str
    version: str | None = None
    build: str | None = None

    def matches(self, version: str, build: str | None) -> bool:
        """Whether a package meets it; `build` None stands for a package that conda did not build.

        Raises:
            SpecSyntaxError: When the version is not one.
        """
        try:
            if self.version is not None and not version_test(self.version)(version):
                return False
        except VersionSyntaxError as error:
            raise SpecSyntaxError(str(error)) from error
        return self.build is None or build is None or glob_pattern(self.build).match(build) is not None

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.version, self.build) if part)


@lru_cache(maxsize=8192)
def parse_match_spec(text: str) -> MatchSpec:
    """Parse one entry of `depends` or `constrains`.

    Raises:
        SpecSyntaxError: When it uses what is not understood here (brackets, several builds, files, …).
    """
    match = _SPLIT.match(text.split("#", 1)[0].split(" if ", 1)[0].strip())
    name = match.group(1).rpartition("::")[2].lower() if match else ""
    if match is None or not _NAME.match(name):
        raise SpecSyntaxError(f"not understood: {text[:80]!r}")
    rest = _BEFORE_SIGN.sub(r"\1", _SPACED_SIGN.sub(r"\1", match.group(2).strip()))
    single = _SINGLE.match(rest)  # name=version=build
    parts = [single.group(1), single.group(2)] if single else rest.split()
    if len(parts) > 2 or "[" in rest or "^" in rest:  # noqa: PLR2004 - version and build
        raise SpecSyntaxError(f"not understood: {text[:80]!r}")
    version = parts[0] if parts and parts[0] != "*" else None
    build = parts[1] if len(parts) > 1 and parts[1] != "*" else None
    if single and version is not None:
        version = f"=={version}"
    try:
        if version is not None:
            version_test(version)
    except VersionSyntaxError as error:
        raise SpecSyntaxError(str(error)) from error
    return MatchSpec(name, version, build)
