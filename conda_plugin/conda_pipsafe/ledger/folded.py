"""What a ledger's events add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conda_pipsafe.ledger.codec import MalformedError, decode_state, encode_state
from conda_pipsafe.ledger.events import DistState, Event


@dataclass(slots=True)
class Folded:
    """The sum of a ledger's events.

    Attributes:
        prefix: The environment that the ledger was written for; None before its first event.
        state: Every distribution that conda does not own, by its path.
        lost: What `record-lost` events were about, each told once.
        revision: The highest conda revision that an event belongs to.
        folded: How many events were compacted away, in all.
        first: The time of the first event, also of those compacted away.
    """

    prefix: str | None = None
    state: dict[str, DistState] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    revision: int | None = None
    folded: int = 0
    first: str | None = None


def fold(events: Iterable[Event]) -> Folded:
    """Add events up, in order."""
    total = Folded()
    for event in events:
        total.first = total.first or event.time
        if event.revision is not None:
            total.revision = max(event.revision, total.revision or 0)
        if event.kind in {"created", "compacted"}:
            _restore(total, event.data)
        elif event.kind == "record-lost":
            total.lost.add(str(event.data.get("mark")))
        elif event.kind in {"installed", "upgraded", "changed", "removed"}:
            _apply(total.state, event)
    return total


def _apply(state: dict[str, DistState], event: Event) -> None:
    for gone in (event.before, event.dist if event.kind == "removed" else None):
        if gone is not None:
            state.pop(gone.path, None)
    if event.dist is not None and event.kind != "removed":
        state[event.dist.path] = event.dist


def _restore(total: Folded, data: Mapping[str, Any]) -> None:
    if isinstance(data.get("prefix"), str):
        total.prefix = data["prefix"]
    if isinstance(data.get("state"), list):
        total.state = {state.path: state for state in _states(data["state"])}
    if isinstance(data.get("lost"), list):
        total.lost |= {mark for mark in data["lost"] if isinstance(mark, str)}
    if isinstance(data.get("count"), int):
        total.folded = data["count"]
    if isinstance(data.get("first"), str):
        total.first = data["first"]


def _states(values: Iterable[object]) -> Iterable[DistState]:
    for value in values:
        try:
            yield decode_state(value)
        except MalformedError:
            continue  # what a later version added: the next look at the disk finds the distribution again


def folded_data(total: Folded, count: int, last: str | None) -> dict[str, Any]:
    """What a `compacted` event holds: from it `fold` gives the same sum.

    Args:
        total: The sum of the events that are compacted away.
        count: How many they are, with those compacted away before.
        last: The time of the last of them.
    """
    return {
        "prefix": total.prefix,
        "count": count,
        "first": total.first,
        "last": last,
        "state": [encode_state(state) for state in total.state.values()],
        "lost": sorted(total.lost),
    }
