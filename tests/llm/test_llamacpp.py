"""The embedded language model, with its real weights."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from s2s.llm import loopback, reader
from s2s.llm.llamacpp import LlamaCpp
from s2s.messages import Ahead, Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings, Tool
from s2s.stage import Call

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

SYSTEM = "You are a helpful voice assistant. Answer in one short sentence."


@pytest.fixture(scope="module")
def stage() -> Iterator[LlamaCpp]:
    model = LlamaCpp(slots=4, context=256, warm_up=SYSTEM, temperature=0.0, max_tokens=60)
    model.load()
    assert model._warmer is not None
    model._warmer.join()
    yield model
    model.close()


def prompt(*said: str) -> Prompt:
    roles = ("user", "assistant") * len(said)
    turns = [Line(role=role, text=text) for role, text in zip(roles, said, strict=False)]  # type: ignore[arg-type]
    return Prompt(lines=(Line(role="system", text=SYSTEM), *turns))


def a_call(name: str = "t", **settings: object) -> Call:
    return Call(name, 1, Settings(**settings))  # type: ignore[arg-type]


async def answered(stage: LlamaCpp, item: Prompt, call: Call | None = None) -> tuple[str, ReplyEnd]:
    items = [item async for item in stage.run(call or a_call(), item)]
    end = items[-1]
    assert isinstance(end, ReplyEnd)
    return "".join(item.text for item in items if isinstance(item, Reply)), end


async def test_an_answer_and_what_it_cost(stage: LlamaCpp) -> None:
    text, end = await answered(stage, prompt("What is the capital of France?"))
    assert "Paris" in text
    assert end.reason == "stop"
    assert end.output_tokens > 0
    assert 10 < end.cached_tokens < end.input_tokens, "the warm-up has read the system line"


async def test_the_conversation_stays_read_in_the_callers_slot(stage: LlamaCpp) -> None:
    mine, other = a_call("mine"), a_call("other")
    first, _ = await answered(stage, prompt("What is the capital of France?"), mine)
    await answered(stage, prompt("Tell me about cats."), other)
    _, end = await answered(stage, prompt("What is the capital of France?", first, "And of Spain?"), mine)
    assert end.input_tokens - end.cached_tokens < 20
    stage.hangup(mine)


async def test_what_stays_of_a_conversation_is_not_read_again(stage: LlamaCpp) -> None:
    call = a_call("long")
    said = [f"Number {n} is a number that we should all remember well." for n in range(6)]
    await answered(stage, prompt(*said, "What is the capital of France?"), call)
    _, end = await answered(stage, prompt(*said[2:], "What is the capital of France?", "Paris.", "And of Spain?"), call)
    assert end.input_tokens - end.cached_tokens < 30, "two lines are gone, and the others are moved"
    stage.hangup(call)


async def test_the_limit_of_a_session(stage: LlamaCpp) -> None:
    _, end = await answered(stage, prompt("Tell me a long story about a boat."), a_call(max_tokens=5))
    assert (end.reason, end.output_tokens) == ("length", 5)


async def test_an_answer_that_is_long_enough_ends_with_its_sentence(stage: LlamaCpp) -> None:
    question = prompt("Who was Napoleon? Tell me everything.")
    stage.max_tokens, stage.enough = 80, None
    try:
        whole, _ = await answered(stage, question, a_call(max_tokens=4096))
        stage.enough = 5
        text, end = await answered(stage, question, a_call(max_tokens=4096))
    finally:
        stage.max_tokens, stage.enough = 24, 12
    assert whole.startswith(text) and len(text) < len(whole)
    assert text[-1] in ".!?\n"
    assert end.reason == "stop"
    assert 5 <= end.output_tokens < 80
    assert end.input_tokens > end.cached_tokens > 0


async def test_a_conversation_too_long_loses_its_older_half(stage: LlamaCpp) -> None:
    said = [f"Number {n} is a number that we should all remember well." for n in range(40)]
    text, end = await answered(stage, prompt(*said, "What is the capital of France?"))
    assert text
    assert end.input_tokens < 256


async def test_a_turn_too_long_says_what_to_do(stage: LlamaCpp) -> None:
    with pytest.raises(RuntimeError, match=r"llama.cpp: request \(\d+ tokens\) exceeds .* or raise 'context'"):
        await answered(stage, prompt("word " * 600))


async def test_more_callers_than_slots(stage: LlamaCpp) -> None:
    asked = [answered(stage, prompt(f"Say {n}."), a_call(f"caller {n}")) for n in range(7)]
    assert all(text for text, _ in await asyncio.gather(*asked))


async def test_closing_frees_the_slot_at_once(stage: LlamaCpp) -> None:
    call = a_call("hasty", max_tokens=200)
    items = stage.run(call, prompt("Tell me a long story about a boat, a cat and a house."))
    assert isinstance(await items.__anext__(), Reply)
    await items.aclose()
    begun = time.monotonic()
    await answered(stage, prompt("Hello?"), a_call("hasty", max_tokens=1))
    assert time.monotonic() - begun < 2.0


async def test_a_session_takes_no_more_than_the_deployment_gives(stage: LlamaCpp) -> None:
    _, end = await answered(stage, prompt("Tell me a long story about a boat."), a_call(max_tokens=4096))
    assert end.output_tokens <= stage.max_tokens


async def test_tools_are_accepted(stage: LlamaCpp) -> None:
    call = a_call(tools=(Tool(name="now", description="The time"), Tool(name="sum")))
    items = [item async for item in stage.run(call, prompt("What time is it?"))]
    assert isinstance(items[0], (Reply, ToolCall))


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (
    Tool(name="now", description="The time"),
    Tool(name="get_weather", description="The weather in a city", parameters=CITY),
)


@pytest.mark.parametrize(
    ("choice", "tools", "name"),
    [
        ("function:get_weather", TOOLS, "get_weather"),
        ("function:now", TOOLS, "now"),
        ("required", TOOLS[1:], "get_weather"),
        ("required", TOOLS, ""),
    ],
)
async def test_a_function_that_must_be_called_is(
    stage: LlamaCpp, choice: str, tools: tuple[Tool, ...], name: str
) -> None:
    call = a_call(tools=tools, tool_choice=choice)
    items = [item async for item in stage.run(call, prompt("What is the weather in Paris?"))]
    *pieces, last, end = items
    assert isinstance(last, ToolCall) and last.arguments is not None
    assert isinstance(end, ReplyEnd) and end.reason == "tool_calls"
    assert all(isinstance(piece, ToolCall) and piece.call_id == last.call_id for piece in pieces)
    assert last.name == name or not name
    assert "".join(piece.delta for piece in [*pieces, last] if isinstance(piece, ToolCall)) == last.arguments
    arguments = json.loads(last.arguments)
    assert arguments.keys() == ({"city"} if last.name == "get_weather" else set())


async def test_a_call_that_is_cut_off_stays_unfinished(stage: LlamaCpp) -> None:
    call = a_call(tools=TOOLS[1:], tool_choice="required", max_tokens=2)
    items = [item async for item in stage.run(call, prompt("What is the weather in Paris?"))]
    assert isinstance(items[-1], ReplyEnd) and items[-1].reason == "length"
    assert not [item for item in items if isinstance(item, ToolCall) and item.arguments is not None]


async def test_unicode_and_an_empty_turn(stage: LlamaCpp) -> None:
    for text in ("¿Qué tal? 你好 🙂\x00", ""):
        assert (await answered(stage, prompt(text)))[1].input_tokens > 0


async def test_it_closes_while_it_answers() -> None:
    model = LlamaCpp(slots=1, context=256, max_tokens=200, temperature=0.0)
    model.load()
    address = urlsplit(model._url)
    items = model.run(a_call(), prompt("Tell me a long story about a boat."))
    await items.__anext__()
    begun = time.monotonic()
    model.close()
    assert time.monotonic() - begun < 3.0
    with pytest.raises(OSError), socket.create_connection((address.hostname or "", address.port or 0), 1):
        pass
    await items.aclose()


def test_a_bad_path_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"no such file or folder: /nowhere/x\.gguf"):
        LlamaCpp(model="/nowhere/x.gguf").load()


async def test_an_answer_that_gives_way_goes_on_where_it_stopped(stage: LlamaCpp) -> None:
    question = prompt("Tell me a long story about a boat.")
    whole, end = await answered(stage, question, a_call("alone"))
    ahead, urgent = a_call("ahead"), a_call("urgent")
    ahead.due, urgent.due = 100.0, 1.0
    items: list[object] = []
    other: asyncio.Task[tuple[str, ReplyEnd]] | None = None
    order: list[str] = []
    async for item in stage.run(ahead, question):
        items.append(item)
        order.append("ahead")
        if len(items) == 5:
            other = asyncio.create_task(answered(stage, prompt("What is the capital of France?"), urgent))
            other.add_done_callback(lambda _: order.append("urgent"))
    assert other is not None
    assert "Paris" in (await other)[0]
    assert order.index("urgent") < len(order) - 5, "it did not wait for the end of the other answer"
    assert "".join(item.text for item in items if isinstance(item, Reply)) == whole
    last = items[-1]
    assert isinstance(last, ReplyEnd)
    assert (last.input_tokens, last.reason) == (end.input_tokens, end.reason)
    assert abs(last.output_tokens - end.output_tokens) <= 1


def asking(question: str, ahead: Ahead | None = None) -> Prompt:
    """A caller's second question, or as much of it as is known."""
    whole = prompt("Hello, who are you?", "I am a voice assistant and I like to help.", question)
    return msgspec.structs.replace(whole, ahead=ahead)


