"""When a scope's next sound is due, as pools and stages see it."""

from __future__ import annotations

import pytest

from s2s.plan import Plan
from s2s.scope import FIRST_S, LEAD_S, OPEN_S, Scope
from s2s.settings import Settings

PLAN = Plan(source="turn", after={}, producers={}, leaders=frozenset({"turn"}))


def scope(now: float) -> Scope:
    """A scope that begins at this time."""
    return Scope("a", 1, PLAN, Settings(), now, {})


def test_an_open_turn_can_wait_and_an_ended_one_is_due_soon_after_its_end() -> None:
    turn = scope(10.0)
    assert turn.due(12.0) == 12.0 + OPEN_S
    turn.end(15.0)
    assert turn.due(16.0) == 15.0 + FIRST_S
    assert not turn.view("tts").playing


def test_the_next_words_are_due_before_what_was_sent_has_been_played() -> None:
    answer = scope(10.0)
    answer.end(10.0)
    view = answer.view("llm")
    answer.played_after(11.0, 1.5)
    answer.played_after(11.5, 2.0)
    assert view.playing and view.due == answer.due(11.5) == pytest.approx(14.5 - LEAD_S)
    answer.played_after(20.0, 1.0)
    assert answer.view("tts").playing and answer.view("tts").due == view.due == pytest.approx(21.0 - LEAD_S)
