"""A ledger's events as lines for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conda_pipsafe.ledger.events import DistState, Event, Source

_PLANNED_SHOWN = 3


def history_text(events: Iterable[Event]) -> str:
    """Events in order, grouped by conda revision and what was run; times are UTC."""
    lines: list[str] = []
    group: tuple[object, ...] | None = None
    for event in events:
        now = (event.revision, event.command, event.how, event.user)
        if event.kind != "conda" and now != group:
            lines += ["", _heading(event)] if lines else [_heading(event)]
            group = now
        elif event.kind == "conda":
            lines += [""] if lines else []
            group = None
        lines.append(f"  {_when(event)}  {_what(event)}" + _doubt(event))
    return "\n".join(lines)


def event_text(event: Event) -> tuple[str, str]:
    """When an event happened (UTC) and what it was, in one line."""
    return _when(event), " ".join(_what(event).split()) + _doubt(event)


def state_text(states: Sequence[DistState]) -> str:
    """What is there now, one distribution a line."""
    return "\n".join(f"  {state.name} {state.version}{_origin(state)}" for state in states)


def _heading(event: Event) -> str:
    revision = "" if event.revision is None else f"conda revision {event.revision}: "
    parts: list[str] = [event.how]
    if event.user:
        parts.append(f"by {event.user}")
    if event.command:
        parts.append(f"`{event.command}`")
    return f"{revision}{', '.join(parts)}"


def _when(event: Event) -> str:
    time = event.happened or event.time
    return time.replace("T", " ").removesuffix("Z")[:16]


def _doubt(event: Event) -> str:
    return "" if event.certainty in {"certain", "likely"} else "  [who and when is not known]"


def _what(event: Event) -> str:
    return _WORDS[event.kind](event)


def _installed(event: Event) -> str:
    dist = _dist(event)
    over = event.data.get("replaced_record")
    return f"installed   {dist.name} {dist.version}{_origin(dist)}" + (f", in place of conda's {over}" if over else "")


def _upgraded(event: Event) -> str:
    dist, old = _dist(event), event.before.version if event.before else "?"
    return f"{_direction(old, dist.version):<11} {dist.name} {old} -> {dist.version}{_origin(dist)}"


def _direction(old: str, new: str) -> str:
    from packaging.version import InvalidVersion, Version

    try:
        return "downgraded" if Version(new) < Version(old) else "upgraded"
    except InvalidVersion:
        return "upgraded"


def _changed(event: Event) -> str:
    dist, taken = _dist(event), event.data.get("taken_from")
    why = f", written over conda's {taken}" if taken else ""
    return f"changed     {dist.name} {dist.version}{_origin(dist)}{why}"


def _removed(event: Event) -> str:
    dist = _dist(event)
    why = event.data.get("why")
    record = event.data.get("record")
    return f"removed     {dist.name} {dist.version}" + (f": {why}" if why else "") + (f" ({record})" if record else "")


def _conda(event: Event) -> str:
    names = ", ".join(map(str, _list(event, "distributions")))
    command = f" `{event.command}`" if event.command else ""
    return f"conda       revision {event.revision}{command}: touched {names}"


def _created(event: Event) -> str:
    origin = event.data.get("copied_from")
    if not origin:
        return f"started     the ledger of {event.data.get('prefix')}"
    moved = "copied" if event.data.get("still_there") else "moved"
    return f"{moved:<11} the environment came from {origin}, with its ledger"


def _record_kept(event: Event) -> str:
    return f"kept        a copy of conda's record of {event.data.get('record')}"


def _record_lost(event: Event) -> str:
    return f"lost        conda's record of {event.data.get('record')}: nobody removed the package"


def _failed(event: Event) -> str:
    why, back, planned = event.data.get("why"), event.data.get("put_back"), _list(event, "planned")
    if why:
        return f"failed      {why}"
    more = f" and {len(planned) - _PLANNED_SHOWN} more" if len(planned) > _PLANNED_SHOWN else ""
    what = f" of {', '.join(map(str, planned[:_PLANNED_SHOWN]))}{more}" if planned else ""
    then = ""
    if isinstance(back, bool):
        then = f"; {'what it had changed' if back else 'not all that it had changed'} was put back"
    return f"failed      an install{what} did not end well{then}"


def _mended(event: Event) -> str:
    return f"mended      the ledger's last line was torn; {event.data.get('bytes')} bytes are kept in this event"


def _compacted(event: Event) -> str:
    count, first, last = (event.data.get(name) for name in ("count", "first", "last"))
    return f"compacted   {count} events from {first} to {last} are told no more, only what they led to"


_WORDS: dict[str, Callable[[Event], str]] = {
    "created": _created, "installed": _installed, "upgraded": _upgraded, "removed": _removed, "changed": _changed,
    "conda": _conda, "record-kept": _record_kept, "record-lost": _record_lost, "failed": _failed, "mended": _mended,
    "compacted": _compacted,
}  # fmt: skip

_UNKNOWN = DistState("?", "?", "?", "?", None, None, "pip", Source("unknown"))


def _dist(event: Event) -> DistState:
    return event.dist or _UNKNOWN


def _list(event: Event, name: str) -> list[Any]:
    value = event.data.get(name)
    return value if isinstance(value, list) else []


def _origin(dist: DistState) -> str:
    parts = [dist.installer or "an unknown installer"]
    if dist.requested is not None:
        parts.append("requested" if dist.requested else "dependency")
    source = dist.source
    where = source.url if source.kind in {"direct-url", "editable"} else source.index
    if source.kind == "editable":
        parts.append(f"editable from {where or 'a checkout'}")
    elif where:
        parts.append(f"from {where}")
    if source.revision:
        parts.append(f"commit {source.revision[:12]}")
    return f"  ({', '.join(parts)})"
