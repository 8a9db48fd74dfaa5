"""What an answer puts out: its message, its words, its sound, its function calls, in contract order."""

from __future__ import annotations

import msgspec

from s2s.conversation import functions
from s2s.conversation.events import Output
from s2s.conversation.facts import (
    ArgumentsDelta,
    ArgumentsDone,
    OutputItemAdded,
    OutputItemDone,
    PartAdded,
    PartDone,
    ResponseCreated,
    SoundDelta,
    SoundDone,
    TextDelta,
    TextDone,
    Usage,
    WordsDelta,
    WordsDone,
)
from s2s.conversation.items import Item, Part, Span, Status
from s2s.conversation.state import Message, Playing, Response
from s2s.conversation.step import Step
from s2s.messages import Reply, ReplyEnd, Sound, ToolCall


def on_output(step: Step, event: Output) -> None:
    """Put out what has come through the gate."""
    response = step.state.response(event.scope) or _respond_to_turn(step, event.scope)
    if response is None:
        return
    item = event.item
    if isinstance(item, Sound):
        _sound(step, response, item)
    elif isinstance(item, Reply):
        _words(step, response, item.text)
    elif isinstance(item, ToolCall):
        _call(step, response, item)
    elif isinstance(item, ReplyEnd):
        usage = Usage(
            input_tokens=item.input_tokens, cached_tokens=item.cached_tokens, output_tokens=item.output_tokens
        )
        step.respond(response, reason=item.reason, usage=usage)


def _respond_to_turn(step: Step, scope: int) -> Response | None:
    """In a graph without `chat` what comes of a committed turn is its answer."""
    turn = next((turn for turn in step.state.due if turn.scope == scope), None)
    if step.state.wiring.chat or turn is None or step.state.default is not None:
        return None
    response = Response(id=step.name("resp"), scope=scope, settings=turn.settings, asked=True)
    step.set(responses=(*step.state.responses, response))
    step.tell(ResponseCreated(response=response.view()))
    return response


def _message(step: Step, response: Response) -> tuple[Response, Message]:
    if response.message is not None:
        return response, response.message
    spoken = step.state.wiring.sound and "audio" in response.settings.outputs
    item = Item(id=step.name("item"), role="assistant", status="in_progress")
    message = Message(item_id=item.id, output_index=len(response.items), spoken=spoken)
    response = _add(step, response, item)
    kind = "audio" if spoken else "text"
    step.tell(
        PartAdded(response_id=response.id, item_id=item.id, output_index=message.output_index, kind=kind)  # type: ignore[arg-type]
    )
    item = msgspec.structs.replace(item, parts=(Part(kind="output_audio" if spoken else "output_text", text=""),))
    response = step.respond(response, message=message, items=_swap(response.items, item))
    return response, message


def _add(step: Step, response: Response, item: Item) -> Response:
    index = len(response.items)
    step.tell(OutputItemAdded(response_id=response.id, item_id=item.id, output_index=index, item=item))
    if response.in_conversation:
        step.insert(item)
    return step.respond(response, items=(*response.items, item))


def _swap(items: tuple[Item, ...], item: Item) -> tuple[Item, ...]:
    return tuple(item if old.id == item.id else old for old in items)


def _extend(item: Item, text: str) -> Item:
    part = item.parts[0]
    return msgspec.structs.replace(item, parts=(msgspec.structs.replace(part, text=(part.text or "") + text),))


def _words(step: Step, response: Response, text: str) -> None:
    if not text:
        return
    response, message = _message(step, response)
    item = _extend(response.items[message.output_index], text)
    step.respond(response, items=_swap(response.items, item))
    say = WordsDelta if message.spoken else TextDelta
    step.tell(say(response_id=response.id, item_id=item.id, output_index=message.output_index, delta=text))


