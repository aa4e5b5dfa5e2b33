"""PS901: files that could not be read as what they should be."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.dead import dead_distributions
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.prefix.files import Problem
from conda_pipsafe.prefix.history import HISTORY, dist_str, split_dist
from conda_pipsafe.prefix.paths import path_key

_STOPPED = {
    "conda": "conda refuses every command",
    "solves": "conda can neither install nor remove anything",
    "pip": "pip fails at every command",
}
_WAYS = {
    "unreadable": "Give yourself permission to read it, or have its installer write it again.",
    "too-large": "Look at what wrote it; a file of this kind is never that large.",
    "link-outside": "Replace the link by the file that it should be.",
}
_WAY = "Have the installer of the package write it again (--force-reinstall)."


def check(context: AuditContext) -> Iterator[Finding]:
    """Turn what could not be read into findings; RECORDs are read here at the latest."""
    for dist in context.snapshot.distributions:
        context.paths(dist)
    records = {f"conda-meta/{stem}.json" for stem in context.snapshot.unreadable}
    dead = tuple(f"{path}/" for path in dead_distributions(context))
    missing = {path for health in context.health for path in health.missing}
    for problem in dict.fromkeys([*context.snapshot.problems, *context.problems]):
        # Links to nothing: told as what is missing.
        if problem.kind == "link-outside" and (problem.path.startswith(dead) or path_key(problem.path) in missing):
            continue
        if problem.path == HISTORY and context.disk.is_no_file(HISTORY):  # PS514
            continue
        stops = _stops(context, problem, records)
        yield make(
            "PS901",
            problem.path,
            f"{problem.path}: {problem.detail}{f'; {_STOPPED[stops]} here' if stops else ''}.",
            severity="error" if stops else "warning",
            paths=[problem.path],
            fixes=_ways(context, problem),
            facts={"kind": problem.kind, "detail": problem.detail, **({f"stops_{stops}": True} if stops else {})},
        )


def _stops(context: AuditContext, problem: Problem, records: Container[str]) -> str:
    """What comes to nothing as long as the file is like this: a key of `_STOPPED`, or nothing."""
    if problem.path in records or problem.kind == "invalid-record":
        return "conda"
    if problem.kind != "invalid-text":
        return ""
    if problem.path == HISTORY:
        return "solves"
    return "pip" if problem.path.endswith("/METADATA") and _is_current(context, problem.path) else ""


def _is_current(context: AuditContext, path: str) -> bool:
    return any(site.current and path.startswith(f"{site.path}/") for site in context.snapshot.sites)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("unreadable", check)]


def _ways(context: AuditContext, problem: Problem) -> list[str]:
    """The commands that have a distribution's metadata written again; of other files what to look at."""
    prefix, path = context.snapshot.prefix, problem.path
    if problem.kind == "unreadable" and os.path.lexists(os.path.join(prefix, path)):
        return [f"chmod u+rX {fixes.quote(os.path.join(prefix, path))}"] if os.name != "nt" else [_WAYS["unreadable"]]
    if path == HISTORY and problem.kind in {"invalid-text", "invalid-history"}:
        return _of_history(context, problem)
    if path == "conda-meta/pinned":
        return [f"Correct it, or delete it: {fixes.delete(prefix, [path])}"]
    if path.startswith("conda-meta/") and path.endswith(".json"):
        return _of_record(context, path) or [_WAY]
    again = _again(context, path)
    if again is None:
        return [_WAYS.get(problem.kind, _WAY)]
    in_the_way = problem.kind in {"link-outside", "not-a-file", "too-large"}
    in_the_way = in_the_way or _stops(context, problem, ()) == "pip"
    return [*([fixes.delete(prefix, [path])] if in_the_way else []), again]


def _of_history(context: AuditContext, problem: Problem) -> list[str]:
    """Nobody writes it again. What conda reads of it is ASCII; the rest stands in the command lines of comments."""
    prefix = context.snapshot.prefix
    if os.name != "nt" and not context.snapshot.history.revisions:  # nothing in it to keep
        path = fixes.quote(os.path.join(prefix, *HISTORY.split("/")))
        return [fixes.move(prefix, HISTORY, f"{HISTORY}.old"), f"touch {path}"]
    if "before the first" in problem.detail:
        return ["conda passes over them: put a whole copy of the file back if you have one, else delete those lines."]
    if os.name == "nt":
        return ["Delete what is no text of it, with an editor."]
    path = fixes.quote(os.path.join(prefix, *HISTORY.split("/")))
    # Line feeds, tabs, and what ASCII can print.
    return [f"LC_ALL=C tr -cd '\\11\\12\\15\\40-\\176' < {path} > {path}.new && mv {path}.new {path}"]


def _of_record(context: AuditContext, path: str) -> list[str]:
    """conda stops at a record that it cannot read: that goes first, and conda links the package over its files."""
    stem = path.rpartition("/")[2].removesuffix(".json")
    parts = split_dist(stem)
    if parts is None:
        return []
    linked = (dist for revision in context.snapshot.history.revisions for dist in revision.linked)
    channel = next((dist.rpartition("::")[0] for dist in linked if dist_str(dist) == stem), "")
    prefix, spec = context.snapshot.prefix, "=".join(parts)
    return [
        fixes.delete(prefix, [path]),
        fixes.conda(prefix, "install", "--force-reinstall", *fixes.channel_words(channel), spec),
    ]


def _again(context: AuditContext, path: str) -> str | None:
    snapshot = context.snapshot
    for dist in snapshot.distributions:
        if path != dist.path and not path.startswith(f"{dist.path}/"):
            continue
        record = snapshot.record_of(dist) or next(iter(snapshot.record_paths.get(path_key(path), ())), None)
        if record is not None:
            return fixes.conda_reinstall(snapshot.prefix, record)
        if dist.kind != "dist-info" or not dist.version or not dist.site.current or snapshot.is_of_unreadable(dist):
            return None
        return fixes.pip_anew(snapshot.prefix, dist, "--ignore-installed")
    return None
