"""Chat completions on the wire: a prompt becomes messages, a stream of chunks becomes replies and tool calls."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any, Literal

import anyio

from s2s.llm.spoken import Spoken
from s2s.llm.tool_calls import ToolCalls
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.remote_errors import ServerFailed, StreamCut, failed
from s2s.settings import Settings
from s2s.wav import wav

Reason = Literal["stop", "length", "content_filter", "tool_calls"]

REASONS: dict[str, Reason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""What servers give as `finish_reason`; anything else, such as `stop`, `eos` or `end_turn`, is a stop."""


USAGE_S = 1.0
"""How long the count of tokens may keep back the end of an answer that is whole."""


def chat_messages(prompt: Prompt, *, images: bool = True) -> list[dict[str, Any]]:
    """Return the prompt as chat messages; without `images`, a note stands where a picture was."""
    return [_message(line, images) for line in prompt.lines]


def _message(line: Line, images: bool) -> dict[str, Any]:
    if line.role == "tool":
        return {"role": "tool", "tool_call_id": line.call_id, "content": line.text}
    message: dict[str, Any] = {"role": line.role, "content": _content(line, images)}
    if line.calls:
        message["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in line.calls
        ]
        message["content"] = line.text or None
    return message


def _content(line: Line, images: bool) -> str | list[dict[str, Any]]:
    text = line.text if images else with_notes(line)
    pictures = line.images if images else ()
    if not pictures and not line.audio:
        return text
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    if line.audio:
        parts.append({"type": "input_audio", "input_audio": {"data": wav_base64(line.audio), "format": "wav"}})
    return parts


def with_notes(line: Line) -> str:
    """Return the text of a line with a note for each picture, for a model that can't see."""
    return "\n".join([line.text] * bool(line.text) + ["(a picture, which you can't see)"] * len(line.images))


def wav_base64(pcm: bytes) -> str:
    """Return 16 kHz mono s16le `pcm` as the base64 of a WAV file."""
    return base64.b64encode(wav(pcm, 16000)).decode()


def chat_tools(settings: Settings) -> dict[str, Any]:
    """Return the tool fields of a chat completion's request; nothing where there are no tools."""
    if not settings.tools:
        return {}
    choice: Any = settings.tool_choice
    if choice.startswith("function:"):
        choice = {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    tools = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": schema(tool.parameters)},
        }
        for tool in settings.tools
    ]
    return {"tools": tools, "tool_choice": choice, "parallel_tool_calls": settings.parallel_tools}


def schema(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a function's JSON schema; servers want an object even where it takes nothing."""
    return parameters or {"type": "object", "properties": {}}


async def answer(
    chunks: AsyncIterator[dict[str, Any]], begun: bool = False
) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
    """Yield what the chunks of a streamed chat completion say; the last item is a ReplyEnd.

    `begun` says that the completion goes on with an answer that was given in part.

    Reasoning is left out, as are a tool's cut-off arguments. Raise StreamCut when the stream ends without a
    `finish_reason`, ServerFailed when a chunk is an error.
    """
    spoken, calls = Spoken(begun), ToolCalls()
    finish: str | None = None
    usage: Mapping[str, Any] = {}
    async for chunk in chunks:
        if error := chunk.get("error"):
            raise failed(error)
        usage = chunk.get("usage") or usage
        for choice in (chunk.get("choices") or ())[:1]:
            for item in _delta(choice.get("delta") or {}, spoken, calls):
                yield item
            finish = choice.get("finish_reason")
        if finish:
            break
    if not finish:
        raise StreamCut("the stream was cut: it ended without a finish_reason")
    if finish == "error":
        raise ServerFailed("the model's server gave up on the answer")
    reason = REASONS.get(finish, "stop")
    if rest := spoken.rest():
        yield Reply(text=rest)
    for call in calls.finish(cut=reason == "length"):
        yield call
    if calls and reason == "stop":
        reason = "tool_calls"
    yield reply_end(reason, await trailing(chunks) or usage)


async def trailing(chunks: AsyncIterator[dict[str, Any]]) -> Mapping[str, Any]:
    """Read a stream to its end, so that its connection can serve again, and return the usage found there.

    The answer is whole by now: nothing fails here, and after `USAGE_S` nothing is waited for.
    """
    usage: Mapping[str, Any] = {}
    with anyio.move_on_after(USAGE_S):
        try:
            async for chunk in chunks:
                usage = chunk.get("usage") or usage
        except Exception:
            return usage
    return usage


def _delta(delta: Mapping[str, Any], spoken: Spoken, calls: ToolCalls) -> Iterator[Reply | ToolCall]:
    # A refusal is said, as an answer is.
    for key in ("content", "refusal"):
        if (text := delta.get(key)) and (said := spoken.feed(text)):
            yield Reply(text=said)
    for piece in delta.get("tool_calls") or ():
        yield from calls.feed(piece)


def reply_end(reason: Reason, usage: Mapping[str, Any]) -> ReplyEnd:
    """Return the last word on an answer, from the `usage` of either API."""
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return ReplyEnd(
        reason=reason,
        input_tokens=usage.get("prompt_tokens") or usage.get("input_tokens") or 0,
        cached_tokens=details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0,
        output_tokens=usage.get("completion_tokens") or usage.get("output_tokens") or 0,
    )
