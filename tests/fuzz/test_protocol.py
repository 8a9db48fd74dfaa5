"""The protocol without a socket takes anything: it obeys or refuses, and a refused frame has changed nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s.realtime.beta import Beta
from s2s.realtime.dialect import Dialect, Today
from s2s.realtime.refusal import Refusal
from tests.fuzz.frames import EVENTS, STRANGE, frame, mutated
from tests.realtime.sessions import only, protocol, shown
from tests.realtime.strict import strict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(STRANGE),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)


@st.composite
def events(draw: st.DrawFn) -> Any:
    """A sound event in which something may be changed."""
    event: Any = draw(st.sampled_from(EVENTS))
    for _ in range(draw(st.integers(0, 3))):
        event = mutated(event, lambda n: draw(st.integers(0, n - 1)))
    return event


@st.composite
def frames(draw: st.DrawFn) -> str | bytes:
    """What a hostile client sends."""
    return frame(lambda n: draw(st.integers(0, n - 1)), lambda n: draw(st.binary(max_size=n)))


def check(session: Any, sent: str | bytes, dialect: Dialect) -> None:
    """Send a frame: it is obeyed or refused, and what is told of that is valid."""
    before = only(session.updated())["session"]
    try:
        session.receive(sent)
    except Refusal as refusal:
        (told,) = session.refused(refusal)
        event = strict(shown(told))
        assert event.error.code and event.error.message and len(told.data) < 8000
        assert only(session.updated())["session"] == before, "what is refused changes nothing"
    updated = only(session.updated())
    if not dialect.beta:
        tools = [tool | {"parameters": {}} for tool in updated["session"].get("tools", [])]  # may hold anything
        strict(updated | {"session": updated["session"] | ({"tools": tools} if tools else {})})


@pytest.mark.parametrize("dialect", [Today(), Beta()])
@settings(max_examples=500, deadline=None)
@given(sent=st.lists(frames(), min_size=1, max_size=8))
def test_frames_are_obeyed_or_refused(dialect: Dialect, sent: list[str | bytes]) -> None:
    session = protocol(dialect=dialect)
    for one in sent:
        check(session, one, dialect)


@settings(max_examples=500, deadline=None)
@given(sent=st.lists(events() | JSON, min_size=1, max_size=6), transcription=st.booleans())
def test_events_with_anything_in_them(sent: list[Any], transcription: bool) -> None:
    session = protocol(kind="transcription" if transcription else "realtime")
    for one in sent:
        check(session, json.dumps(one), Today())
        session.heard(json.dumps(one).encode())


@settings(max_examples=500, deadline=None)
@given(sent=st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_sound_is_looked_for_in_anything(sent: bytes) -> None:
    assert protocol().heard(sent) is None
