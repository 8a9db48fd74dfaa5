"""The Responses API on the wire, with what servers are known to send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.llm.responses_stream import answer, response_input, response_tools
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall, ToolUse
from s2s.remote_errors import ServerFailed, StreamCut
from s2s.settings import Settings, Tool

pytestmark = pytest.mark.anyio


async def heard(*events: dict[str, Any]) -> list[Reply | ToolCall | ReplyEnd]:
    async def stream() -> AsyncIterator[dict[str, Any]]:
        for event in events:
            yield event

    return [item async for item in answer(stream())]


def completed(**fields: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", **fields}}


async def test_reasoning_is_left_out() -> None:
    items = await heard(
        {"type": "response.reasoning_text.delta", "delta": "hm"},
        {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
        {"type": "response.output_text.delta", "delta": "<think>x</think>Hi"},
        completed(usage={"input_tokens": 5, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 3}}),
    )
    assert items == [Reply(text="Hi"), ReplyEnd(input_tokens=5, cached_tokens=3, output_tokens=1)]


async def test_a_call_without_deltas_comes_whole() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "sum", "arguments": '{"a":1}'}
    items = await heard({"type": "response.output_item.done", "output_index": 0, "item": item}, completed())
    assert items == [
        ToolCall(call_id="c1", name="sum", delta='{"a":1}'),
        ToolCall(call_id="c1", name="sum", arguments='{"a":1}'),
        ReplyEnd(reason="tool_calls"),
    ]


async def test_interrupted_by_the_filter_or_the_limit() -> None:
    for reason in ("content_filter", "length"):
        why = {"reason": "max_output_tokens" if reason == "length" else reason}
        response = {"status": "incomplete", "incomplete_details": why}
        items = await heard({"type": "response.incomplete", "response": response})
        assert items == [ReplyEnd(reason=reason)]  # type: ignore[arg-type]


async def test_failures() -> None:
    error = {"code": "rate_limit_exceeded", "message": "slow down"}
    for event in ({"type": "response.failed", "response": {"error": error}}, {"type": "error", **error}):
        with pytest.raises(ServerFailed, match="slow down") as caught:
            await heard(event)
        assert caught.value.status_code == 429
    with pytest.raises(StreamCut, match="ended before the response did"):
        await heard({"type": "response.output_text.delta", "delta": "Hi"})


def test_input() -> None:
    use = ToolUse(call_id="c1", name="sum", arguments="{}")
    lines = (
        Line(role="system", text="Be kind."),
        Line(role="user", text="Look", images=("https://x/y.png",)),
        Line(role="assistant", text="Well", calls=(use,)),
        Line(role="tool", text="3", call_id="c1"),
        Line(role="system", text="Be brief."),
    )
    fields = response_input(Prompt(lines=lines))
    assert fields["instructions"] == "Be kind."
    user, said, call, result, system = fields["input"]
    assert user["content"][1] == {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"}
    assert said["content"][0]["text"] == "Well"
    assert call == {"type": "function_call", "call_id": "c1", "name": "sum", "arguments": "{}"}
    assert result == {"type": "function_call_output", "call_id": "c1", "output": "3"}
    assert system["role"] == "system"


def test_tools() -> None:
    tools = (Tool(name="now", description="The time"),)
    fields = response_tools(Settings(tools=tools, tool_choice="function:now"))
    assert fields["tool_choice"] == {"type": "function", "name": "now"}
    assert fields["tools"][0]["name"] == "now"
