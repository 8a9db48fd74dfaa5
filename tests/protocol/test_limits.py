"""What one client can't do to the others, nor to itself."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.conversation.history import UNHEARD
from s2s.conversation.requests import ASIDE
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.modes.served import HZ, LOUD, Client, quick, serving, slow

pytestmark = pytest.mark.anyio

HUGE = 10**400
TEXT = {"type": "message", "role": "user"}


def created(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


def written(text: str) -> dict[str, Any]:
    return created({**TEXT, "content": [{"type": "input_text", "text": text}]})


@pytest.mark.row("8 huge", "1 frames out")
@pytest.mark.parametrize(
    "event",
    [
        written('"' * 600_000),
        written("\x01" * 300_000),
        created({**TEXT, "content": [{"type": "input_text", "text": ""}] * 100_000}),
        created({"type": "function_call", "call_id": "c" * 2_000_000, "name": "f"}),
        created({"type": "function_call", "call_id": "c", "name": "f" * 2_000_000}),
        {"type": "response.create", "response": {"metadata": {"a": "b" * 2_000_000}}},
        {"type": "response.create", "response": {"metadata": {"a" * 65: "b"}}},
        {"type": "session.update", "session": {"type": "realtime", "instructions": '"' * 600_000}},
    ],
)
async def test_what_would_come_back_as_a_huge_frame_is_refused(event: dict[str, Any]) -> None:
    async with serving() as server, Client(server.url) as client:  # which closes above 1 MiB
        await client.socket.send(json.dumps(event))
        assert (await client.until("error"))["error"]["code"] in ("string_above_max_length", "invalid_value")
        assert (await client.configure())["object"] == "realtime.session"


@pytest.mark.row("5 invalid_value")
@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 2**31}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": HUGE}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": HUGE}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": HUGE}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 0}}}},
        {
            "truncation": {
                "type": "retention_ratio",
                "retention_ratio": 0.5,
                "token_limits": {"post_instructions": HUGE},
            }
        },
    ],
)
async def test_numbers_have_bounds(session: dict[str, Any]) -> None:
    async with serving() as server, Client(server.url) as client:
        error = await client.refused("session.update", session={"type": "realtime", **session})
        assert error["code"] in ("invalid_value", "invalid_type")
        await client.turn()
        assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_a_chat_stage_that_fails_ends_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    from s2s.text.chat import Chat

    def broken(self: Chat, call: Call, item: Any) -> Any:
        raise OverflowError("too much")

    async with serving() as server, Client(server.url) as client:
        monkeypatch.setattr(type(server.engine.graph.nodes["chat"].stage), "run", broken)
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["error"]["message"]) == ("failed", "chat: too much")


@pytest.mark.row("4.14 out of band")
async def test_responses_out_of_band_are_counted() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        options = {"conversation": "none", "input": [], "output_modalities": ["text"]}
        for _ in range(ASIDE):
            await client.ask("response.create", "response.created", response=options)
        assert (await client.refused("response.create", response=options))["code"] == "too_many_active_responses"
        await client.send("response.create")
        created = await client.until("response.created", ASIDE + 1)
        assert created["response"]["conversation_id"], "the conversation's own is not counted"
        await client.send("response.cancel", response_id=client.all("response.created")[0]["response"]["id"])
        await client.until("response.done")
        await client.ask("response.create", "response.created", response=options)


async def test_audio_items_are_counted_and_short() -> None:
    async with serving(quick(stt=ScriptedStt(seconds=5))) as server, Client(server.url) as client:

        def item(seconds: float) -> dict[str, Any]:
            audio = base64.b64encode(LOUD * int(HZ * seconds)).decode()
            return {**TEXT, "content": [{"type": "input_audio", "audio": audio}]}

        error = await client.refused("conversation.item.create", item=item(61))
        assert (error["code"], error["param"]) == ("invalid_value", "item.content")
        for _ in range(UNHEARD):
            await client.ask("conversation.item.create", "conversation.item.done", item=item(0.2))
        assert (await client.refused("conversation.item.create", item=item(0.2)))["code"] == "too_many_unheard_items"
        await client.say("text is not counted")
        gone = client.all("conversation.item.done")[0]["item"]["id"]
        await client.ask("conversation.item.delete", "conversation.item.deleted", item_id=gone)
        await client.ask("conversation.item.create", "conversation.item.done", item=item(0.2))


async def test_a_conversation_has_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.conversation.history.WEIGHT_BYTES", 1000)
    async with serving() as server, Client(server.url) as client:
        first = await client.say("x" * 900)
        item = {**TEXT, "content": [{"type": "input_text", "text": "x" * 200}]}
        assert (await client.refused("conversation.item.create", item=item))["code"] == "conversation_full"
        await client.ask("conversation.item.delete", "conversation.item.deleted", item_id=first["id"])
        await client.ask("conversation.item.create", "conversation.item.done", item=item)


class Reading(ScriptedLlm):
    """Keeps the prompts that it was given."""

    prompts: list[Prompt] = []

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer as scripted."""
        self.prompts.append(item)
        async for out in super().run(call, item):
            yield out


