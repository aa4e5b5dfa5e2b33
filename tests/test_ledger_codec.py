"""Events and their JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conda_pipsafe.ledger.codec import (
    MalformedError,
    decode_event,
    decode_line,
    decode_state,
    encode_event,
    encode_line,
    encode_state,
    scrub,
)
from conda_pipsafe.ledger.events import CERTAINTIES, EVENT_KINDS, HOWS, OWNERS, SOURCE_KINDS, DistState, Event, Source

# Surrogates included: names of files that are not UTF-8 come as such. No address, which scrub may rewrite.
_text = st.text(st.characters(), max_size=30).filter(lambda text: "://" not in text)
_maybe = st.none() | _text
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=6,
)
_sources = st.builds(Source, st.sampled_from(sorted(SOURCE_KINDS)), _maybe, _maybe, _maybe, _maybe)
_states = st.builds(
    DistState,
    _text,
    _text,
    _text,
    _text,
    _maybe,
    st.none() | st.booleans(),
    st.sampled_from(sorted(OWNERS)),
    _sources,
    st.lists(_text, max_size=3).map(tuple),
    _maybe,
    _maybe,
)
_events = st.builds(
    Event,
    _text,
    st.sampled_from(sorted(EVENT_KINDS)),
    st.sampled_from(sorted(HOWS)),
    st.sampled_from(sorted(CERTAINTIES)),
    _maybe,
    st.none() | st.integers(),
    st.none() | _states,
    st.none() | _states,
    _maybe,
    _maybe,
    st.dictionaries(_text, _json, max_size=3),
)

STATE = DistState("alpha", "Alpha", "1.0", "site/alpha.dist-info", "pip", True, "pip", Source("unknown"))
EVENT = Event("2026-01-01T00:00:00Z", "installed", "observed", "likely", dist=STATE)


@given(_events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    line = encode_line(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    decoded = decode_line(line[:-1])
    assert decoded.event == event
    assert decoded.whole
    assert decoded.version == 1


@given(_json)
def test_reading_any_json_gives_an_event_or_says_that_it_is_none(value: object) -> None:
    for part in (value, {"v": 1, "kind": value}, {**encode_event(EVENT), "dist": value}):
        try:
            line = decode_line(json.dumps(part).encode())
        except MalformedError:
            continue
        assert line.value == json.loads(json.dumps(part))


@given(st.binary(max_size=60))
def test_reading_any_bytes_never_raises_anything_else(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_line(raw)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("pip install x @ git+https://user:secret@host/r.git", "pip install x @ git+https://host/r.git"),
        ("pip install --index-url=https://u:secret@host/simple x", "pip install --index-url=https://host/simple x"),
        ("-i 'https://:secret@host/s' y", "-i 'https://host/s' y"),
        ("https://host/t/secret-12/c", "https://host/t/****/c"),
        ("https://host/f?token=secret&a=1", "https://host/f?token=****&a=1"),
        ("no address: a@b", "no address: a@b"),
    ],
)
def test_credentials_are_removed_wherever_they_stand(text: str, clean: str) -> None:
    assert scrub({"a": [text, 1, None]}) == {"a": [clean, 1, None]}
    source = Source("index", url=text, index=text)
    dist = DistState("a", "a", "1", "p", None, None, "pip", source)
    event = Event("t", "failed", "recorded", "certain", dist=dist, before=dist, command=text, data={"deep": [text]})
    assert b"secret" not in encode_line(event)


@pytest.mark.parametrize(
    "change",
    [
        {"data": []}, {"revision": "1"}, {"revision": True}, {"time": None}, {"kind": "imported"}, {"how": 1},
        {"certainty": "sure"}, {"happened": 3}, {"dist": []}, {"user": {}},
    ],
)  # fmt: skip
def test_an_event_with_a_field_of_another_type_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        decode_event({**encode_event(EVENT), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"requested": 1}, {"requested": 0}, {"requested": "yes"}, {"extras": "a"}, {"extras": [1]}, {"source": None},
        {"source": {"kind": "store"}}, {"owner": "conda"}, {"key": 1},
    ],
)  # fmt: skip
def test_a_state_with_a_field_of_another_type_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        decode_state({**encode_state(STATE), **change})


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"{}", b'{"v":true}', b'{"v":0}', b'{"v":"1"}', b"[" * 100_000])
def test_a_line_that_is_no_event_of_any_version_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_line(raw)


def test_unknown_fields_are_passed_over_but_the_line_is_not_whole() -> None:
    value = encode_event(EVENT)
    for part in (
        {**value, "later": 1},
        {**value, "dist": {**value["dist"], "later": 1}},
        {**value, "before": {**value["dist"], "source": {"kind": "index", "later": 1}}},
    ):
        line = decode_line(json.dumps(part).encode())
        assert line.event is not None
        assert line.event.dist == STATE
        assert not line.whole


def test_an_unknown_kind_is_kept_as_a_line_without_event() -> None:
    raw = json.dumps({**encode_event(EVENT), "kind": "later"}).encode()
    line = decode_line(raw)
    assert (line.event, line.whole, line.raw) == (None, False, raw)


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_line(Event("t", "failed", "recorded", "certain", data={"x": float("nan")}))
