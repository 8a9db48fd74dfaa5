"""The agent's answers: asked for, put out piece by piece, and ended exactly once."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from s2s.conversation import functions, output
from s2s.conversation.events import (
    CancelResponse,
    Commit,
    CreateResponse,
    Drained,
    End,
    Failed,
    Open,
    Reference,
    Revoke,
    Send,
)
from s2s.conversation.facts import ResponseCreated, ResponseDone, TurnTextFailed
from s2s.conversation.items import Item, lines_of, unfinished
from s2s.conversation.state import Response, State, Turn
from s2s.conversation.step import Step
from s2s.messages import Ask, Line
from s2s.settings import Settings

SILENCE = "(The caller says nothing.)"
"""What the language model is told of a caller whom it should speak to again."""
LIMITS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def answer(step: Step, turn: Turn, told: bool = True) -> None:
    """Answer a turn of the caller's, unless it was silent, or an answer is not wanted or under way."""
    wiring = step.state.wiring
    silent = wiring.transcripts and not wiring.hears and not turn.text and not step.state.unanswered
    if not wiring.chat or not wanted(step.state, turn) or silent or step.state.default is not None:
        return
    if told and step.state.turn is not None:
        step.set(unanswered=True)
        return
    step.set(unanswered=False)
    response = open_response(step, step.state.settings, told=told, to=turn.item_id, heard=turn.text or "")
    if told:
        step.set(answers=step.state.answers + 1)
        step.tell(ResponseCreated(response=response.view()))
    said = Line(role="user", text=turn.text or "", sound_of=turn.item_id if wiring.hears else "")
    ask(step, response, None if told else said, turn.language)


def wanted(state: State, turn: Turn) -> bool:
    """Whether the client wants a turn answered without having asked for it."""
    detection = state.settings.detection
    return detection is not None and detection.create_response and not turn.manual


def answer_silence(step: Step) -> None:
    """Speak again because the caller does not."""
    if step.state.wiring.chat:
        response = open_response(step, step.state.settings)
        step.tell(ResponseCreated(response=response.view()))
        ask(step, response, Line(role="user", text=SILENCE))


def refuse_second(step: Step, active: Response, event: CreateResponse) -> None:
    """Say that an answer is being given already."""
    message = f"Conversation already has an active response in progress: {active.id}."
    step.refuse("conversation_already_has_active_response", message, event.event_id)


def commit_turns(step: Step) -> None:
    """Commit the turns that are due; in a graph without `chat`, where answers come of turns, one after another."""
    due = step.state.due
    ready = due if step.state.wiring.chat else due[:1]
    step.set(due=tuple(msgspec.structs.replace(turn, committed=True) if turn in ready else turn for turn in due))
    for turn in ready:
        if not turn.committed and not turn.failed:
            step.do(Commit(scope=turn.scope))


def waits_for_text(step: Step) -> bool:
    """Whether the text of a committed turn is still to come."""
    wiring = step.state.wiring
    return wiring.transcripts and not wiring.hears and any(turn.text is None for turn in step.state.due)


def ask_waiting(step: Step) -> None:
    """Ask for the responses that waited for the text of a turn."""
    if not waits_for_text(step):
        for response in step.state.responses:
            if not response.asked and response.told:
                ask(step, response)


def open_response(
    step: Step,
    settings: Settings,
    in_conversation: bool = True,
    items: tuple[Item | Reference, ...] | None = None,
    metadata: dict[str, str] | None = None,
    told: bool = True,
    rounds: int = 0,
    note: Any = None,
    to: str = "",
    heard: str = "",
) -> Response:
    """Begin a response; what comes of it waits for its commit unless it is told at once."""
    response = Response(
        id=step.name("resp"),
        scope=step.count(),
        settings=settings,
        in_conversation=in_conversation,
        input=items,
        metadata=metadata,
        note=note,
        to=to,
        heard=heard,
        told=told,
        rounds=rounds,
    )
    step.set(responses=(*step.state.responses, response))
    if in_conversation:
        step.set(idle_at=None)
    step.do(Open(scope=response.scope, source="chat", settings=settings, apart=not in_conversation))
    if told:
        step.do(Commit(scope=response.scope))
    return response


def ask(step: Step, response: Response, last: Line | None = None, language: str = "") -> None:
    """Ask for an answer to the conversation so far, and to `last`, in `language`, which is no part of it."""
    items = step.state.items if response.input is None else _resolved(step, response.input)
    lines = lines_of(items, step.state.wiring.hears)
    said = (item for item in reversed(items) if item.kind == "message" and item.role == "user")
    if last is None:
        language = next((item.language for item in said), "")
    else:
        lines = (*lines, last)
    step.respond(response, asked=True)
    step.do(Send(scope=response.scope, item=Ask(lines=lines, language=language)))
    step.do(End(scope=response.scope))


