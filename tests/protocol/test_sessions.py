"""What a session is set to: shown in full, refused by name, or settled."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from s2s.testing.stages import ScriptedStt, ScriptedTts
from tests.modes.orders import TURN
from tests.modes.served import HZ, LOUD, Client, quick, serving, slow

pytestmark = pytest.mark.anyio


class TwoVoices(ScriptedTts):
    """Obeys a voice's name."""

    honours = frozenset({"voice", "speed"})

    def voice_names(self) -> list[str]:
        """Its voices."""
        return ["amy", "joe"]


@pytest.mark.row("4.19 voice", "5 voice")
async def test_the_voice_is_settled_once_it_was_heard() -> None:
    async with serving(quick(tts=TwoVoices())) as server, Client(server.url) as client:
        await client.configure(audio={"output": {"voice": "amy"}})
        await client.configure(audio={"output": {"voice": "joe"}})
        await client.say("hello")
        await client.send("response.create")
        await client.until("response.done")
        patch = {"type": "realtime", "instructions": "new", "audio": {"output": {"voice": "amy"}}}
        error = await client.refused("session.update", session=patch)
        assert (error["code"], error["param"]) == ("cannot_update_voice", "session.audio.output.voice")
        session = await client.configure(audio={"output": {"voice": "joe", "speed": 1.2}})
        assert session["instructions"] == "" and session["audio"]["output"]["speed"] == 1.2


@pytest.mark.row("5 unsupported", "5 invalid_value")
@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"audio": {"output": {"voice": "../../etc/passwd"}}}, "session.audio.output.voice"),
        ({"audio": {"output": {"voice": {"id": "nobody"}}}}, "session.audio.output.voice"),
        ({"audio": {"output": {"speed": 1.5}}}, "session.audio.output.speed"),
        (
            {"audio": {"input": {"transcription": {"model": "x", "prompt": "names"}}}},
            "session.audio.input.transcription.prompt",
        ),
        ({"include": ["item.input_audio_transcription.logprobs"]}, "session.include[0]"),
        ({"prompt": {"id": "pmpt_1"}}, "session.prompt"),
        ({"reasoning": {"effort": "high"}}, "session.reasoning.effort"),
        ({"tools": [{"type": "mcp", "server_label": "x", "server_url": "http://10.0.0.1"}]}, "session.tools[0].type"),
        ({"output_modalities": ["text", "audio"]}, "session.output_modalities"),
    ],
)
async def test_what_no_stage_obeys_is_refused_by_name(patch: dict[str, Any], param: str) -> None:
    async with serving() as server, Client(server.url) as client:
        before = client.events[0]["session"]
        error = await client.refused("session.update", session={"type": "realtime", "instructions": "new", **patch})
        assert error["param"] == param and error["code"] in ("unsupported_parameter", "invalid_value")
        assert await client.configure() == before, "also its valid fields are not taken"


