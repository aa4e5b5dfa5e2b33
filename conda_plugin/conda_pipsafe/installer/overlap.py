"""The paths that a plan writes and removes, met with those that conda owns: whatever the distributions are called."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import Refusal, Request, Verdict, askers, said
from conda_pipsafe.installer.wheels import Wheel
from conda_pipsafe.ledger.vault import endangered
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.dist_info import read_installed_files
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot

_INIT = "/__init__.py"


@dataclass(slots=True)
class _Met:
    """What one planned distribution does to one record's paths."""

    record: Record
    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def judge_paths(plan: Plan, wheels: Mapping[str, Wheel], snapshot: Snapshot, request: Request) -> Verdict:
    """Refuse a plan that writes over, or removes, a path of conda's.

    The `__init__.py` of a namespace package that is the same in both is no harm now, and one later: whoever is removed
    first takes it along. That is told.

    Args:
        plan: What pip would do.
        wheels: What it would do it with, by canonical name.
        snapshot: The environment.
        request: What was asked for, and allowed.
    """
    # What pip had replaced before is conda's on paper only; `audit` tells it.
    stale = {record.meta_path for record in endangered(snapshot)}
    refusals: list[Refusal] = []
    warnings: list[str] = []
    for planned in plan.dists:
        # Those that it takes the place of by name are judged by name.
        known = stale | {
            record.meta_path for old in planned.replaces if (record := snapshot.record_of(old.dist)) is not None
        }
        for met in _meetings(planned, wheels.get(planned.key), snapshot, known):
            if planned.key in request.allowed or canonical_name(met.record.name) in request.allowed:
                warnings.append(f"{_message(planned, met)}, as --allow-replace says")
            elif met.written or met.removed:
                refusals.append(_refusal(plan, planned, met, snapshot, request))
            else:
                warnings.append(
                    f"{planned.name} {planned.version} and conda's {met.record.name} both have {_shown(met.same)}, the "
                    "same in both: whoever is uninstalled first takes it along"
                )
    return Verdict(tuple(refusals), tuple(warnings))


def _meetings(planned: PlannedDist, wheel: Wheel | None, snapshot: Snapshot, known: Collection[str]) -> Iterator[_Met]:
    found: dict[str, _Met] = {}

    def met(path: str) -> Iterator[_Met]:
        for record in snapshot.record_paths.get(path_key(path), ()):
            if record.meta_path not in known:
                yield found.setdefault(record.meta_path, _Met(record))

    members = wheel.paths.members if wheel else {}
    for path, member in members.items():
        for meeting in met(path):
            same = wheel is not None and path.endswith(_INIT) and _is_same(snapshot, path, wheel, member)
            (meeting.same if same else meeting.written).append(path)
    for path in _removed(planned, snapshot, members):
        for meeting in met(path):
            meeting.removed.append(path)
    yield from found.values()


def _removed(planned: PlannedDist, snapshot: Snapshot, members: Collection[str]) -> Iterator[str]:
    """What goes with the version that is there, and does not come again."""
    for old in planned.replaces:
        if old.owner == "pip":
            rows, _ = read_installed_files(snapshot.prefix, old.dist)
            yield from (row.path for row in rows if row.path not in members and snapshot.exists(row.path))


def _is_same(snapshot: Snapshot, path: str, wheel: Wheel, member: str | None) -> bool:
    import hashlib

    if member is None:
        return False
    try:
        return hashlib.sha256(read_bytes(snapshot.prefix, path)).hexdigest() == wheel.sha256(member)
    except (UnreadableError, OSError, zipfile.BadZipFile):
        return False


def _refusal(plan: Plan, planned: PlannedDist, met: _Met, snapshot: Snapshot, request: Request) -> Refusal:
    prefix, name = shlex.quote(snapshot.prefix), met.record.name
    let_through = f"--allow-replace {planned.name}, if pip shall have them (it is recorded)"
    fixes: tuple[str, ...]
    if met.written:
        fixes = (
            f"leave {planned.name} out, if conda's {name} is what you need",
            f"conda remove -p {prefix} {name}, if {planned.name} shall take its place",
            let_through,
        )
    else:
        fixes = (let_through, f"afterwards: conda install -p {prefix} --force-reinstall {name}")
    return Refusal(
        "overlaps-conda" if met.written else "removes-conda",
        planned.name,
        _message(planned, met),
        asked_by=said(askers(plan, snapshot, planned.key, request.specs), planned.name),
        fixes=fixes,
        facts={
            "name": planned.key,
            "version": planned.version,
            "conda_package": met.record.dist_str,
            "channel": strip_credentials(met.record.channel),
        },
        paths=(*met.written, *met.removed),
    )


def _message(planned: PlannedDist, met: _Met) -> str:
    done = []
    if met.written:
        done.append(f"write over {_shown(met.written)}")
    if met.removed:
        done.append(f"remove {_shown(met.removed)} with the version that is there")
    if met.same and not done:
        done.append(f"write {_shown(met.same)} again")
    whose = f"conda's {met.record.name} {met.record.version}"
    return f"{planned.name} {planned.version} would {' and '.join(done)}: {whose} owns {_it(met)}"


def _it(met: _Met) -> str:
    return (
        "it"
        if len(met.written) + len(met.removed) + (0 if met.written or met.removed else len(met.same)) == 1
        else "them"
    )


def _shown(paths: Collection[str]) -> str:
    return next(iter(paths)) if len(paths) == 1 else f"{len(paths)} files"