def _resolved(step: Step, given: tuple[Item | Reference, ...]) -> tuple[Item, ...]:
    found = (step.find(item.item_id) if isinstance(item, Reference) else item for item in given)
    return tuple(item for item in found if item is not None and not item.internal)


def interrupt(step: Step) -> None:
    """The caller speaks over the answer: stop it, and remember how much of it was heard."""
    response = step.state.default
    if response is not None:
        if response.to and response.unheard:
            step.set(unanswered=True)
        _stop(step, response, "cancelled", "turn_detected")
    elif step.state.playing is not None:
        playing = step.state.playing
        heard_ms = (step.at - playing.since) * 1000
        item = step.find(playing.item_id)
        if item is not None and heard_ms < playing.sound_ms and not item.truncated:
            step.put(msgspec.structs.replace(item, heard_ms=heard_ms))
    step.set(playing=None)


def on_cancel(step: Step, event: CancelResponse) -> None:
    """Stop a response because the client no longer wants it."""
    told = [response for response in step.state.responses if response.told]
    if event.response_id is None:
        found = next((response for response in told if response.in_conversation), None)
    else:
        found = next((response for response in told if response.id == event.response_id), None)
    if found is None:
        step.refuse("response_cancel_not_active", "Cancellation failed: no active response found", event.event_id)
        return
    _stop(step, found, "cancelled", "client_cancelled")


def _stop(step: Step, response: Response, status: str, reason: str = "", error: str = "") -> None:
    if not response.told:
        step.do(Revoke(scope=response.scope))
        step.set(responses=tuple(r for r in step.state.responses if r.scope != response.scope))
        return
    step.do(Revoke(scope=response.scope))
    functions.give_up(step, response)
    response = output.close(step, response, "incomplete", whole=False)
    if response.message is not None and response.message.spoken:
        item = response.items[response.message.output_index]
        since = step.at if response.first_sound_at is None else response.first_sound_at
        heard_ms = (step.at - since) * 1000 if status == "cancelled" else math.inf  # what has failed is still played
        if not item.truncated:
            step.put(msgspec.structs.replace(item, heard_ms=min(heard_ms, item.sound_ms), spans=unfinished(item)))
            response = step.state.response(response.scope) or response
    step.tell(ResponseDone(response=response.view(status, reason, error)))
    step.set(responses=tuple(r for r in step.state.responses if r.scope != response.scope))
    for turn in step.state.due:
        if turn.scope == response.scope and turn.text is None:
            fail_text(step, turn, error or "the caller went on")
    step.set(due=tuple(turn for turn in step.state.due if turn.scope != response.scope))
    commit_turns(step)
    if status == "cancelled" and step.state.asked_early is not None:
        refuse_second(step, response, step.state.asked_early)
        step.set(asked_early=None)


def fail_text(step: Step, turn: Turn, reason: str) -> None:
    """Say that the words of a turn will not come, unless its item is gone."""
    if turn.item_id and (turn.given or step.state.settings.transcribe):
        step.tell(TurnTextFailed(item_id=turn.item_id, reason=reason))


def failed(step: Step, event: Failed) -> bool:
    """A stage has failed in a response's scope; return whether it was one."""
    response = step.state.response(event.scope)
    if response is None:
        return False
    _stop(step, response, "failed", error=f"{event.stage}: {event.reason}")
    return True


def drained(step: Step, event: Drained) -> None:
    """All of a response has come out: end it, and go on if its tools have returned."""
    response = step.state.response(event.scope)
    if response is None or not response.told:
        return
    step.set(answered=step.state.answered or response.in_conversation)
    response = output.close(step, response, "incomplete" if response.reason in LIMITS else "completed")
    if response.reason in LIMITS:
        step.tell(ResponseDone(response=response.view("incomplete", LIMITS[response.reason])))
    else:
        step.tell(ResponseDone(response=response.view("completed")))
    step.set(responses=tuple(r for r in step.state.responses if r.scope != response.scope))
    if response.results and response.results == len(response.calls):
        rounds, settings = response.rounds + 1, response.settings
        over = rounds >= step.state.wiring.tool_rounds
        if over or settings.tool_choice != "auto":  # what had to be called has been
            settings = msgspec.structs.replace(settings, tool_choice="none" if over else "auto")
        again = open_response(step, settings, rounds=rounds, to=response.to, heard=response.heard)
        step.tell(ResponseCreated(response=again.view()))
        ask(step, again)
