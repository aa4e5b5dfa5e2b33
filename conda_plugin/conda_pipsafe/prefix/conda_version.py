"""conda's order of versions, and its version specifications, without conda.

Written from conda's documentation ("VersionOrder" and "MatchSpec"): a version is split at `.`, `-` and `_` into
components, those into runs of digits and of letters; numbers sort above letters, `dev` below and `post` above all,
and what is missing counts as 0.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache, total_ordering
from itertools import zip_longest

from conda_pipsafe.prefix.patterns import lazy

_VALID = lazy(r"^[*.+!_0-9a-z]+$")
_RUNS = lazy(r"[0-9]+|[*]+|[^0-9*]+")
_MAX_LENGTH = 200
# Of one kind by rank: dev < letters < numbers < post.
_DEV, _LETTERS, _NUMBER, _POST = range(4)
_Part = tuple[int, int, str]
_ZERO: _Part = (_NUMBER, 0, "")


class VersionSyntaxError(ValueError):
    """A version or a specification that is not understood; nothing may be claimed about it."""


@total_ordering
class CondaVersion:
    """One version, comparable as conda compares.

    Raises:
        VersionSyntaxError: When the text is not a version.
    """

    __slots__ = ("_epoch", "_local", "_main")

    def __init__(self, text: str) -> None:
        version = text.strip().lower()
        if "-" in version and "_" not in version:  # both together are an error in conda
            version = version.replace("-", "_")
        if len(version) > _MAX_LENGTH or not _VALID.match(version):
            raise VersionSyntaxError(f"not a version: {text[:40]!r}")
        epoch, bang, rest = version.rpartition("!")
        if bang and not epoch.isdecimal():
            raise VersionSyntaxError(f"not a version: {text[:40]!r}")
        main, _, local = rest.partition("+")
        self._epoch: _Part = (_NUMBER, int(epoch) if bang else 0, "")
        self._main = _components(main)
        self._local = _components(local) if local else ()

    def starts_with(self, other: CondaVersion) -> bool:
        """Whether this is `other` or a version below it, as `=1.2` and `1.2.*` mean."""
        if self._epoch != other._epoch:
            return False
        if other._local:
            return _same(self._main, other._main) and _begins(self._local, other._local)
        return _begins(self._main, other._main)

    def without_last(self) -> CondaVersion:
        """The version without its last component, for `~=`."""
        if len(self._main) < 2:  # noqa: PLR2004 - a single component has nothing below it
            raise VersionSyntaxError("~= needs a version of two components")
        shorter = CondaVersion("0")
        shorter._epoch, shorter._main = self._epoch, self._main[:-1]
        return shorter

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CondaVersion):
            return NotImplemented
        return self._epoch == other._epoch and _same(self._main, other._main) and _same(self._local, other._local)

    def __lt__(self, other: CondaVersion) -> bool:
        if self._epoch != other._epoch:
            return self._epoch < other._epoch
        for mine, theirs in ((self._main, other._main), (self._local, other._local)):
            for left, right in zip_longest(mine, theirs, fillvalue=()):
                for a, b in zip_longest(left, right, fillvalue=_ZERO):
                    if a != b:
                        return a < b
        return False

    __hash__ = None  # type: ignore[assignment]  # 1.0 and 1 are equal: not hashable without normalising


def _components(text: str) -> tuple[tuple[_Part, ...], ...]:
    # A trailing underscore is part of the last component (openssl's 1.0.1_ sorts below 1.0.1a).
    trailing = text.endswith("_")
    pieces = text.removesuffix("_").replace("_", ".").split(".") if text else []
    if not pieces or not all(pieces):
        raise VersionSyntaxError(f"not a version: {text[:40]!r}")
    if trailing:
        pieces[-1] += "_"
    return tuple(_parts(piece) for piece in pieces)


def _parts(piece: str) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    for run in _RUNS.findall(piece):
        if run.isdecimal():
            parts.append((_NUMBER, int(run), ""))
        elif run == "post":
            parts.append((_POST, 0, ""))
        else:
            parts.append((_DEV, 0, "") if run == "dev" else (_LETTERS, 0, run))
    # A component that begins with letters has a 0 before them, so that numbers meet numbers.
    return tuple(parts) if parts[0][0] == _NUMBER else (_ZERO, *parts)


def _same(left: tuple[tuple[_Part, ...], ...], right: tuple[tuple[_Part, ...], ...]) -> bool:
    return all(
        a == b
        for mine, theirs in zip_longest(left, right, fillvalue=())
        for a, b in zip_longest(mine, theirs, fillvalue=_ZERO)
    )


def _begins(whole: tuple[tuple[_Part, ...], ...], start: tuple[tuple[_Part, ...], ...]) -> bool:
    last = len(start) - 1
    if not _same(whole[:last], start[:last]):
        return False
    mine = whole[last] if len(whole) > last else (_ZERO,)
    theirs = start[last]
    position = len(theirs) - 1
    if mine[:position] != theirs[:position]:
        return False
    part = mine[position] if len(mine) > position else _ZERO
    if theirs[position][0] == _LETTERS:
        return part[0] == _LETTERS and part[2].startswith(theirs[position][2])
    return part == theirs[position]


_Test = Callable[[str], bool]
_COMPARE: dict[str, Callable[[CondaVersion, CondaVersion], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_CLAUSE = lazy(r"^(==|!=|>=|<=|~=|=|>|<)?(.+)$")


@lru_cache(maxsize=4096)
def version_test(spec: str) -> _Test:
    """Compile a version specification: clauses joined by `,` (and) and `|` (or, binds weaker).

    Raises:
        VersionSyntaxError: When it uses what is not understood here (parentheses, regular expressions, …).
    """
    text = spec.replace(" ", "")
    if not text or any(sign in text for sign in "()^$[]'\""):
        raise VersionSyntaxError(f"specification not understood: {spec[:80]!r}")
    choices = [[_clause(clause) for clause in choice.split(",")] for choice in text.split("|")]
    return lambda version: any(all(test(version) for test in tests) for tests in choices)


def _clause(clause: str) -> _Test:
    match = _CLAUSE.match(clause)
    if match is None or match.group(2)[0] in "=<>!~":
        raise VersionSyntaxError(f"specification not understood: {clause[:80]!r}")
    sign, operand = match.group(1) or "", match.group(2)
    if operand == "*" and sign in {"", "=", "==", ">="}:
        return lambda _version: True
    stem = operand.removesuffix("*").removesuffix(".") if operand.endswith("*") else operand
    if "*" in stem:
        return _glob(sign, operand)
    if (sign == "==" and operand != stem) or (sign == "!=" and operand != stem and not operand.endswith(".*")):
        # conda itself reads `==1.1.*` as `==1.1`, against what it says: claim nothing.
        raise VersionSyntaxError(f"specification not understood: {clause[:80]!r}")
    wanted = CondaVersion(stem)
    if sign == "~=":
        shorter = wanted.without_last()
        return lambda version: (found := CondaVersion(version)) >= wanted and found.starts_with(shorter)
    if sign == "=" or (not sign and operand != stem):
        return lambda version: CondaVersion(version).starts_with(wanted)
    if sign == "!=" and operand != stem:
        return lambda version: not CondaVersion(version).starts_with(wanted)
    compare = _COMPARE[sign or "=="]
    return lambda version: compare(CondaVersion(version), wanted)


def _glob(sign: str, operand: str) -> _Test:
    if sign not in {"", "==", "!="}:
        raise VersionSyntaxError(f"specification not understood: {sign}{operand[:80]!r}")
    pattern = glob_pattern(operand.lower())
    return lambda version: (pattern.match(version.lower()) is None) == (sign == "!=")


def glob_pattern(text: str) -> re.Pattern[str]:
    """The pattern of a text in which `*` stands for anything."""
    return re.compile("".join(".*" if letter == "*" else re.escape(letter) for letter in text) + r"\Z")
