"""One long session that is told everything a WebSocket client can be told, each event valid and sent at its time."""

from __future__ import annotations

import pytest

from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.modes.served import Client, quick, serving
from tests.realtime.strict import CLASSES

pytestmark = pytest.mark.anyio

NOT_OVER_WEBSOCKET = {
    "output_audio_buffer.cleared",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "input_audio_buffer.dtmf_event_received",
}
NOT_HERE = {
    "conversation.created",  # in the types, not on the wire
    "conversation.item.created",  # the beta's name
    "conversation.item.input_audio_transcription.segment",  # no recogniser tells speakers apart
}


def expected() -> set[str]:
    """The server events of the package's union, without those of MCP, WebRTC and the beta."""
    return {kind for kind in CLASSES if "mcp" not in kind} - NOT_OVER_WEBSOCKET - NOT_HERE


@pytest.mark.row("3 every event")
async def test_a_session_is_told_every_event() -> None:
    stt = ScriptedStt(texts=["one two three", "x", "weather?", "four"], seconds=0.005, partials=True, fails=[1])
    llm = ScriptedLlm(calls={"weather?": ["look"]}, first_seconds=0.005, seconds=0.001)
    async with serving(quick(stt=stt, llm=llm)) as server, Client(server.url) as client:
        tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
        detection = {"type": "server_vad", "silence_duration_ms": 100, "idle_timeout_ms": 150}
        await client.configure(tools=[tool], audio={"input": {"turn_detection": detection}})
        await client.turn()
        await client.until("response.done")
        answer = client.all("response.output_item.done")[0]["item"]["id"]
        cut = {"item_id": answer, "content_index": 0, "audio_end_ms": 100}
        await client.ask("conversation.item.truncate", "conversation.item.truncated", **cut)
        await client.until("input_audio_buffer.timeout_triggered")
        await client.until("response.done", 2)
        await client.turn()
        await client.until("conversation.item.input_audio_transcription.failed")
        await client.turn()
        await client.until("response.function_call_arguments.done")
        await client.until("response.done", 3)
        item = await client.say("hello")
        await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item["id"])
        await client.send("response.create", response={"output_modalities": ["text"]})
        await client.until("response.output_text.done")
        await client.ask("conversation.item.delete", "conversation.item.deleted", item_id=item["id"])
        await client.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")
        await client.refused("response.cancel", response_id="none")
        assert set(client.types()) == expected()
        assert len({event["event_id"] for event in client.events}) == len(client.events)


def test_the_union_is_the_one_that_is_known() -> None:
    assert len(CLASSES) == 46 and len(expected()) == 31