async def read(stage: LlamaCpp, call: Call, *items: Prompt) -> None:
    """Have prompts read ahead: nothing comes of them."""
    for item in items:
        assert [out async for out in stage.run(call, item)] == []


QUESTION = "Can you tell me what the capital of France is?"


async def answered_after(stage: LlamaCpp, name: str, *items: Prompt) -> tuple[str, ReplyEnd]:
    """Have a caller whose slot knows another conversation read these ahead; return the answer to its question."""
    call = a_call(name, max_tokens=12)
    await answered(stage, prompt("Good morning."), call)
    await read(stage, call, *items)
    found = await answered(stage, asking(QUESTION), call)
    stage.hangup(call)
    return found


async def test_what_was_read_ahead_is_known_and_the_answer_stays_the_same(stage: LlamaCpp) -> None:
    begun, whole = asking(QUESTION[:34], "begun"), asking(QUESTION, "whole")
    text, end = await answered_after(stage, "nothing")
    assert "Paris" in text
    known = []
    for name, items in {"begun": [begun], "whole": [whole], "both": [begun, whole]}.items():
        same, other = await answered_after(stage, name, *items)
        assert (same, other.input_tokens) == (text, end.input_tokens)
        known.append(other.cached_tokens)
    assert end.cached_tokens + 20 < known[0] < known[1] == known[2] == end.input_tokens - 1