def _sound(step: Step, response: Response, sound: Sound) -> None:
    response, message = _message(step, response)
    if sound.index != message.clause and not step.state.wiring.words:
        already = response.items[message.output_index].parts[0].text
        _words(step, response, f" {sound.text}" if already else sound.text)
        response = step.state.response(response.scope) or response
    item = response.items[message.output_index]
    sound_ms = item.sound_ms + len(sound.pcm) / 2 / sound.rate * 1000
    until = sound.until if step.state.wiring.words else len(item.parts[0].text or "")
    spans = item.spans if sound.index == message.clause else (*item.spans, Span(until, sound_ms))
    spans = (*spans[:-1], Span(until, sound_ms))
    item = msgspec.structs.replace(item, spans=spans, sound_ms=sound_ms)
    message = msgspec.structs.replace(message, clause=sound.index)
    since = step.at if response.first_sound_at is None else response.first_sound_at
    step.respond(response, items=_swap(response.items, item), message=message, first_sound_at=since)
    if sound.pcm:
        step.tell(
            SoundDelta(
                response_id=response.id,
                item_id=item.id,
                output_index=message.output_index,
                pcm=sound.pcm,
                rate=sound.rate,
            )
        )


def _call(step: Step, response: Response, call: ToolCall) -> None:
    if functions.run_here(step, response, call.name):
        functions.on_call(step, response, call)
        return
    if call.call_id not in response.calls:
        added = Item(
            id=step.name("item"), kind="function_call", status="in_progress", call_id=call.call_id, name=call.name
        )
        response = _add(step, response, added)
        response = step.respond(response, calls=(*response.calls, call.call_id))
    at = next(n for n, item in enumerate(response.items) if item.call_id == call.call_id)
    item = response.items[at]
    if item.status != "in_progress":
        return
    if call.delta:
        item = msgspec.structs.replace(item, arguments=item.arguments + call.delta)
        step.respond(response, items=_swap(response.items, item))
        step.tell(
            ArgumentsDelta(
                response_id=response.id, item_id=item.id, output_index=at, call_id=call.call_id, delta=call.delta
            )
        )
    if call.arguments is not None:
        _close_call(step, response, at, msgspec.structs.replace(item, arguments=call.arguments), "completed")


def _close_call(step: Step, response: Response, at: int, item: Item, status: Status) -> None:
    step.tell(
        ArgumentsDone(
            response_id=response.id,
            item_id=item.id,
            output_index=at,
            call_id=item.call_id,
            name=item.name,
            arguments=item.arguments,
        )
    )
    item = msgspec.structs.replace(item, status=status)
    _finish_item(step, response, at, item)


def _finish_item(step: Step, response: Response, at: int, item: Item) -> None:
    step.respond(response, items=_swap(response.items, item))
    step.done(item)
    step.tell(OutputItemDone(response_id=response.id, item_id=item.id, output_index=at, item=item))


def close(step: Step, response: Response, status: Status, whole: bool = True) -> Response:
    """Close every item that is still open, each with its closing facts, and return the response as it is then.

    `whole` is false where what was made but not told must not be told any more.
    """
    for at, item in enumerate(response.items):
        if item.status != "in_progress":
            continue
        current = step.state.response(response.scope) or response
        if item.kind == "function_call":
            _close_call(step, current, at, item, "incomplete")
            continue
        text = item.parts[0].text or "" if item.parts else ""
        spoken = response.message is not None and response.message.spoken
        place = {"response_id": response.id, "item_id": item.id, "output_index": at}
        if spoken:
            step.tell(SoundDone(whole=whole, **place))  # type: ignore[arg-type]
            step.tell(WordsDone(text=text, **place))  # type: ignore[arg-type]
        else:
            step.tell(TextDone(text=text, **place))  # type: ignore[arg-type]
        step.tell(PartDone(kind="audio" if spoken else "text", text=text, **place))  # type: ignore[arg-type]
        _finish_item(step, current, at, msgspec.structs.replace(item, status=status))
        if spoken and response.in_conversation and response.first_sound_at is not None:
            step.set(playing=Playing(item.id, response.first_sound_at, item.sound_ms))
    return step.state.response(response.scope) or response