@pytest.mark.row("3 session", "7 interrupt_response echoed", "7 no nulls")
async def test_the_whole_effective_configuration_is_shown() -> None:
    async with serving(instructions="be kind") as server, Client(server.url) as client:
        session = client.events[0]["session"]
        assert session["instructions"] == "be kind" and session["output_modalities"] == ["audio"]
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200
        changed = await client.configure(
            tracing="auto",
            audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}},
            tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            truncation={"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 400}},
        )
        assert changed["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": True,
            "interrupt_response": True,
        }
        assert changed["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
        assert changed["truncation"]["token_limits"] == {"post_instructions": 400}
        assert changed.keys() == session.keys()


@pytest.mark.row("1 transcription", "4.17 transcription session", "3 transcription session")
async def test_a_transcription_session_hears_and_never_answers() -> None:
    stt = ScriptedStt(texts=["one two three"], seconds=0.005, partials=True)
    url = "v1/realtime?intent=transcription"
    async with serving(quick(stt=stt)) as server:
        async with Client(f"{server.http.replace('http', 'ws')}/{url}") as client:
            session = client.events[0]["session"]
            assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
            assert session.keys() == {"type", "object", "id", "audio", "expires_at"}
            assert "create_response" not in session["audio"]["input"]["turn_detection"]
            detection = {"type": "server_vad", "silence_duration_ms": 100}
            patch = {"type": "transcription", "audio": {"input": {"turn_detection": detection}}}
            updated = await client.ask("session.update", "session.updated", session=patch)
            assert updated["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 100
            error = await client.refused("session.update", session={"type": "realtime"})
            assert error["code"] == "invalid_session_type"
            message = "Passing a realtime session update event to a transcription session is not allowed."
            assert error["message"] == message
            assert (await client.refused("response.create"))["code"] == "invalid_value"
            began = len(client.events)
            await client.turn()
            kind = "conversation.item.input_audio_transcription"
            heard = await client.until(f"{kind}.completed")
            assert heard["transcript"] == "one two three" and heard["usage"]["type"] == "duration"
            assert "".join(event["delta"] for event in client.all(f"{kind}.delta")) == "one two three"
            assert client.order(began) == TURN
            patch["audio"] = {"input": {"turn_detection": None}}
            await client.ask("session.update", "session.updated", session=patch)
            await client.sound(200)
            await client.send("input_audio_buffer.commit")
            await client.until(f"{kind}.completed", 2)
        async with Client(server.url) as client:
            error = await client.refused("session.update", session={"type": "transcription"})
            assert error["code"] == "invalid_session_type" and "?intent=transcription" in error["message"]


@pytest.mark.row("4.16 idle timeout")
async def test_the_agent_speaks_again_to_a_caller_who_says_nothing() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen(idle_timeout_ms=200, silence_duration_ms=100)
        await client.turn()
        await client.until("response.done")
        began = len(client.events)
        missed = await client.until("input_audio_buffer.timeout_triggered")
        assert missed["audio_end_ms"] == 600 and missed["audio_start_ms"] == 400
        await client.until("response.done", 2)
        order = client.order(began)
        assert order[:5] == [
            *("input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"),
            *("conversation.item.added", "conversation.item.done", "response.created"),
        ]
        assert client.all("input_audio_buffer.committed")[1]["item_id"] == missed["item_id"]
        assert not client.all("error")


async def test_an_answer_that_is_spoken_for_long_puts_the_timeout_off() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen(idle_timeout_ms=100, silence_duration_ms=100)
        await client.turn()
        await client.until("response.done")
        done = time.monotonic()
        await client.until("input_audio_buffer.timeout_triggered")
        assert time.monotonic() - done > 0.5, "a second of sound had still to be played"


async def test_a_caller_who_coughs_is_still_asked() -> None:
    stt = ScriptedStt(texts=["hello", ""], seconds=0.005)
    stages = quick(stt=stt, tts=ScriptedTts(seconds=0.001, ms_per_word=1))
    async with serving(stages) as server, Client(server.url) as client:
        await client.listen(idle_timeout_ms=300, silence_duration_ms=100)
        await client.turn()
        await client.until("response.done")
        await client.turn()
        await client.until("conversation.item.input_audio_transcription.completed", 2)
        await client.until("input_audio_buffer.timeout_triggered")


@pytest.mark.row("2 conversation.item.create")
async def test_speech_given_as_an_item_is_recognised_and_answered() -> None:
    stt = ScriptedStt(texts=["what is it"], seconds=0.02)
    async with serving(quick(stt=stt)) as server, Client(server.url) as client:
        audio = base64.b64encode(LOUD * (HZ // 2)).decode()
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
        done = await client.ask("conversation.item.create", "conversation.item.done", item=item)
        assert done["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        await client.send("response.create")
        await client.until("response.done")
        item_id = done["item"]["id"]
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item_id)
        assert kept["item"]["content"] == [{"type": "input_audio", "transcript": "what is it"}]
        assert not client.all("conversation.item.input_audio_transcription.completed")


@pytest.mark.row("2 conversation.item.retrieve")
async def test_the_callers_sound_is_given_back_where_it_is_kept() -> None:
    async with serving(keep_audio_s=2) as server, Client(server.url) as client:
        await client.turn()
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.until("response.done")
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item_id)
        (content,) = kept["item"]["content"]
        assert content["transcript"] == "hello" and len(base64.b64decode(content["audio"])) / 48 >= 400
        await client.turn(3000)
        item_id = (await client.until("input_audio_buffer.committed", 2))["item_id"]
        await client.until("response.done", 2)
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item_id)
        assert kept["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}], "longer than is kept"


@pytest.mark.row("4.14 out of band")
async def test_a_response_out_of_band_ends_while_the_answer_goes_on() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.say("hello")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        mine = client.all("response.created")[0]["response"]["id"]
        options = {"conversation": "none", "output_modalities": ["text"], "input": [], "max_output_tokens": "inf"}
        for _ in range(2):
            await client.send("response.create", response=options)
        await client.until("response.output_text.delta", 8)
        others = {event["response_id"] for event in client.all("response.output_text.delta")}
        assert len(others) == 2 and mine not in others, "both, and the answer, at once"
        for name in others:
            await client.send("response.cancel", response_id=name)
        await client.until("response.done", 2)
        assert {event["response"]["id"] for event in client.all("response.done")} == others
        assert not client.all("error")
