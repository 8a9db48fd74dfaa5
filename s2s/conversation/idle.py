"""A caller who says nothing after an answer: once that has lasted as long as the client set, the agent speaks again."""

from __future__ import annotations

from s2s.conversation import responses
from s2s.conversation.events import Remind, Reminded
from s2s.conversation.facts import TurnCommitted, TurnMissed
from s2s.conversation.items import Item, Part
from s2s.conversation.step import Step

EARLY_S = 0.01
"""Seconds that a timer may be early."""


def await_caller(step: Step) -> None:
    """Note, when nothing goes on after an answer, until when its sound plays and the caller may be silent."""
    state = step.state
    detection = state.settings.detection
    if detection is None or detection.idle_ms is None or state.idle_at is not None or not state.answered:
        return
    if state.default is not None or state.turn is not None or state.due:
        return
    playing = state.playing
    over = step.at if playing is None else max(step.at, playing.since + playing.sound_ms / 1000)
    step.set(idle_at=over + detection.idle_ms / 1000)
    step.do(Remind(when=over + detection.idle_ms / 1000))


def on_reminded(step: Step, event: Reminded) -> None:
    """Take the silence as a turn without words, and answer it."""
    state = step.state
    detection = state.settings.detection
    if state.idle_at is None or step.at < state.idle_at - EARLY_S:
        return
    step.set(idle_at=None)
    if detection is None or detection.idle_ms is None or state.turn or state.due or state.default:
        return
    item = Item(id=step.name("item"), role="user", parts=(Part(kind="input_audio", text=""),))
    to_ms = round(event.heard_ms)
    step.tell(TurnMissed(item_id=item.id, from_ms=max(0, to_ms - detection.idle_ms), to_ms=to_ms))
    step.tell(TurnCommitted(item_id=item.id, previous_id=step.last()))
    step.insert(item)
    step.done(item)
    if detection.create_response:
        responses.answer_silence(step)
