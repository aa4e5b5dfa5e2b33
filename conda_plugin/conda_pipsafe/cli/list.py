"""`pipsafe list`: every Python distribution with owner, version, source, requested, when and by whom."""

from __future__ import annotations

import argparse
import fnmatch
import os
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot
from conda_pipsafe.render.lists import Row, list_text, list_value

if TYPE_CHECKING:
    from conda_pipsafe.ledger.events import DistState, Event
    from conda_pipsafe.prefix.dist_info import Distribution
    from conda_pipsafe.prefix.snapshot import Snapshot

EXAMPLES = """
list
list -n myenv --pip
list 'jupyter*' --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; * stands for anything")
    add_target_options(parser)
    which = parser.add_argument_group("which").add_mutually_exclusive_group()
    which.add_argument("--pip", action="store_true", help="only what conda does not own")
    which.add_argument("--conda", action="store_true", help="only what conda owns")


def run(args: argparse.Namespace, console: Console) -> int:
    """List the distributions of one environment.

    Raises:
        PipsafeError: When there is no such environment.
    """
    try:
        snapshot = read_snapshot(find_prefix(args, looks=True))
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error
    state, events, problems = _ledger(snapshot)
    asked = snapshot.history.requested()
    rows = []
    for dist in sorted(snapshot.distributions, key=lambda dist: (dist.key, not dist.site.current, dist.path)):
        row = _row(snapshot, dist, state.get(dist.path), events.get(dist.path), asked)
        if _wanted(args, dist, row):
            rows.append(row)
    for problem in problems:
        console.note(f"pipsafe: note: {problem}")
    console.emit("list", {"prefix": snapshot.prefix, "distributions": list_value(rows), "problems": problems})
    console.result("\n".join(list_text(rows)))
    return int(Exit.OK)


def _wanted(args: argparse.Namespace, dist: Distribution, row: Row) -> bool:
    if (args.pip and row.record is not None and row.owner != "both") or (args.conda and row.record is None):
        return False
    return not args.names or any(fnmatch.fnmatchcase(dist.key, canonical_name(name)) for name in args.names)


def _ledger(snapshot: Snapshot) -> tuple[Mapping[str, DistState], Mapping[str, Event], list[str]]:
    """What the ledger knows of each distribution, and the event that brought it as it is; by its path."""
    try:
        from conda_pipsafe.ledger.reconcile import reconcile

        reconciled = reconcile(snapshot.prefix, snapshot)
        events = reconciled.ledger.events()
        known = {*(id(event) for event in events)}
        # Where the ledger cannot be written the new events are not in it.
        events += [event for event in reconciled.events if id(event) not in known and reconciled.unsaved]
        latest: dict[str, Event] = {}
        for event in events:
            if event.dist is not None and event.kind in {"installed", "upgraded", "changed"}:
                latest[event.dist.path] = event
        return reconciled.ledger.state(), latest, [reconciled.unsaved] if reconciled.unsaved else []
    except Exception as error:  # noqa: BLE001 - observing fails open
        return {}, {}, [f"the ledger could not be read ({type(error).__name__}: {error})"]


def _row(
    snapshot: Snapshot, dist: Distribution, state: DistState | None, event: Event | None, asked: Collection[str]
) -> Row:
    owner = snapshot.owner_of(dist)
    record = snapshot.record_of(dist)
    said: str = owner
    if record is not None and owner == "conda" and canonical_name(record.name) != dist.key:
        said = f"conda:{record.name}"
    elif owner == "pip" and dist.installer not in {None, "pip", "conda"}:
        said = str(dist.installer)
    if owner == "conda":
        # Without a record that can be read, nothing is known: its direct URL is one of the machine that built it.
        requested: bool | None = (record.requested_spec is not None or record.name in asked) if record else None
        source: str | None = (strip_credentials(record.channel) or None) if record else None
        when, guessed, by = _modified(snapshot, record.meta_path if record else dist.path), True, "conda"
    else:
        requested = state.requested if state else dist.requested
        source = _source(dist, state)
        when, guessed = _when(snapshot, dist, event)
        by = (event.user if event else None) or dist.installer or ""
    return Row(
        name=dist.name,
        version=dist.version,
        owner=said,
        record=record.dist_str if record else None,
        source=source,
        requested=requested,
        when=when,
        guessed=guessed,
        by=by or None,
        path=dist.path,
        importable=dist.site.current,
    )


def _source(dist: Distribution, state: DistState | None) -> str | None:
    if dist.installer == "conda":
        return None  # its direct URL is one of the machine that built conda's package
    if dist.editable:
        return f"editable {dist.direct_url.url}" if dist.direct_url else "editable"
    if dist.direct_url is not None:
        revision = f"@{dist.direct_url.revision}" if dist.direct_url.revision else ""
        return f"{dist.direct_url.url}{revision}"
    if state is not None and (state.source.index or state.source.url):
        return state.source.index or state.source.url
    return None


def _when(snapshot: Snapshot, dist: Distribution, event: Event | None) -> tuple[str | None, bool]:
    if event is not None and event.how == "recorded":
        return event.time, False
    if event is not None and event.happened:
        return event.happened, True
    return _modified(snapshot, dist.path), True


def _modified(snapshot: Snapshot, path: str) -> str | None:
    try:
        seconds = os.lstat(os.path.join(snapshot.prefix, path)).st_mtime
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OSError, ValueError, OverflowError):
        return None
