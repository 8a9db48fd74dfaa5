"""Answers that a client asks for: at once, out of band, or as soon as the one before is over."""

from __future__ import annotations

from s2s.conversation import responses
from s2s.conversation.events import CreateResponse, Reference
from s2s.conversation.facts import ResponseCreated
from s2s.conversation.state import Response
from s2s.conversation.step import Step

ASIDE = 8
"""Responses out of band that may be in progress at once."""


def on_create(step: Step, event: CreateResponse) -> None:
    """Answer because the client asks for it, once the turns before it are transcribed."""
    if not step.state.wiring.chat:
        step.refuse("invalid_value", "This deployment has no 'chat' stage that could answer.", event.event_id, "type")
        return
    if event.in_conversation and step.state.default is not None:
        _ask_early(step, step.state.default, event)
        return
    if not event.in_conversation and sum(not r.in_conversation for r in step.state.responses) >= ASIDE:
        message = f"There are {ASIDE} responses out of band in progress already; wait for one, or cancel it."
        step.refuse("too_many_active_responses", message, event.event_id)
        return
    response = responses.open_response(
        step, event.settings, event.in_conversation, event.items, event.metadata, note=event.note
    )
    step.tell(ResponseCreated(response=response.view()))
    unheard = event.items is None or any(isinstance(item, Reference) for item in event.items)
    if not unheard or not responses.waits_for_text(step):
        responses.ask(step, response)


def _ask_early(step: Step, active: Response, event: CreateResponse) -> None:
    """Let a request wait that comes with a function's result, once its call is whole; refuse any other."""
    called = any(item.kind == "function_call" and item.status == "completed" for item in active.items)
    if called and step.state.asked_early is None:
        step.set(asked_early=event)
    else:
        responses.refuse_second(step, active, event)


def go_on(step: Step) -> None:
    """Answer, now that a response has ended, who has asked while it was under way."""
    event = step.state.asked_early
    if event is not None and step.state.default is None:
        step.set(asked_early=None)
        on_create(step, event)