@pytest.mark.row("4.7 push to talk")
async def test_a_response_over_an_item_without_words_yet_waits_for_them() -> None:
    Reading.prompts = []
    stages = quick(stt=ScriptedStt(texts=["use the tool"], seconds=0.1), llm=Reading(first_seconds=0.005))
    async with serving(stages) as server, Client(server.url) as client:
        await client.listen()
        await client.sound(300)
        await client.send("input_audio_buffer.commit")
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        options = {"conversation": "none", "input": [{"type": "item_reference", "id": item_id}]}
        await client.send("response.create", response=options)
        await client.until("response.done")
        assert [line.text for line in Reading.prompts[0].lines][1:] == ["use the tool"]


async def test_speech_given_as_an_item_lets_out_nothing_of_an_open_turn() -> None:
    from s2s.testing.stages import ScriptedTurn

    stages = quick(turn=ScriptedTurn(silence_ms=1000, soft_ms=100), stt=ScriptedStt(texts=["one", "two"], seconds=0.01))
    async with serving(stages) as server, Client(server.url) as client:
        await client.sound(300)
        await client.sound(200, loud=False)  # a pause: an answer is prepared on trial
        audio = base64.b64encode(LOUD * (HZ // 5)).decode()
        item = {**TEXT, "content": [{"type": "input_audio", "audio": audio}]}
        done = await client.ask("conversation.item.create", "conversation.item.done", item=item)
        await client.wait(lambda: server.engine and _words(server, done["item"]["id"]))
        assert not client.all("response.created")
        await client.sound(1000, loud=False)
        await client.until("response.done")
        kinds = client.types()
        assert kinds.index("input_audio_buffer.committed") < kinds.index("response.created")


def _words(server: Any, item_id: str) -> str:
    (call,) = server.engine.calls.values()
    return call.state.item(item_id).text  # type: ignore[no-any-return]


async def test_the_format_of_a_request_that_waits_is_kept() -> None:
    from tests.protocol.test_insistences import LateEnd

    llm = LateEnd(calls={"weather?": ["look"]}, first_seconds=0.005)
    async with serving(quick(llm=llm)) as server, Client(server.url) as client:
        await client.say("weather?")
        await client.send("response.create")
        call = (await client.until("response.output_item.done"))["item"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        await client.ask("conversation.item.create", "conversation.item.done", item=output)
        await client.send("response.create", response={"audio": {"output": {"format": {"type": "audio/pcmu"}}}})
        await client.refused("conversation.item.delete", item_id="nobody")
        done = (await client.until("response.done", 2))["response"]
        assert done["audio"]["output"]["format"] == {"type": "audio/pcmu"}


async def test_push_to_talk_begins_with_an_empty_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.hearing.HELD_S", 1.0)
    async with serving() as server, Client(server.url) as client:
        await client.sound(2000, loud=False)
        await client.listen()
        await client.sound(400)
        await client.ask("input_audio_buffer.commit", "input_audio_buffer.committed")
        assert not client.all("error")
        await client.sound(1400)
        assert (await client.until("error"))["error"]["code"] == "input_audio_buffer_full"
        await client.ask("input_audio_buffer.commit", "input_audio_buffer.committed")
        assert len(client.all("error")) == 1
