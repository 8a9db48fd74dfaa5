"""What real clients insist on, each told here without the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm
from tests.modes.orders import OPENED, SPOKEN_END
from tests.modes.served import Client, quick, serving, slow

pytestmark = pytest.mark.anyio


@pytest.mark.row("7 retrieve after transcription")
async def test_an_item_can_be_retrieved_after_every_transcription_and_truncation() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.turn()
        heard = await client.until("conversation.item.input_audio_transcription.completed")
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=heard["item_id"])
        assert kept["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]
        await client.until("response.output_audio.delta", 3)
        answer = client.all("response.output_item.added")[0]["item"]["id"]
        await client.sound(200)
        await client.until("response.done")
        cut = {"item_id": answer, "content_index": 0, "audio_end_ms": 100}
        await client.ask("conversation.item.truncate", "conversation.item.truncated", **cut)
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=answer)
        assert kept["item"]["status"] == "incomplete" and not client.all("error")


@pytest.mark.row("7 call before arguments")
async def test_an_item_says_whose_call_it_is_before_its_arguments_are_done() -> None:
    llm = ScriptedLlm(calls={"weather?": ["look"]}, first_seconds=0.005)
    async with serving(quick(llm=llm)) as server, Client(server.url) as client:
        await client.configure(tools=[{"type": "function", "name": "look"}])
        await client.say("weather?")
        await client.send("response.create")
        done = await client.until("response.function_call_arguments.done")
        item = client.all("conversation.item.added")[1]["item"]
        assert (item["name"], item["call_id"], item["arguments"]) == ("look", done["call_id"], "")


class LateEnd(ScriptedLlm):
    """Ends an answer some while after its function call is whole, as servers that count tokens do."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer as scripted."""
        async for out in super().run(call, item):
            if isinstance(out, ReplyEnd):
                await asyncio.sleep(0.2)
            yield out


@pytest.mark.row("4.9 function call")
async def test_a_result_and_the_next_request_may_come_before_the_response_is_done() -> None:
    llm = LateEnd(calls={"weather?": ["look"]}, first_seconds=0.005)
    async with serving(quick(llm=llm)) as server, Client(server.url) as client:
        await client.configure(tools=[{"type": "function", "name": "look"}])
        await client.say("weather?")
        await client.send("response.create")
        call = (await client.until("response.output_item.done"))["item"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        await client.ask("conversation.item.create", "conversation.item.done", item=output)
        assert not client.all("response.done")
        await client.send("response.create", response={"metadata": {"client_event_id": "2"}})
        await client.until("response.done", 2)
        assert [event["response"]["output"][0]["type"] for event in client.all("response.done")] == [
            "function_call",
            "message",
        ]
        assert client.all("response.created")[1]["response"]["metadata"] == {"client_event_id": "2"}
        assert not client.all("error")


@pytest.mark.row("7 push-to-talk flurry")
async def test_clear_cancel_commit_and_create_may_come_in_a_row() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.listen()
        await client.sound(400)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        began = len(client.events)
        await client.send("input_audio_buffer.clear")
        await client.send("response.cancel")
        await client.sound(400)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.output_audio.delta", len(client.all("response.output_audio.delta")) + 1)
        order = client.order(began)
        assert order == [
            *("input_audio_buffer.cleared", *SPOKEN_END),
            *("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"),
            *OPENED,
        ]


@pytest.mark.row("7 confirmed during a response", "7 history replayed")
async def test_a_history_is_written_while_an_answer_is_given() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.say("hello")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        previous = "root"
        for number, (role, kind) in enumerate([("user", "input_text"), ("assistant", "output_text")] * 2):
            item = {"id": f"mine_{number}", "type": "message", "role": role, "content": [{"type": kind, "text": "x"}]}
            fields = {"item": item, "previous_item_id": previous}
            done = await client.ask("conversation.item.create", "conversation.item.done", **fields)
            assert done["item"]["id"] == item["id"]
            assert done["previous_item_id"] == (None if previous == "root" else previous)
            previous = item["id"]  # type: ignore[assignment]
        for number in range(4):
            await client.ask("conversation.item.delete", "conversation.item.deleted", item_id=f"mine_{number}")
        assert not client.all("response.done") and not client.all("error")


async def test_an_empty_previous_item_id_is_none() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.say("one")
        item = {"id": "", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "two"}]}
        fields = {"item": item, "previous_item_id": "", "event_id": None}
        done = await client.ask("conversation.item.create", "conversation.item.done", **fields)
        assert done["previous_item_id"] == client.all("conversation.item.done")[0]["item"]["id"] and done["item"]["id"]
