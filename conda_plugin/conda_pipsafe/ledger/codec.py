"""Events and their JSON: strict on what is understood, tolerant of what a later version may add.

`docs/ledger.md` is the contract. What is read is checked field by field; what is written never holds a credential,
since every text that looks like an address passes `scrub`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from conda_pipsafe.ledger.events import (
    CERTAINTIES,
    EVENT_KINDS,
    HOWS,
    LEDGER_VERSION,
    OWNERS,
    SOURCE_KINDS,
    Certainty,
    DistState,
    Event,
    EventKind,
    How,
    Owner,
    Source,
    SourceKind,
)
from conda_pipsafe.prefix.direct_url import without_credentials

_SOURCE_FIELDS = frozenset({"kind", "url", "index", "hash", "revision"})
_DIST_FIELDS = frozenset(
    {
        "key", "name", "version", "path", "installer", "requested", "owner", "source", "extras", "recorded_by",
        "written",
    }
)  # fmt: skip
_EVENT_FIELDS = frozenset(
    {
        "v", "time", "kind", "how", "certainty", "happened", "revision", "dist", "before", "command", "user", "data",
    }
)  # fmt: skip


class MalformedError(ValueError):
    """A JSON value is not an event of a version that is understood; the message says which part."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ledger that is a JSON object.

    Attributes:
        raw: Its bytes, without the line end.
        value: Its JSON, as on disk.
        event: What it says; None when it is not understood.
        whole: Whether the event says all that is in the line, so that it may be folded.
        version: Of the format that it was written in.
    """

    raw: bytes
    value: Mapping[str, Any]
    event: Event | None
    whole: bool
    version: int


def scrub(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Remove the credentials of every address in a JSON value."""
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, Mapping):
        return {key: scrub(item) for key, item in value.items()}
    return [scrub(item) for item in value] if isinstance(value, (list, tuple)) else value


def encode_line(event: Event) -> bytes:
    """One event as one line, with its line end; ASCII, so that no text in it can break the line.

    Raises:
        ValueError: When `data` holds what JSON has no form for.
    """
    return json.dumps(encode_event(event), separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def encode_event(event: Event) -> dict[str, Any]:
    """The JSON object of an event, without credentials; what is None or empty is left out."""
    fields: dict[str, Any] = {
        "time": event.time,
        "kind": event.kind,
        "how": event.how,
        "certainty": event.certainty,
        "happened": event.happened,
        "revision": event.revision,
        "dist": encode_state(event.dist) if event.dist else None,
        "before": encode_state(event.before) if event.before else None,
        "command": event.command,
        "user": event.user,
        "data": dict(event.data) or None,
    }
    known = {"v": LEDGER_VERSION, **{name: value for name, value in fields.items() if value is not None}}
    return cast("dict[str, Any]", scrub(known))


def encode_state(state: DistState) -> dict[str, Any]:
    """The JSON object of a distribution's state; what is None or empty is left out."""
    source = state.source
    origin = {"url": source.url, "index": source.index, "hash": source.hash, "revision": source.revision}
    fields: dict[str, Any] = {
        "key": state.key,
        "name": state.name,
        "version": state.version,
        "path": state.path,
        "owner": state.owner,
        "installer": state.installer,
        "requested": state.requested,
        "source": {"kind": source.kind, **{name: value for name, value in origin.items() if value is not None}},
        "extras": list(state.extras) or None,
        "recorded_by": state.recorded_by,
        "written": state.written,
    }
    return {name: value for name, value in fields.items() if value is not None}


def decode_line(raw: bytes) -> Line:
    """Read one line.

    Raises:
        MalformedError: When it is not a JSON object with a version.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedError("not valid JSON") from error
    version = value.get("v") if isinstance(value, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise MalformedError("not an event: it has no version")
    try:
        event = decode_event(value)
    except MalformedError:
        return Line(raw, value, None, whole=False, version=version)
    return Line(raw, value, event, _is_whole(value), version)


def _is_whole(value: Mapping[str, Any]) -> bool:
    states = [value[name] for name in ("dist", "before") if value.get(name) is not None]
    return (
        _EVENT_FIELDS.issuperset(value)
        and all(_DIST_FIELDS.issuperset(state) for state in states)
        and all(_SOURCE_FIELDS.issuperset(state["source"]) for state in states)
    )


def decode_event(value: Mapping[str, Any]) -> Event:
    """Make an event from its JSON object; fields that are not known are passed over.

    Raises:
        MalformedError: When a field that is known is missing or of another type.
    """
    data = value.get("data", {})
    if not isinstance(data, dict):
        raise MalformedError("data is not an object")
    revision = value.get("revision")
    if revision is not None and (not isinstance(revision, int) or isinstance(revision, bool)):
        raise MalformedError("revision is not a number")
    return Event(
        time=_text(value, "time"),
        kind=cast("EventKind", _one_of(value, "kind", EVENT_KINDS)),
        how=cast("How", _one_of(value, "how", HOWS)),
        certainty=cast("Certainty", _one_of(value, "certainty", CERTAINTIES)),
        happened=_maybe(value, "happened"),
        revision=revision,
        dist=None if value.get("dist") is None else decode_state(value["dist"]),
        before=None if value.get("before") is None else decode_state(value["before"]),
        command=_maybe(value, "command"),
        user=_maybe(value, "user"),
        data=data,
    )


def decode_state(value: object) -> DistState:
    """Make a distribution's state from its JSON object.

    Raises:
        MalformedError: As `decode_event`.
    """
    if not isinstance(value, dict):
        raise MalformedError("a distribution is not an object")
    requested, extras, source = value.get("requested"), value.get("extras", []), value.get("source")
    if requested is not None and not isinstance(requested, bool):
        raise MalformedError("requested is not true or false")
    if not isinstance(extras, list) or not all(isinstance(extra, str) for extra in extras):
        raise MalformedError("extras are not a list of texts")
    if not isinstance(source, dict):
        raise MalformedError("source is not an object")
    return DistState(
        key=_text(value, "key"),
        name=_text(value, "name"),
        version=_text(value, "version"),
        path=_text(value, "path"),
        installer=_maybe(value, "installer"),
        requested=requested,
        owner=cast("Owner", _one_of(value, "owner", OWNERS)),
        source=Source(
            kind=cast("SourceKind", _one_of(source, "kind", SOURCE_KINDS)),
            url=_maybe(source, "url"),
            index=_maybe(source, "index"),
            hash=_maybe(source, "hash"),
            revision=_maybe(source, "revision"),
        ),
        extras=tuple(extras),
        recorded_by=_maybe(value, "recorded_by"),
        written=_maybe(value, "written"),
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise MalformedError(f"{name} is not a text")
    return text


def _maybe(value: Mapping[str, Any], name: str) -> str | None:
    return None if value.get(name) is None else _text(value, name)


def _one_of(value: Mapping[str, Any], name: str, allowed: frozenset[str]) -> str:
    text = _text(value, name)
    if text not in allowed:
        raise MalformedError(f"{name} is {text!r}, which is not known")
    return text
