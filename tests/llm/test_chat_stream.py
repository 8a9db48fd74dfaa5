"""Chat completions on the wire, with what servers are known to send."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.llm.chat_stream import answer, chat_messages, chat_tools
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall, ToolUse
from s2s.remote_errors import ServerFailed, StreamCut
from s2s.settings import Settings, Tool

pytestmark = pytest.mark.anyio

Piece = Reply | ToolCall | ReplyEnd


async def heard(*chunks: dict[str, Any]) -> list[Piece]:
    async def stream() -> AsyncIterator[dict[str, Any]]:
        for chunk in chunks:
            yield chunk

    return [item async for item in answer(stream())]


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def tool(index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    fields = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
    return chunk(tool_calls=[{key: value for key, value in fields.items() if value is not None}])


def whole(items: list[Piece]) -> list[tuple[str, str, str | None]]:
    """The finished calls, after checking that their pieces add up."""
    calls = [item for item in items if isinstance(item, ToolCall)]
    done = [(call.call_id, call.name, call.arguments) for call in calls if call.arguments is not None]
    for call_id, name, arguments in done:
        pieces = [call for call in calls if call.call_id == call_id]
        assert {call.name for call in pieces} == {name}
        assert "".join(call.delta for call in pieces) == arguments
    return done


async def test_text_and_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    items = await heard(
        chunk(role="assistant", content=None),
        chunk(content="Hi"),
        chunk(content=" you"),
        chunk("stop"),
        {"choices": [], "usage": usage},
    )
    end = ReplyEnd(reason="stop", input_tokens=9, cached_tokens=4, output_tokens=2)
    assert items == [Reply(text="Hi"), Reply(text=" you"), end]


async def test_usage_in_every_chunk_and_none_at_the_end() -> None:
    last = {**chunk("stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 1, "prompt_cache_hit_tokens": 2}}
    items = await heard({**chunk(content="Hi"), "usage": {"prompt_tokens": 1}}, last)
    assert items[-1] == ReplyEnd(input_tokens=3, cached_tokens=2, output_tokens=1)


async def test_thoughts_are_left_out_and_refusals_are_said() -> None:
    items = await heard(
        chunk(reasoning_content="hm"),
        chunk(reasoning="hm"),
        chunk(content="<thi"),
        chunk(content="nk>x</think>"),
        chunk(content="\n\nNo"),
        chunk(refusal=", sorry."),
        chunk("stop"),
    )
    assert [item.text for item in items if isinstance(item, Reply)] == ["No", ", sorry."]


async def test_thoughts_among_the_parts_of_a_content() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    items = await heard(chunk(content=[thought]), chunk(content=[{"type": "text", "text": "Yes."}]), chunk("stop"))
    assert items == [Reply(text="Yes."), ReplyEnd()]


@pytest.mark.parametrize(
    ("given", "reason"),
    [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("max_tokens", "length"), ("content_filter",) * 2],
)
async def test_why_it_ends(given: str, reason: str) -> None:
    assert await heard(chunk(content="x"), chunk(given)) == [Reply(text="x"), ReplyEnd(reason=reason)]  # type: ignore[arg-type]


async def test_index_only_pieces_of_parallel_calls() -> None:
    items = await heard(
        tool(0, "c1", "sum", ""),
        tool(0, arguments='{"a"'),
        tool(1, "c2", "now", ""),
        tool(0, arguments=": 1}"),
        chunk("tool_calls"),
    )
    assert whole(items) == [("c1", "sum", '{"a": 1}'), ("c2", "now", "{}")]
    assert items[-1] == ReplyEnd(reason="tool_calls")


async def test_id_and_name_in_every_piece() -> None:
    items = await heard(tool(0, "c1", "sum", '{"a"'), tool(0, "c1", "sum", ": 1}"), chunk("stop"))
    assert whole(items) == [("c1", "sum", '{"a": 1}')]
    assert items[-1] == ReplyEnd(reason="tool_calls")


async def test_parallel_calls_that_all_have_index_0_or_none() -> None:
    for index in (0, None):
        items = await heard(tool(index, "c1", "sum", '{"a":1}'), tool(index, "c2", "sum", {"a": 2}), chunk("stop"))
        assert whole(items) == [("c1", "sum", '{"a":1}'), ("c2", "sum", '{"a": 2}')]


async def test_a_call_without_id_gets_one() -> None:
    items = await heard(tool(0, name="sum", arguments="{"), tool(0, arguments="}"), chunk("tool_calls"))
    ((call_id, name, arguments),) = whole(items)
    assert call_id.startswith("call_")
    assert (name, arguments) == ("sum", "{}")


async def test_arguments_before_the_name_wait_for_it() -> None:
    items = await heard(tool(0, "c1", arguments='{"a"'), tool(0, name="sum", arguments=":1}"), chunk("tool_calls"))
    assert items[0] == ToolCall(call_id="c1", name="sum", delta='{"a":1}')
    assert whole(items) == [("c1", "sum", '{"a":1}')]


async def test_cut_off_arguments_are_never_whole() -> None:
    items = await heard(tool(0, "c1", "sum", '{"a": 1'), chunk("length"))
    assert whole(items) == []
    assert items[-1] == ReplyEnd(reason="length")


async def test_a_stream_without_an_end_is_cut() -> None:
    with pytest.raises(StreamCut, match="cut: it ended without a finish_reason"):
        await heard(chunk(content="Hi"))


async def test_a_call_that_no_server_took_out_of_the_text_is_not_said() -> None:
    items = await heard(chunk(content='Well. <tool_call>{"name"'), chunk(content=': "now"}</tool_call>'), chunk("stop"))
    assert items == [Reply(text="Well. "), ReplyEnd()]


async def test_an_error_inside_the_stream() -> None:
    with pytest.raises(ServerFailed, match="out of memory") as caught:
        await heard(chunk(content="Hi"), {"error": {"code": 503, "message": "out of memory"}})
    assert caught.value.status_code == 503


def test_messages() -> None:
    use = ToolUse(call_id="c1", name="sum", arguments="{}")
    lines = (
        Line(role="system", text="Be kind."),
        Line(role="user", text="Look", images=("data:image/png;base64,AA",)),
        Line(role="assistant", calls=(use,)),
        Line(role="tool", text="3", call_id="c1"),
        Line(role="user", audio=b"\x01\x00"),
    )
    system, user, assistant, result, spoken = chat_messages(Prompt(lines=lines))
    assert system == {"role": "system", "content": "Be kind."}
    assert user["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
    ]
    function = {"name": "sum", "arguments": "{}"}
    assert assistant["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    assert assistant["content"] is None
    assert result == {"role": "tool", "tool_call_id": "c1", "content": "3"}
    with wave.open(io.BytesIO(base64.b64decode(spoken["content"][0]["input_audio"]["data"]))) as file:
        assert (file.getframerate(), file.readframes(9)) == (16000, b"\x01\x00")


def test_a_note_where_a_model_cannot_see() -> None:
    lines = (Line(role="user", text="Look", images=("data:image/png;base64,AA",)),)
    (message,) = chat_messages(Prompt(lines=lines), images=False)
    assert message["content"] == "Look\n(a picture, which you can't see)"


def test_tools() -> None:
    tools = (Tool(name="now", description="The time"),)
    assert chat_tools(Settings(tool_choice="required")) == {}
    fields = chat_tools(Settings(tools=tools, tool_choice="function:now", parallel_tools=False))
    assert fields["tool_choice"] == {"type": "function", "function": {"name": "now"}}
    assert fields["parallel_tool_calls"] is False
    assert fields["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
