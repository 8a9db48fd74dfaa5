"""The caller's turns: from the first sound to the text that is answered."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from s2s.conversation import responses, trial
from s2s.conversation.events import Cleared, End, Hear, Open, Replay, Revoke, Spoken, Transcribed
from s2s.conversation.facts import InputCleared, SpeechStarted, SpeechStopped, TurnCommitted, TurnText, TurnTextDelta
from s2s.conversation.items import Item, Part
from s2s.conversation.state import Turn
from s2s.conversation.step import Step

AFRESH: dict[str, Any] = {"paused": False, "ripe": False, "drained": False, "text": None, "failed": ""}
"""What is known of a turn that goes on."""


def on_spoken(step: Step, event: Spoken) -> None:
    """Follow the marks of the turn stage."""
    turn = step.state.turn
    if event.mark == "start" and turn is None:
        _start(step, event)
    elif turn is None:
        return
    elif event.mark == "pause" and not turn.paused and not turn.failed:
        turn = msgspec.structs.replace(turn, paused=True)
        step.set(turn=turn)
        step.do(End(scope=turn.scope))
        trial.prime(step, turn, "begun")
    elif event.mark == "ripe" and turn.paused and not turn.ripe:
        turn = msgspec.structs.replace(turn, ripe=True)
        step.set(turn=turn)
        if not turn.failed and (turn.text is not None or step.state.wiring.hears):
            trial.prepare(step, turn)
    elif event.mark == "more":
        trial.goes_on(step, turn, event.at_ms)
    elif event.mark == "resume" and turn.paused:
        _resume(step, turn, event.at_ms)
    elif event.mark == "end":
        _end(step, turn, event)


def _start(step: Step, event: Spoken) -> None:
    detection = step.state.settings.detection
    item_id = step.name("item")
    step.set(idle_at=None)
    if not event.manual:
        step.tell(SpeechStarted(item_id=item_id, at_ms=round(event.at_ms)))
        if detection is not None and detection.interrupt_response:
            responses.interrupt(step)
    scope = step.count()
    settings = step.state.settings
    turn = Turn(scope=scope, item_id=item_id, began_ms=event.at_ms, settings=settings, manual=event.manual)
    step.set(turn=turn)
    step.do(Open(scope=scope, source="turn", settings=settings))


def _resume(step: Step, turn: Turn, at_ms: float) -> None:
    """Hear the turn again from its beginning; an answer that was prepared stays until its words are others.

    Where the sound itself is answered nobody can tell whether they are.
    """
    if step.state.wiring.hears:
        trial.forget(step)
    if not turn.failed:
        step.do(Revoke(scope=turn.scope))
    scope = step.count()
    step.set(turn=msgspec.structs.replace(turn, scope=scope, settings=step.state.settings, resumed_ms=at_ms, **AFRESH))
    step.do(Open(scope=scope, source="turn", settings=step.state.settings))
    step.do(Replay(scope=scope))


def _end(step: Step, turn: Turn, event: Spoken) -> None:
    turn = msgspec.structs.replace(turn, ended_ms=event.at_ms)
    if not turn.manual:
        step.tell(SpeechStopped(item_id=turn.item_id, at_ms=round(event.at_ms)))
    step.tell(TurnCommitted(item_id=turn.item_id, previous_id=step.last()))
    item = Item(id=turn.item_id, role="user", parts=(Part(kind="input_audio"),))
    step.insert(item)
    step.done(item)
    step.set(turn=None, due=(*step.state.due, turn))
    if not turn.failed:
        if not turn.paused:
            step.do(End(scope=turn.scope))
        responses.commit_turns(step)
    if turn.failed:
        responses.fail_text(step, turn, turn.failed)
    elif turn.text is not None:
        _know(step, turn)
    elif not step.state.wiring.transcripts and not step.state.wiring.hears:
        responses.answer(step, turn)
    if step.state.wiring.hears and not trial.let_out(step, turn):
        responses.answer(step, turn)
    if turn.failed or turn.drained:
        _close(step, turn.scope)


def recognise(step: Step, item: Item, pcm: bytes, rate: int) -> None:
    """Have the speech of a client's own item recognised: mono s16le `pcm` at `rate` Hz."""
    settings = step.state.settings
    turn = Turn(scope=step.count(), item_id=item.id, began_ms=0.0, settings=settings, manual=True, given=True)
    step.do(Open(scope=turn.scope, source="turn", settings=settings))
    step.do(Hear(scope=turn.scope, pcm=pcm, rate=rate))
    step.do(End(scope=turn.scope))
    step.set(due=(*step.state.due, turn))
    responses.commit_turns(step)


