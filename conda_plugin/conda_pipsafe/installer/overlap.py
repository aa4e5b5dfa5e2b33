"""The paths that a plan writes and removes, met with those that conda owns: whatever the distributions are called."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from conda_pipsafe.installer.near_paths import Folders, hidden_by, in_the_way
from conda_pipsafe.installer.plan import Plan, PlannedDist
from conda_pipsafe.installer.policy import Refusal, Request, Verdict, askers, said
from conda_pipsafe.installer.wheels import Wheel
from conda_pipsafe.prefix.anchors import endangered
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.dist_info import read_installed_files
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot

_INIT = "/__init__.py"
_CONDA_META = "conda-meta/"


@dataclass(slots=True)
class _Met:
    """What one planned distribution does to one record's paths."""

    record: Record
    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def judge_paths(plan: Plan, wheels: Mapping[str, Wheel], snapshot: Snapshot, request: Request) -> Verdict:
    """Refuse a plan that writes over, hides or removes a path of conda's, or writes below `conda-meta`.

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
    folders = Folders(snapshot.prefix)
    for planned in plan.dists:
        wheel = wheels.get(planned.key)
        written = {folders.spelled(path): path for path in (wheel.paths.members if wheel else ())}
        refusals += _books(plan, planned, [path for path in written if path.startswith(_CONDA_META)], snapshot, request)
        # Those that it takes the place of by name are judged by name.
        known = stale | {
            record.meta_path for old in planned.replaces if (record := snapshot.record_of(old.dist)) is not None
        }
        for met in _meetings(planned, wheel, written, folders, snapshot, known):
            if planned.key in request.allowed or canonical_name(met.record.name) in request.allowed:
                warnings.append(f"{_message(planned, met)}, as --allow-replace says")
            elif met.written or met.removed or met.hidden:
                refusals.append(_refusal(plan, planned, met, snapshot, request))
            else:
                warnings.append(
                    f"{planned.name} {planned.version} and conda's {met.record.name} both have {_shown(met.same)}, the "
                    "same in both: whoever is uninstalled first takes it along"
                )
    return Verdict(tuple(refusals), tuple(warnings))


def _meetings(
    planned: PlannedDist,
    wheel: Wheel | None,
    written: Mapping[str, str],
    folders: Folders,
    snapshot: Snapshot,
    known: Collection[str],
) -> Iterator[_Met]:
    found: dict[str, _Met] = {}

    def met(record: Record) -> _Met:
        return found.setdefault(record.meta_path, _Met(record))

    for path, typed in written.items():
        for record in _owners(path, snapshot, known):
            member = wheel.paths.members[typed] if wheel else None
            same = wheel is not None and path.endswith(_INIT) and _is_same(snapshot, path, wheel, member)
            (met(record).same if same else met(record).written).append(path)
        for record, owned in hidden_by(path, snapshot):
            if record.meta_path not in known:
                met(record).hidden.append(owned)
    for record, owned in in_the_way(written, folders, snapshot):
        if record.meta_path not in known:
            met(record).written.append(owned)
    for path in _removed(planned, snapshot, written):
        for record in _owners(path, snapshot, known):
            met(record).removed.append(path)
    yield from found.values()


def _owners(path: str, snapshot: Snapshot, known: Collection[str]) -> list[Record]:
    return [record for record in snapshot.record_paths.get(path_key(path), ()) if record.meta_path not in known]


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


def _books(
    plan: Plan, planned: PlannedDist, paths: Collection[str], snapshot: Snapshot, request: Request
) -> Iterator[Refusal]:
    """What is below `conda-meta` is no package's, and all that conda knows: nothing lets that through."""
    if paths:
        yield Refusal(
            "overlaps-conda",
            planned.name,
            f"{planned.name} {planned.version} would write {_shown(paths)}, where conda keeps its books",
            asked_by=said(askers(plan, snapshot, planned.key, request.specs), planned.name),
            fixes=(f"leave {planned.name} out: no wheel has anything to write there",),
            facts={"name": planned.key, "version": planned.version, "conda_package": None, "channel": None},
            paths=tuple(paths),
        )


def _refusal(plan: Plan, planned: PlannedDist, met: _Met, snapshot: Snapshot, request: Request) -> Refusal:
    prefix, name = shlex.quote(snapshot.prefix), met.record.name
    let_through = f"--allow-replace {planned.name}, if pip shall have them (it is recorded)"
    fixes: tuple[str, ...]
    if met.written or met.hidden:
        fixes = (
            f"leave {planned.name} out, if conda's {name} is what you need",
            f"To have {planned.name} take its place, first: conda remove -p {prefix} {name}",
            let_through,
        )
    else:
        fixes = (let_through, f"To have them back afterwards: conda install -p {prefix} --force-reinstall {name}")
    return Refusal(
        "overlaps-conda" if met.written or met.hidden else "removes-conda",
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
        paths=(*met.written, *met.hidden, *met.removed),
    )


def _message(planned: PlannedDist, met: _Met) -> str:
    done = []
    if met.written:
        done.append(f"write over {_shown(met.written)}")
    if met.hidden:
        done.append(f"hide {_shown(met.hidden)} from import")
    if met.removed:
        done.append(f"remove {_shown(met.removed)} with the version that is there")
    if met.same and not done:
        done.append(f"write {_shown(met.same)} again")
    whose = f"conda's {met.record.name} {met.record.version}"
    return f"{planned.name} {planned.version} would {' and '.join(done)}: {whose} owns {_it(met)}"


def _it(met: _Met) -> str:
    paths = [*met.written, *met.hidden, *met.removed] or met.same
    return "it" if len(paths) == 1 else "them"


def _shown(paths: Collection[str]) -> str:
    return next(iter(paths)) if len(paths) == 1 else f"{len(paths)} files"
