"""The conversation as a pure state machine: no I/O, no clock, no threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s2s.conversation import functions, history, idle, output, requests, responses, turns
from s2s.conversation.events import (
    CancelResponse,
    Cleared,
    CreateItem,
    CreateResponse,
    DeleteItem,
    Drained,
    Effect,
    Event,
    Failed,
    Output,
    Played,
    Reminded,
    Resulted,
    RetrieveItem,
    Spoken,
    Transcribed,
    TruncateItem,
    Updated,
)
from s2s.conversation.state import State
from s2s.conversation.step import Step


def _updated(step: Step, event: Updated) -> None:
    """Take new settings: they hold from the next scope on."""
    step.set(settings=event.settings)


def _failed(step: Step, event: Failed) -> None:
    if not responses.failed(step, event):
        turns.failed(step, event.scope, event.reason)


def _drained(step: Step, event: Drained) -> None:
    turns.drained(step, event.scope)
    responses.drained(step, event)


HANDLERS: dict[type[Event], Callable[[Step, Any], None]] = {
    Updated: _updated,
    Spoken: turns.on_spoken,
    Cleared: turns.on_cleared,
    Transcribed: turns.on_transcribed,
    Output: output.on_output,
    Resulted: functions.on_resulted,
    Failed: _failed,
    Drained: _drained,
    Played: history.on_played,
    Reminded: idle.on_reminded,
    CreateItem: history.on_create,
    DeleteItem: history.on_delete,
    RetrieveItem: history.on_retrieve,
    TruncateItem: history.on_truncate,
    CreateResponse: requests.on_create,
    CancelResponse: responses.on_cancel,
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Return the state after `event`, and what is to be done, in order."""
    work = Step(state, event.at)
    HANDLERS[type(event)](work, event)
    requests.go_on(work)
    if not isinstance(event, Reminded):
        idle.await_caller(work)
    return work.state, tuple(work.effects)