def on_transcribed(step: Step, event: Transcribed) -> None:
    """Take what was heard of a turn: tell what is certain, and answer what is final."""
    said = event.transcript
    turn = step.state.turn
    if turn is not None and turn.scope == event.scope:
        if turn.failed:
            return
        turn = _hear(step, turn, said.text, said.stable)
        trial.heard(step, turn, said.text, said.final)
        if said.final:
            text = said.text.strip()
            turn = msgspec.structs.replace(turn, text=text, words=text, language=said.language)
            step.set(turn=turn)
            if turn.ripe:
                trial.prepare(step, turn)
            else:
                trial.prime(step, turn, "whole")
        else:
            turn = msgspec.structs.replace(turn, words=said.text)
            step.set(turn=turn)
            trial.prime(step, turn, "begun")
        return
    due = next((turn for turn in step.state.due if turn.scope == event.scope), None)
    if due is None or due.text is not None:
        return
    if said.final:
        due = msgspec.structs.replace(due, text=said.text.strip(), language=said.language)
        _put_due(step, due)
        _know(step, due)
    else:
        _put_due(step, _hear(step, due, said.text, said.stable))


def _hear(step: Step, turn: Turn, text: str, stable: int) -> Turn:
    certain = text[:stable]
    if not _captioned(step, turn) or turn.manual or not certain.startswith(turn.sent):
        return turn
    delta = certain[len(turn.sent) :]
    if not delta:
        return turn
    step.tell(TurnTextDelta(item_id=turn.item_id, delta=delta))
    return msgspec.structs.replace(turn, sent=certain)


def _know(step: Step, turn: Turn) -> None:
    """The text of a committed turn is known."""
    text = turn.text or ""
    item = step.find(turn.item_id)
    if item is not None:
        parts = tuple(_with_words(part, text) for part in item.parts)
        step.put(msgspec.structs.replace(item, parts=parts, language=turn.language))
    if _captioned(step, turn):
        if text.startswith(turn.sent) and text != turn.sent:
            step.tell(TurnTextDelta(item_id=turn.item_id, delta=text[len(turn.sent) :]))
        seconds = math.ceil(max(0.0, turn.ended_ms - turn.began_ms) / 1000)
        step.tell(TurnText(item_id=turn.item_id, text=text, seconds=seconds))
    if not step.state.wiring.hears:
        trial.heard(step, turn, text, final=True)
        if not trial.let_out(step, turn):
            responses.answer(step, turn)
    responses.ask_waiting(step)


def _with_words(part: Part, text: str) -> Part:
    unknown = part.kind == "input_audio" and part.text is None
    return msgspec.structs.replace(part, text=text) if unknown else part


def _captioned(step: Step, turn: Turn) -> bool:
    """Whether the client is told what was said in a turn."""
    return step.state.settings.transcribe and not turn.given


def forget(step: Step, item_id: str) -> None:
    """Recognise no more of an item that is gone, unless something was answered to it already."""
    for turn in step.state.due:
        if turn.given and turn.item_id == item_id:
            if step.state.response(turn.scope) is not None:
                _put_due(step, msgspec.structs.replace(turn, item_id=""))
                continue
            step.do(Revoke(scope=turn.scope))
            _close(step, turn.scope)


def _put_due(step: Step, turn: Turn) -> None:
    step.set(due=tuple(turn if old.scope == turn.scope else old for old in step.state.due))


def _close(step: Step, scope: int) -> None:
    step.set(due=tuple(turn for turn in step.state.due if turn.scope != scope))
    responses.commit_turns(step)
    responses.ask_waiting(step)


def drained(step: Step, scope: int) -> None:
    """All that a turn's scope would bring has come: a turn without text was silent."""
    turn = step.state.turn
    if turn is not None and turn.scope == scope:
        text = turn.text or "" if step.state.wiring.transcripts else None
        step.set(turn=msgspec.structs.replace(turn, text=text, drained=True))
        return
    for due in step.state.due:
        if due.scope == scope:
            if due.text is None and step.state.wiring.transcripts:
                due = msgspec.structs.replace(due, text="")
                _put_due(step, due)
                _know(step, due)
            _close(step, scope)


def failed(step: Step, scope: int, reason: str) -> None:
    """A stage has failed in a turn's scope."""
    turn = step.state.turn
    if turn is not None and turn.scope == scope:
        step.do(Revoke(scope=scope))
        trial.forget(step)
        step.set(turn=msgspec.structs.replace(turn, failed=reason))
        return
    for due in step.state.due:
        if due.scope == scope:
            step.do(Revoke(scope=scope))
            if due.text is None:
                trial.heard(step, due, "", final=True)
                responses.fail_text(step, due, reason)
            _close(step, scope)


def on_cleared(step: Step, event: Cleared) -> None:
    """Forget the sound since the last commit, and the open turn with it."""
    turn = step.state.turn
    if turn is not None:
        if not turn.failed:
            step.do(Revoke(scope=turn.scope))
        trial.forget(step)
        step.set(turn=None)
    step.tell(InputCleared())