async def test_words_that_turn_out_to_be_others_leave_the_answer_as_it_is(stage: LlamaCpp) -> None:
    text, end = await answered_after(stage, "nothing")
    other, after = await answered_after(stage, "others", asking("Can you tell me a story about cats?", "whole"))
    assert other == text and end.cached_tokens < after.cached_tokens < end.input_tokens - 5


async def test_who_reads_ahead_does_not_go_on_to_write(stage: LlamaCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[dict[str, Any]] = []

    async def watched(url: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        async for chunk in loopback.events(url, body):
            chunks.append(chunk)
            yield chunk

    monkeypatch.setattr(reader, "events", watched)
    await read(stage, a_call("quiet"), asking("Would you sing me something now?", "whole"))
    assert chunks
    assert sum(len(chunk["tokens"]) for chunk in chunks) <= 1, "the one that comes of the last word read"
    stage.hangup(a_call("quiet"))


async def test_nothing_is_read_ahead_while_others_need_the_model(stage: LlamaCpp) -> None:
    call = a_call("modest")
    async with AsyncExitStack() as lent:
        for number in range(stage.slots):
            await lent.enter_async_context(stage._slots.lend(f"busy {number}"))
        await asyncio.wait_for(read(stage, call, asking(QUESTION, "whole")), 2.0)
    async with AsyncExitStack() as taken:
        for number in range(stage.at_once):
            await taken.enter_async_context(stage._turns.take(a_call(f"busy {number}")))
        await asyncio.wait_for(read(stage, call, asking(QUESTION, "whole")), 2.0)
    for number in range(stage.slots):
        stage.hangup(a_call(f"busy {number}"))
    assert stage._slots.idle and stage._turns.idle


async def test_a_function_that_must_be_called_is_not_read_ahead_of(stage: LlamaCpp) -> None:
    call = a_call(tools=TOOLS, tool_choice="required")
    whole = prompt("Which of these stars is it that shines so brightly in the evening?")
    await read(stage, call, msgspec.structs.replace(whole, ahead="whole"))
    _, end = await answered(stage, whole, a_call())
    assert end.cached_tokens < end.input_tokens - 10
    stage.hangup(call)


async def test_a_reading_that_is_broken_off_frees_the_model_at_once(stage: LlamaCpp) -> None:
    call = a_call("hasty")
    long = prompt("Let me tell you a long story about this. " * 20)
    reading = asyncio.create_task(read(stage, call, msgspec.structs.replace(long, ahead="whole")))
    while len(stage._slots._free) == stage.slots and not reading.done():
        await asyncio.sleep(0.001)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    begun = time.monotonic()
    await answered(stage, prompt("Hello?"), a_call("hasty", max_tokens=1))
    assert time.monotonic() - begun < 2.0
    stage.hangup(call)
    assert stage._slots.idle and stage._turns.idle
