"""What happened between the ledger's last event and a snapshot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conda_pipsafe.ledger.events import Certainty, DistState, Event, EventKind
from conda_pipsafe.ledger.folded import Folded
from conda_pipsafe.ledger.observe import (
    Expected,
    announced,
    carried_over,
    observed_states,
    replaced_records,
    same_site,
)
from conda_pipsafe.ledger.store import utc_now
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.history import Revision, dist_str, split_dist
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass(frozen=True)
class Comparison:
    """The snapshot and the ledger's sum, met.

    Attributes:
        copied: The ledger came along with a copied environment: times of files tell nothing.
        user: Login name for what was announced.
    """

    snapshot: Snapshot
    folded: Folded
    expected: Mapping[str, Expected]
    now: Mapping[str, DistState]
    replaced: Mapping[tuple[str, str], Record]
    copied: bool
    user: str | None

    def events(self) -> list[Event]:
        """Everything that happened, in the order in which it is to be told."""
        changes = list(self._changes())
        touched = {event.dist.key for event in changes if event.dist is not None and event.how == "observed"}
        return [*self._conda(touched), *changes, *self._lost()]

    def _changes(self) -> Iterator[Event]:
        known, now = self.folded.state, self.now
        gone = {path: state for path, state in known.items() if path not in now}
        for path, state in now.items():
            before = known.get(path)
            if before is not None:
                yield from self._rewritten(state, before)
                continue
            predecessor = next(
                (old for old in gone.values() if old.key == state.key and same_site(old.path, path)), None
            )
            if predecessor is None:
                yield self._appeared(state)
            else:
                del gone[predecessor.path]
                kind: EventKind = "changed" if predecessor.version == state.version else "upgraded"
                yield self._event(kind, state, before=predecessor)
        for state in gone.values():
            yield self._vanished(state)

    def _appeared(self, state: DistState) -> Event:
        record = self._record_with(state.path)
        if record is not None:
            return self._event("changed", state, data={"taken_from": record.dist_str})
        record = self.replaced.get((state.path.rsplit("/", 1)[0], state.key))
        return self._event("installed", state, data={"replaced_record": record.dist_str} if record else {})

    def _rewritten(self, state: DistState, before: DistState) -> Iterator[Event]:
        expected = self.expected.get(state.key)
        if expected is not None and expected.version == state.version:
            yield self._event("changed", state, before=before)
            return
        if state.version != before.version:
            yield self._event("upgraded", state, before=before)
            return
        # Written at another time it is another installation, of which the ledger's hash and index say nothing.
        untouched = self.copied or state.written == before.written
        carried = carried_over(state, before) if untouched else state
        if not untouched:
            yield self._event("changed", carried, before=before, data={"why": "written anew"})
        elif replace(carried, written=before.written) != before:
            yield self._event("changed", carried, before=before)

    def carried(self) -> list[DistState]:
        """What the ledger knows, with the times that the files of a copied environment have now."""
        known, now = self.folded.state, self.now
        return [carried_over(now[path], state) if path in now else state for path, state in known.items()]

    def _vanished(self, state: DistState) -> Event:
        data: dict[str, Any] = {}
        record = self._record_with(state.path)
        if record is not None:
            data = {"why": "taken by conda", "record": record.dist_str}
        elif not os.path.isdir(os.path.join(self.snapshot.prefix, state.path.rsplit("/", 1)[0])):
            data = {"why": "its site-packages folder is gone"}
        else:
            dists = self.snapshot.distributions_named(state.key)
            owner = next((self.snapshot.record_of(dist) for dist in dists if same_site(dist.path, state.path)), None)
            if owner is not None:
                data = {"why": "replaced by conda", "record": owner.dist_str}
        return self._event("removed", state, data=data)

    def _record_with(self, path: str) -> Record | None:
        for name in ("/METADATA", "/PKG-INFO", "", "/RECORD"):
            records = self.snapshot.record_paths.get(path_key(path + name))
            if records:
                return records[0]
        return None

    def _event(
        self,
        kind: EventKind,
        state: DistState,
        *,
        before: DistState | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        expected = self.expected.get(state.key)
        version = None if kind == "removed" else state.version
        revision = self.snapshot.history.current
        if expected is not None and expected.version == version:
            if kind != "removed":
                state = announced(state, expected)
            return Event(
                utc_now(), kind, "recorded", "certain", None, revision, state, before,
                expected.command, self.user, data or {},
            )  # fmt: skip
        # A removal leaves nothing that could say when.
        happened = None if kind == "removed" else state.written
        return Event(
            utc_now(), kind, "observed", _certainty(kind, state), happened, revision, state, before, data=data or {}
        )

    def _conda(self, touched: set[str]) -> Iterator[Event]:
        """conda's transactions since the last event that had to do with a distribution that changed."""
        if self.folded.revision is None:
            return
        for revision in self.snapshot.history.revisions[self.folded.revision + 1 :]:
            linked, unlinked = (_naming(dists, touched) for dists in (revision.linked, revision.unlinked))
            keys = sorted({key for _, key in (*linked, *unlinked)})
            if keys:
                data = {
                    "linked": [dist for dist, _ in linked],
                    "unlinked": [dist for dist, _ in unlinked],
                    "distributions": keys,
                    "local_time": revision.time,
                }
                command = revision.command or None
                yield Event(
                    utc_now(), "conda", "observed", "likely", revision=revision.number, command=command, data=data
                )

    def _lost(self) -> Iterator[Event]:
        """Packages that conda's history has and nobody removed, but whose record is gone."""
        history, prefix = self.snapshot.history, self.snapshot.prefix
        names = {record.name for record in self.snapshot.records}
        for dist in sorted(history.state()):
            parts = split_dist(dist)
            if (
                parts is None
                or parts[0] in names
                or os.path.lexists(os.path.join(prefix, "conda-meta", f"{dist}.json"))
            ):
                continue
            mark = f"{dist}@{_linked_at(history.revisions, dist)}"
            if mark not in self.folded.lost:
                yield Event(
                    utc_now(), "record-lost", "observed", "likely", revision=history.current,
                    data={"record": dist, "mark": mark},
                )  # fmt: skip


