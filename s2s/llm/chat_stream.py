"""Chat completions on the wire: a prompt becomes messages, a stream of chunks becomes replies and tool calls."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any, Literal

import anyio

from s2s.llm.tool_calls import ToolCalls
from s2s.llm.written import Written
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


class Answer:
    """What the chunks of a streamed chat completion say, taken one by one.

    `text` reads its contents: calls that no server has taken out of them may be there. Reasoning is left out, as are a
    tool's cut-off arguments.
    """

    def __init__(self, text: Written) -> None:
        self.finish: str | None = None
        self._text, self._calls = text, ToolCalls()
        self._usage: Mapping[str, Any] = {}

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[Reply | ToolCall]:
        """Give what the next chunk says; `finish` is set by the last. Raise ServerFailed where it is an error."""
        if error := chunk.get("error"):
            raise failed(error)
        self._usage = chunk.get("usage") or self._usage
        for choice in (chunk.get("choices") or ())[:1]:
            yield from self._delta(choice.get("delta") or {})
            self.finish = choice.get("finish_reason")

    def end(self) -> Iterator[Reply | ToolCall]:
        """Give what was held back; raise StreamCut where no chunk was the last."""
        if not self.finish:
            raise StreamCut("the stream was cut: it ended without a finish_reason")
        if self.finish == "error":
            raise ServerFailed("the model's server gave up on the answer")
        yield from self._text.rest(cut=self._reason == "length")
        yield from self._calls.finish(cut=self._reason == "length")

    def last(self, usage: Mapping[str, Any]) -> ReplyEnd:
        """Return the last word on the answer; `usage` is what came after its chunks, if anything did."""
        called = bool(self._calls or self._text.called)
        return reply_end("tool_calls" if called and self._reason == "stop" else self._reason, usage or self._usage)

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[Reply | ToolCall]:
        # A refusal is said, as an answer is.
        for key in ("content", "refusal"):
            if text := _said(delta.get(key)):
                yield from self._text.feed(text)
        for piece in delta.get("tool_calls") or ():
            yield from self._calls.feed(piece)

    @property
    def _reason(self) -> Reason:
        return REASONS.get(self.finish or "", "stop")


async def answer(
    chunks: AsyncIterator[dict[str, Any]], begun: bool = False
) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
    """Yield what the chunks of a streamed chat completion say, as `Answer` does; the last item is a ReplyEnd.

    `begun` says that the completion goes on with an answer that was given in part.
    """
    said = Answer(Written(begun=begun))
    async for chunk in chunks:
        for item in said.feed(chunk):
            yield item
        if said.finish:
            break
    for item in said.end():
        yield item
    yield said.last(await trailing(chunks))


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


def _said(content: Any) -> str:
    """Return the text of a content; some servers send parts, of which thoughts are one kind."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    return content or ""


def reply_end(reason: Reason, usage: Mapping[str, Any]) -> ReplyEnd:
    """Return the last word on an answer, from the `usage` of either API."""
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return ReplyEnd(
        reason=reason,
        input_tokens=usage.get("prompt_tokens") or usage.get("input_tokens") or 0,
        cached_tokens=details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0,
        output_tokens=usage.get("completion_tokens") or usage.get("output_tokens") or 0,
    )
