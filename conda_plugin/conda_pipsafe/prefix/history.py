"""conda's own account: `conda-meta/history`, its revisions, and the packages that it believes are there.

The format (conda's `conda.history`): blocks that begin `==> TIME <==`, comments (`# cmd:`, `# update specs:`), then
`+dist` and `-dist` lines; the first block of old environments lists its dists without a sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conda_pipsafe.prefix.files import Problem, UnreadableError, read_bytes
from conda_pipsafe.prefix.patterns import lazy

HISTORY = "conda-meta/history"
_BLOCK = lazy(r"^==>\s*(.+?)\s*<==$")
_SPECS = lazy(r"^#\s*(\w+) specs:\s*(.*)$")
_QUOTED = lazy(r"""(['"])(.*?)\1""")
_SPEC_NAME = lazy(r"^(?:[^\[]*::)?([^\s=<>!~\[:]+)")


@dataclass(frozen=True, slots=True)
class Revision:
    """One block of the history.

    Attributes:
        number: As in `conda list --revisions` and `conda install --revision`.
        time: As written, local time without zone (`2026-11-22 19:59:35`).
        command: The command line, or an empty string.
        linked: `channel/subdir::name-version-build` of what came.
        unlinked: The same of what went.
        asked: Names of the packages that the user asked for.
        dropped: Names of those that the user had removed.
    """

    number: int
    time: str
    command: str
    linked: tuple[str, ...]
    unlinked: tuple[str, ...]
    asked: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """All revisions, and what the last one says is installed and asked for."""

    revisions: tuple[Revision, ...]

    @property
    def current(self) -> int | None:
        """The number of the last revision; None without a history."""
        return self.revisions[-1].number if self.revisions else None

    def state(self) -> frozenset[str]:
        """The `name-version-build` of every package that the history says is installed."""
        present: set[str] = set()
        for revision in self.revisions:
            present.difference_update(dist_str(dist) for dist in revision.unlinked)
            present.update(dist_str(dist) for dist in revision.linked)
        return frozenset(present)

    def requested(self) -> frozenset[str]:
        """The names of the packages that the user asked for and has not removed since.

        A record's own `requested_spec` does not tell: conda writes it anew, without one, when it links a package again
        for another's sake, as for a change of Python.
        """
        names: set[str] = set()
        for revision in self.revisions:
            names.difference_update(revision.dropped)
            names.update(revision.asked)
        return frozenset(names)


def dist_str(dist: str) -> str:
    """`name-version-build` of a history line, without channel, subdir and archive extension."""
    name = dist.rsplit("::", 1)[-1].rsplit("/", 1)[-1]
    return name.removesuffix(".conda").removesuffix(".tar.bz2")


def split_dist(dist: str) -> tuple[str, str, str] | None:
    """Name, version and build of a `name-version-build`; None when it is not one."""
    parts = dist_str(dist).rsplit("-", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and all(parts) else None  # noqa: PLR2004


def read_history(prefix: str) -> tuple[History, tuple[Problem, ...]]:
    """Read the history; an empty one, with a problem unless it simply is not there, when it cannot be read."""
    try:
        data = read_bytes(prefix, HISTORY)
    except UnreadableError as error:
        return History(()), () if error.missing else (error.problem,)
    revisions, stray = _parse(data.decode("utf-8", "replace"))
    return History(tuple(revisions)), tuple(_problems(data, stray))


def _problems(data: bytes, stray: int) -> Iterator[Problem]:
    """The worst of what is wrong: what conda stops at, what it stumbles over, what it passes over."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield Problem("invalid-text", HISTORY, f"not UTF-8 text at line {line}")
        return
    if b"\0" in data:
        yield Problem("invalid-history", HISTORY, "it has NUL bytes, as a crash or a full disk leaves them")
    elif stray:
        lines = "1 line stands" if stray == 1 else f"{stray} lines stand"
        yield Problem("invalid-history", HISTORY, f"{lines} before the first revision")


def _parse(text: str) -> tuple[list[Revision], int]:
    blocks: list[tuple[str, list[str]]] = []
    stray = 0
    for raw in text.splitlines():
        line = raw.strip()
        match = _BLOCK.match(line)
        if match:
            blocks.append((match.group(1), []))
        elif line and blocks:
            blocks[-1][1].append(line)
        elif line and not line.startswith(("//", "#")):  # pixi leaves a comment in place of a history
            stray += 1
    return [_revision(number, time, lines) for number, (time, lines) in enumerate(blocks)], stray


def _revision(number: int, time: str, lines: list[str]) -> Revision:
    command = next((line.removeprefix("# cmd:").strip() for line in lines if line.startswith("# cmd:")), "")
    dists = [line for line in lines if not line.startswith("#")]
    specs = [match.groups() for line in lines if (match := _SPECS.match(line))]
    return Revision(
        number=number,
        time=time,
        command=command,
        linked=tuple(dist.removeprefix("+") for dist in dists if not dist.startswith("-")),
        unlinked=tuple(dist[1:] for dist in dists if dist.startswith("-")),
        asked=_names(text for action, text in specs if action not in {"remove", "uninstall"}),
        dropped=_names(text for action, text in specs if action in {"remove", "uninstall"}),
    )


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    """The names in lists of specifications: Python's lists (`['python=3.12']`), in older files commas alone."""
    found: list[str] = []
    for text in texts:
        specs = [spec for _, spec in _QUOTED.findall(text)] if "[" in text else text.split(",")
        found += [match.group(1).lower() for spec in specs if (match := _SPEC_NAME.match(spec.strip()))]
    return tuple(found)
