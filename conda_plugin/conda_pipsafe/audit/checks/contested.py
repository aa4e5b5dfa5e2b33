"""PS105, PS108, PS204: paths that a conda package and a distribution of another name both have."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.needs import Needed, broken_by
from conda_pipsafe.audit.overlap import is_bytecode
from conda_pipsafe.audit.scripts import command_paths, declared, declared_by_record, read_script
from conda_pipsafe.audit.wording import counted, installer, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import RECORD_LIMIT, UnreadableError, read_bytes
from conda_pipsafe.prefix.paths import path_key

Content = Literal["same", "conda", "other", "neither", "unknown"]


def check(context: AuditContext) -> Iterator[Finding]:
    """Meet the files of every distribution that conda did not bring with the records' paths."""
    by_meta = {health.record.meta_path: health for health in context.health}
    for dist in context.foreign:
        shared: dict[str, list[str]] = defaultdict(list)
        for path in context.contested.get(dist.path, ()):
            for record in context.snapshot.record_paths[context.as_recorded(path)]:
                # Of one name: told where the package was replaced or is there twice.
                if dist.key not in by_meta[record.meta_path].keys and not is_bytecode(path):
                    shared[record.meta_path].append(path)
        for meta_path, paths in shared.items():
            yield from _pair(context, dist, by_meta[meta_path].record, paths)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("contested", check)]


def _pair(context: AuditContext, dist: Distribution, record: Record, paths: list[str]) -> Iterator[Finding]:
    there = sorted(path for path in paths if context.disk.exists(path))
    commands = _commands(context, dist, record, there)
    if "other" in commands.values() or "conda" in commands.values():
        yield _command(context, dist, record, commands)
        there = [path for path in there if commands.get(path, "same") == "same"]
    if not there:  # told as missing files, or as commands
        return
    content = _contents(context, dist, record, [path for path in there if path not in commands])
    content |= {path: commands[path] for path in there if path in commands}
    count = Counter(content.values())
    facts = {
        "conda": {"name": record.name, "version": record.version, "build": record.build, "record": record.meta_path},
        "there": {"name": dist.name, "version": dist.version, "installer": dist.installer},
        "content": content,
    }
    needed, ways = _ways(context, dist, record)
    facts["needed_by"] = needed.facts()
    tail = f"; {needed.who} it by that name" if needed else ""
    who = f"{installer(dist)}'s {dist.name} {dist.version}"
    ours = f"conda's {record.name} {record.version}"
    if count["same"] == len(there):
        files = counted(len(there), "file")
        message = f"{who} and {ours} share {files} of the same content; uninstalling one harms the other."
        yield make("PS105", dist.name, message, severity="note", paths=there, facts=facts)
        return
    if count["conda"] and not count["other"] and not count["neither"]:
        message = f"{ours} wrote over {counted(count['conda'], 'file')} of {who}{tail}."
        yield make("PS204", dist.name, message, paths=there, fixes=ways, facts=facts)
        return
    wrote = count["other"] or len(there)
    certain = bool(count["other"] or count["neither"])
    message = f"{who} {'wrote over' if certain else 'has'} {counted(wrote, 'file')} of {ours}{tail}."
    yield make(
        "PS105", dist.name, message, severity="error" if certain else "warning", paths=there, fixes=ways, facts=facts
    )


def _ways(context: AuditContext, dist: Distribution, record: Record) -> tuple[Needed, Sequence[str]]:
    """conda's package back; and the other way, where pip's packages need the distribution: they cannot do without."""
    prefix = context.snapshot.prefix
    ways = fixes.uninstall_then_reinstall(prefix, [dist.name], record)
    needed = broken_by(context.needs, {dist.key: None})
    again = fixes.pip_again(prefix, dist, "--force-reinstall", "--no-deps")
    if not needed or again is None or context.dependents.get(record.name):
        return needed, ways
    remove = fixes.conda(prefix, "remove", "--force", record.name)
    return needed, (
        f"To keep {installer(dist)}'s: {remove} && {again}",
        f"To keep conda's: {' && '.join(ways)}",
    )


def _commands(context: AuditContext, dist: Distribution, record: Record, paths: list[str]) -> dict[str, Content]:
    """Whose commands these are now, by what their text calls; only those of which that can be said."""
    shared = command_paths(tuple(paths))
    if not shared:
        return {}
    theirs, ours = declared(context, dist), declared_by_record(context, record)
    found: dict[str, Content] = {}
    for path in shared:
        script = read_script(context.snapshot.prefix, path)
        if script is None or script.calls is None or path not in theirs:
            continue
        if script.calls == theirs[path]:
            found[path] = "same" if ours.get(path) == script.calls else "other"
        elif script.calls == ours.get(path):
            found[path] = "conda"
    return found


def _command(context: AuditContext, dist: Distribution, record: Record, commands: dict[str, Content]) -> Finding:
    paths = [path for path, content in commands.items() if content != "same"]
    who = f"{installer(dist)}'s {dist.name} {dist.version}"
    ours = f"conda's {record.name} {record.version}"
    winner, loser = (who, ours) if "other" in commands.values() else (ours, who)
    names = listed((path.rpartition("/")[2] for path in paths), 3)
    verb = "starts" if len(paths) == 1 else "start"
    return make(
        "PS108",
        dist.name,
        f"The {'command' if len(paths) == 1 else 'commands'} {names} of {loser} {verb} {winner}.",
        paths=paths,
        fixes=fixes.uninstall_then_reinstall(context.snapshot.prefix, [dist.name], record),
        facts={
            "conda": {"name": record.name, "version": record.version, "build": record.build},
            "there": {"name": dist.name, "version": dist.version, "installer": dist.installer},
            "content": {path: commands[path] for path in paths},
        },
    )


def _contents(context: AuditContext, dist: Distribution, record: Record, paths: list[str]) -> dict[str, Content]:
    wanted = frozenset(paths)
    facts = {path_key(fact.path): fact.sha256 for fact in record.path_facts()}
    rows = {row.path: row.sha256() for row in context.rows(dist) if row.path in wanted}
    return {
        path: _content(context.snapshot.prefix, path, facts.get(context.as_recorded(path)), rows.get(path))
        for path in paths
    }


def _content(prefix: str, path: str, conda: str | None, other: str | None) -> Content:
    """Whose content a file has now."""
    if conda is None and other is None:
        return "unknown"
    try:
        actual = hashlib.sha256(read_bytes(prefix, path, RECORD_LIMIT)).hexdigest()
    except UnreadableError:
        return "unknown"
    if actual == conda:
        return "same" if actual == other else "conda"
    if actual == other:
        return "other"
    # An entry point's script has no hash in the record: what is there may be conda's.
    return "unknown" if conda is None or other is None else "neither"
