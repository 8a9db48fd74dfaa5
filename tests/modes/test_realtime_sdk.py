"""Conversations by the stock `openai` package, unchanged."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.modes.served import HZ, LOUD, QUIET, quick, serving, slow

pytestmark = pytest.mark.anyio


async def until(connection: AsyncRealtimeConnection, kind: str) -> tuple[Any, list[Any]]:
    """Read up to an event of this type; return it and all that came."""
    events: list[Any] = []

    async def read() -> None:
        async for event in connection:
            assert event.type != "error" or kind == "error", event
            events.append(event)
            if event.type == kind:
                return

    await asyncio.wait_for(read(), 5)
    return events[-1], events


async def speak(connection: AsyncRealtimeConnection, ms: int, loud: bool = True) -> None:
    frame = base64.b64encode((LOUD if loud else QUIET) * (HZ // 50)).decode()
    for _ in range(ms // 20):
        await connection.input_audio_buffer.append(audio=frame)


def sound(events: list[Any]) -> bytes:
    return b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")


async def test_a_spoken_conversation_of_several_turns() -> None:
    stt = ScriptedStt(texts=["first", "second", "third"], seconds=0.005)
    async with serving(quick(stt=stt)) as server:
        client = server.client()
        async with client.realtime.connect(model="s2s") as connection:
            await connection.session.update(
                session={
                    "type": "realtime",
                    "instructions": "Answer in one sentence.",
                    "output_modalities": ["audio"],
                    "audio": {
                        "input": {
                            "format": {"type": "audio/pcm", "rate": 24000},
                            "transcription": {"model": "whisper-1"},
                            "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
                        },
                        "output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24000}},
                    },
                }
            )
            updated, events = await until(connection, "session.updated")
            assert [event.type for event in events] == ["session.created", "session.updated"]
            assert updated.session.audio.input.turn_detection.silence_duration_ms == 200
            for text in stt.texts:
                await speak(connection, 400)
                await speak(connection, 300, loud=False)
                done, events = await until(connection, "response.done")
                heard = [e.transcript for e in events if e.type.endswith("input_audio_transcription.completed")]
                assert heard == [text] and done.response.status == "completed"
                assert len(sound(events)) == 2 * HZ
                (message,) = done.response.output
                assert message.content[0].transcript == ScriptedLlm.words
        await client.close()
        await server.alone()


async def test_text_in_text_out_and_an_error_in_between() -> None:
    async with serving() as server:
        client = server.client()
        async with client.realtime.connect(model="s2s") as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
            )
            await connection.conversation.item.delete(item_id="nothing", event_id="mine")
            error, _ = await until(connection, "error")
            assert (error.error.code, error.error.event_id) == ("item_delete_invalid_item_id", "mine")
            await connection.response.create()
            done, events = await until(connection, "response.done")
            assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == ScriptedLlm.words
            assert done.response.usage.output_tokens == 10
        await client.close()


async def test_a_function_is_called_and_its_result_answered() -> None:
    llm = ScriptedLlm(calls={"weather?": ["look"]}, first_seconds=0.005, seconds=0.001)
    stt = ScriptedStt(texts=["weather?"], seconds=0.005)
    async with serving(quick(llm=llm, stt=stt)) as server:
        client = server.client()
        async with client.realtime.connect(model="s2s") as connection:
            await connection.session.update(
                session={
                    "type": "realtime",
                    "tools": [{"type": "function", "name": "look", "description": "Look", "parameters": {}}],
                    "tool_choice": "auto",
                }
            )
            await speak(connection, 300)
            await speak(connection, 300, loud=False)
            done, events = await until(connection, "response.done")
            (call,) = done.response.output
            assert (call.type, call.name, call.arguments, call.status) == (
                *("function_call", "look", '{"n": 0}', "completed"),
            )
            told = next(e for e in events if e.type == "response.function_call_arguments.done")
            assert (told.call_id, told.name) == (call.call_id, "look")
            await connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call.call_id, "output": '{"sun": true}'}
            )
            await connection.response.create()
            done, events = await until(connection, "response.done")
            assert done.response.output[0].content[0].transcript == ScriptedLlm.words and sound(events)
        await client.close()


async def test_speech_interrupts_and_the_next_answer_is_its_own() -> None:
    async with serving(slow()) as server:
        client = server.client()
        async with client.realtime.connect(model="s2s") as connection:
            await speak(connection, 300)
            await speak(connection, 300, loud=False)
            first, _ = await until(connection, "response.output_audio.delta")
            await speak(connection, 300)
            done, _ = await until(connection, "response.done")
            assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
            await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=100)
            await until(connection, "conversation.item.truncated")
            await speak(connection, 300, loud=False)
            second, events = await until(connection, "response.output_audio.delta")
            assert second.response_id != first.response_id
            assert not [e for e in events if getattr(e, "response_id", "") == first.response_id]
            await connection.response.cancel(response_id=second.response_id)
            done, _ = await until(connection, "response.done")
            assert done.response.status_details.reason == "client_cancelled"
        await client.close()
        await server.alone()
