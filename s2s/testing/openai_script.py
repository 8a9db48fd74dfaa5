"""What a scripted OpenAI-compatible server answers, and how that looks on the wire of each endpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from s2s.messages import ToolUse

REASONS = {"stop": "completed", "tool_calls": "completed", "length": "incomplete", "content_filter": "incomplete"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scripted:
    """One answer: pieces of text, tool calls, sound, or an error; and where it stops.

    `hold` is how many events are sent before the server falls silent, until `release` is called on its request or
    the client goes; -1 holds back the HTTP head too. `cut` is how many are sent before the connection is lost.
    """

    text: tuple[str, ...] = ("Hello", " there", ".")
    reasoning: tuple[str, ...] = ()
    calls: tuple[ToolUse, ...] = ()
    sound: tuple[bytes, ...] = (b"\x00\x01" * 240,)
    sound_kind: str = "audio/pcm"
    finish: str | None = None
    input_tokens: int = 20
    cached_tokens: int = 16
    output_tokens: int = 3
    status: int = 200
    message: str = ""
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    hold: int | None = None
    cut: int | None = None

    @property
    def reason(self) -> str:
        """Why the answer ends."""
        return self.finish or ("tool_calls" if self.calls else "stop")


def chat_events(answer: Scripted, model: str) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a streamed chat completion."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": model}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": None})
    for piece in answer.reasoning:
        yield chunk({"reasoning_content": piece})
    for piece in answer.text if not answer.calls else ():
        yield chunk({"content": piece})
    for index, call in enumerate(answer.calls):
        name = {"name": call.name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call.call_id, "type": "function", "function": name}]})
        for piece in halves(call.arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, answer.reason)
    details = {"cached_tokens": answer.cached_tokens}
    total = answer.input_tokens + answer.output_tokens
    usage = {"prompt_tokens": answer.input_tokens, "completion_tokens": answer.output_tokens, "total_tokens": total}
    yield {**base, "choices": [], "usage": {**usage, "prompt_tokens_details": details}}


def response_events(answer: Scripted, model: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a streamed response."""
    response = {"id": "resp_1", "object": "response", "model": model, "status": "in_progress", "output": []}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": response}]
    if answer.text and not answer.calls:
        item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        events.append({"type": "response.output_item.added", "output_index": 0, "item": item})
        events += [{"type": "response.output_text.delta", "delta": piece, **place} for piece in answer.text]
        events.append({"type": "response.output_text.done", "text": "".join(answer.text), **place})
    for index, call in enumerate(answer.calls):
        item = {"type": "function_call", "id": f"fc_{index}", "call_id": call.call_id, "name": call.name}
        place = {"item_id": f"fc_{index}", "output_index": index}
        events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": ""}})
        for piece in halves(call.arguments):
            events.append({"type": "response.function_call_arguments.delta", "delta": piece, **place})
        whole = {"type": "response.function_call_arguments.done", "arguments": call.arguments, **place}
        done = {**item, "arguments": call.arguments}
        events += [whole, {"type": "response.output_item.done", "output_index": index, "item": done}]
    status = REASONS.get(answer.reason, "failed")
    end: dict[str, Any] = {**response, "status": status}
    if status == "incomplete":
        reason = "max_output_tokens" if answer.reason == "length" else answer.reason
        end["incomplete_details"] = {"reason": reason}
    if status == "failed":
        end["error"] = {"code": answer.code or "server_error", "message": answer.message}
    end["usage"] = {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens},
        "output_tokens": answer.output_tokens,
    }
    events.append({"type": f"response.{status}", "response": end})
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def transcript_events(answer: Scripted) -> Iterator[dict[str, Any]]:
    """Yield the events of a streamed transcription."""
    for piece in answer.text:
        yield {"type": "transcript.text.delta", "delta": piece}
    yield {"type": "transcript.text.done", "text": "".join(answer.text)}


def halves(text: str) -> list[str]:
    """Return a text in two pieces, as a server cuts arguments anywhere."""
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]
