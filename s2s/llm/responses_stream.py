"""The Responses API on the wire: a prompt becomes input items, a stream of events becomes replies and tool calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from s2s.llm.chat_stream import Reason, reply_end, schema, trailing, wav_base64, with_notes
from s2s.llm.spoken import Spoken
from s2s.llm.tool_calls import ToolCalls
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.remote_errors import StreamCut, failed
from s2s.settings import Settings


def response_input(prompt: Prompt, *, images: bool = True) -> dict[str, Any]:
    """Return the request's `instructions` and `input`: a system line that comes first is the instructions."""
    lines = prompt.lines
    fields: dict[str, Any] = {}
    if lines and lines[0].role == "system":
        fields["instructions"] = lines[0].text
        lines = lines[1:]
    fields["input"] = [item for line in lines for item in _items(line, images)]
    return fields


def _items(line: Line, images: bool) -> Iterator[dict[str, Any]]:
    if line.role == "tool":
        yield {"type": "function_call_output", "call_id": line.call_id, "output": line.text}
        return
    if line.role == "assistant":
        if line.text:
            content = [{"type": "output_text", "text": line.text, "annotations": []}]
            yield {"type": "message", "role": "assistant", "content": content}
        for call in line.calls:
            yield {
                "type": "function_call",
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
            }
        return
    text = line.text if images else with_notes(line)
    parts: list[dict[str, Any]] = [{"type": "input_text", "text": text}] if text else []
    if images:
        parts += [{"type": "input_image", "image_url": url, "detail": "auto"} for url in line.images]
    if line.audio:
        parts.append({"type": "input_audio", "input_audio": {"data": wav_base64(line.audio), "format": "wav"}})
    yield {"type": "message", "role": line.role, "content": parts or [{"type": "input_text", "text": ""}]}


def response_tools(settings: Settings) -> dict[str, Any]:
    """Return the tool fields of a response's request; nothing where there are no tools."""
    if not settings.tools:
        return {}
    choice: Any = settings.tool_choice
    if choice.startswith("function:"):
        choice = {"type": "function", "name": choice.removeprefix("function:")}
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": schema(tool.parameters),
            "strict": False,
        }
        for tool in settings.tools
    ]
    return {"tools": tools, "tool_choice": choice, "parallel_tool_calls": settings.parallel_tools}


async def answer(events: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
    """Yield what the events of a streamed response say; the last item is a ReplyEnd.

    Raise StreamCut when the stream ends before the response does, ServerFailed when the response fails.
    """
    spoken, calls = Spoken(), ToolCalls()
    async for event in events:
        kind = event.get("type", "")
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            if said := spoken.feed(event.get("delta") or ""):
                yield Reply(text=said)
        elif kind == "response.output_item.added":
            for piece in _item(event, calls):
                yield piece
        elif kind == "response.function_call_arguments.delta":
            for piece in calls.feed({"index": event.get("output_index"), "function": {"arguments": event["delta"]}}):
                yield piece
        elif kind == "response.output_item.done":
            for piece in _item(event, calls, whole=True):
                yield piece
        elif kind in ("response.failed", "error", "response.error"):
            response = event.get("response") or {}
            raise failed(response.get("error") or event.get("error") or event)
        elif kind in ("response.completed", "response.incomplete"):
            response = event["response"]
            reason = _reason(response, calls)
            if rest := spoken.rest():
                yield Reply(text=rest)
            for piece in calls.finish(cut=reason == "length"):
                yield piece
            yield reply_end(reason, response.get("usage") or {})
            await trailing(events)
            return
    raise StreamCut("the stream was cut: it ended before the response did")


def _item(event: Mapping[str, Any], calls: ToolCalls, *, whole: bool = False) -> Iterator[ToolCall]:
    item = event.get("item") or {}
    if item.get("type") != "function_call":
        return
    arguments = item.get("arguments") or ""
    known = calls.arguments(item.get("call_id"))
    # A server that sends no deltas gives the arguments at the end alone.
    missing = arguments[len(known) :] if whole and arguments.startswith(known) else ""
    if whole and not missing:
        return
    yield from calls.feed(
        {
            "id": item.get("call_id"),
            "index": event.get("output_index"),
            "function": {"name": item.get("name"), "arguments": missing},
        }
    )


def _reason(response: Mapping[str, Any], calls: ToolCalls) -> Reason:
    if response.get("status") == "incomplete":
        why = (response.get("incomplete_details") or {}).get("reason")
        return "content_filter" if why == "content_filter" else "length"
    return "tool_calls" if calls else "stop"
