"""Functions that the deployment runs itself: called, returned and given up without a word to the client."""

from __future__ import annotations

from s2s.conversation.events import Resulted
from s2s.conversation.items import Item
from s2s.conversation.state import Response
from s2s.conversation.step import Step
from s2s.messages import ToolCall

UNKNOWN = "(The caller spoke before this returned. Whether it was done is not known.)"
"""What the language model is told of a function that was stopped."""


def run_here(step: Step, response: Response, name: str) -> bool:
    """Whether the deployment answers a call itself: of its own functions, and of those that nobody has."""
    clients = (tool.name for tool in response.settings.tools)
    return step.state.wiring.tools and response.in_conversation and name not in clients


def on_call(step: Step, response: Response, call: ToolCall) -> None:
    """Take a call of a function that runs here, once it is whole."""
    if call.arguments is not None and call.call_id not in response.calls:
        item = Item(
            id=step.name("item"),
            kind="function_call",
            call_id=call.call_id,
            name=call.name,
            arguments=call.arguments,
            internal=True,
        )
        step.insert(item)
        step.respond(response, calls=(*response.calls, call.call_id))


def on_resulted(step: Step, event: Resulted) -> None:
    """Put what a tool returned into the conversation; the answer to it opens when this response has ended."""
    response = step.state.response(event.scope)
    if response is not None and response.in_conversation:
        _return(step, event.result.call_id, event.result.output)
        step.respond(response, results=response.results + 1)


def give_up(step: Step, response: Response) -> None:
    """Note that nobody knows how the functions ended that were at work when their response was stopped."""
    returned = {item.call_id for item in step.state.items if item.kind == "function_call_output"}
    for item in step.state.items:
        if item.internal and item.call_id in response.calls and item.call_id not in returned:
            _return(step, item.call_id, UNKNOWN)


def _return(step: Step, call_id: str, output: str) -> None:
    item = Item(
        id=step.name("item"),
        kind="function_call_output",
        call_id=call_id,
        output=output,
        internal=step.state.wiring.tools,
    )
    step.insert(item)
    step.done(item)