def compare(
    snapshot: Snapshot,
    folded: Folded,
    expected: Sequence[Expected],
    endangered: Sequence[Record],
    *,
    copied: bool,
    user: str | None,
) -> Comparison:
    """Meet a snapshot with what the ledger knows.

    Args:
        snapshot: The environment as it is.
        folded: What the ledger's events add up to.
        expected: What an install that just ended announces.
        endangered: Records whose package's Python metadata is gone.
        copied: The ledger was written for another environment and came along with a copy.
        user: Who ran that install.
    """
    return Comparison(
        snapshot,
        folded,
        {item.key: item for item in expected},
        observed_states(snapshot),
        replaced_records(endangered),
        copied,
        user,
    )


def _certainty(kind: EventKind, state: DistState) -> Certainty:
    """`likely` when an installer left its traces; `unknown` when the disk has but the outcome."""
    return "likely" if kind == "removed" or (state.installer and state.written) else "unknown"


def _naming(dists: Sequence[str], keys: set[str]) -> list[tuple[str, str]]:
    """Those of history's dists whose name is one of the keys, as `name-version-build` and key."""
    named = [(dist_str(dist), split_dist(dist)) for dist in dists]
    pairs = [(dist, canonical_name(parts[0])) for dist, parts in named if parts is not None]
    return [(dist, key) for dist, key in pairs if key in keys]


def _linked_at(revisions: Sequence[Revision], dist: str) -> int:
    return max(
        (revision.number for revision in revisions if any(dist_str(linked) == dist for linked in revision.linked)),
        default=0,
    )
