"""Old clients: the beta's words on the socket; `tests/clients` runs the last package that spoke them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import websockets

from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.modes.served import HZ, LOUD, quick, serving, slow
from tests.protocol.web import ask

pytestmark = pytest.mark.anyio

BETA = {"OpenAI-Beta": "realtime=v1"}
GONE = ("response.output_audio", "response.output_text", "conversation.item.added", "conversation.item.done")


class Old:
    """A client of the beta; `events` is all that it was told."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, /, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        """Read up to the next event of this type."""
        while True:
            event: dict[str, Any] = json.loads(await self.socket.recv())
            assert not event["type"].startswith(GONE), "a word of today's protocol"
            self.events.append(event)
            if event["type"] == kind:
                return event
            assert event["type"] != "error", event

    async def turn(self) -> None:
        for frames, sound in ((20, LOUD), (15, bytes(2))):
            for _ in range(frames):
                await self.send("input_audio_buffer.append", audio=base64.b64encode(sound * (HZ // 50)).decode())


@pytest.mark.row("6 header", "6 session")
@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": BETA},
        {"subprotocols": ["realtime", "openai-insecure-api-key.k", "openai-beta.realtime-v1"]},
    ],
)
async def test_a_beta_session_is_flat_both_ways(options: dict[str, Any]) -> None:
    async with serving(voice="amy") as server, websockets.connect(server.url, **options) as socket:
        client = Old(socket)
        session = (await client.until("session.created"))["session"]
        assert session["object"] == "realtime.session" and "audio" not in session and "type" not in session
        assert session["modalities"] == ["text", "audio"] and session["voice"] == "amy"
        assert session["input_audio_format"] == session["output_audio_format"] == "pcm16"
        assert session["turn_detection"]["type"] == "server_vad" and session["max_response_output_tokens"] == "inf"
        patch = {
            "modalities": ["text", "audio"],
            "instructions": "be brief",
            "voice": "alloy",
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "g711_alaw",
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "threshold": 0.6, "silence_duration_ms": 300},
            "tools": [{"type": "function", "name": "f", "description": "F", "parameters": {"type": "object"}}],
            "tool_choice": "required",
            "temperature": 0.7,
            "max_response_output_tokens": "inf",
        }
        await client.send("session.update", session=patch)
        shown = (await client.until("session.updated"))["session"]
        assert {name: shown[name] for name in patch} | {"turn_detection": 0} == patch | {"turn_detection": 0}
        assert shown["turn_detection"]["silence_duration_ms"] == 300
        await client.send("session.update", session={"modalities": ["text"], "turn_detection": None})
        shown = (await client.until("session.updated"))["session"]
        assert (shown["modalities"], shown["turn_detection"]) == (["text"], None)


@pytest.mark.row("6 events", "6 items")
async def test_a_spoken_turn_in_the_betas_words() -> None:
    async with serving() as server, websockets.connect(server.url, additional_headers=BETA) as socket:
        client = Old(socket)
        await client.turn()
        done = (await client.until("response.done"))["response"]
        kinds = [event["type"] for event in client.events if not event["type"].endswith(".delta")]
        kinds = [kind for kind in kinds if "transcription" not in kind and "rate_limits" not in kind]
        assert kinds == [
            *("session.created", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
            *("input_audio_buffer.committed", "conversation.item.created", "response.created"),
            *("response.output_item.added", "conversation.item.created", "response.content_part.added"),
            *("response.audio.done", "response.audio_transcript.done", "response.content_part.done"),
            *("response.output_item.done", "response.done"),
        ]
        streamed = {event["type"] for event in client.events if event["type"].endswith(".delta")}
        assert {"response.audio.delta", "response.audio_transcript.delta"} <= streamed
        assert done["modalities"] == ["text", "audio"] and done["output_audio_format"] == "pcm16"
        assert done["output"][0]["content"] == [{"type": "audio", "transcript": ScriptedLlm.words}]
        assert "audio" not in done and "output_modalities" not in done


@pytest.mark.row("6 events", "6 items")
async def test_a_written_answer_and_a_function_in_the_betas_words() -> None:
    llm = ScriptedLlm(calls={"weather?": ["look"]}, first_seconds=0.005, seconds=0.001)
    async with serving(quick(llm=llm)) as server, websockets.connect(server.url, additional_headers=BETA) as socket:
        client = Old(socket)
        said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "before"}]}
        asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
        for item in (said, asked):
            await client.send("conversation.item.create", item=item)
            created = await client.until("conversation.item.created")
            assert created["item"]["content"] == item["content"]
        options = {
            "modalities": ["text"],
            "max_response_output_tokens": "inf",
            "temperature": 0.6,
            "instructions": "x",
            "tools": [{"type": "function", "name": "look"}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
        }
        await client.send("response.create", response=options)
        done = (await client.until("response.done"))["response"]
        text = "".join(event["delta"] for event in client.events if event["type"] == "response.text.delta")
        assert done["output"][0]["content"] == [{"type": "text", "text": text}] and text == ScriptedLlm.words
        asked["content"][0]["text"] = "weather?"  # type: ignore[index]
        await client.send("conversation.item.create", item=asked)
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]
        call = done["output"][0]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "look", '{"n": 0}')
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create", response={"modalities": ["audio", "text"]})
        assert (await client.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.row("6 events")
async def test_barge_in_and_truncation_in_the_beta() -> None:
    async with serving(slow()) as server, websockets.connect(server.url, additional_headers=BETA) as socket:
        client = Old(socket)
        await client.turn()
        delta = await client.until("response.audio.delta")
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        await client.send("conversation.item.truncate", item_id=delta["item_id"], content_index=0, audio_end_ms=50)
        await client.until("conversation.item.truncated")


@pytest.mark.row("6 transcription", "6 rest")
async def test_transcription_in_the_beta() -> None:
    stt = ScriptedStt(texts=["one two"], seconds=0.005, partials=True)
    async with serving(quick(stt=stt)) as server:
        url = f"{server.http.replace('http', 'ws')}/v1/realtime?intent=transcription"
        async with websockets.connect(url, additional_headers=BETA) as socket:
            client = Old(socket)
            await client.until("transcription_session.created")
            patch = {
                "input_audio_format": "pcm16",
                "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
            }
            await client.send("transcription_session.update", session=patch)
            shown = (await client.until("transcription_session.updated"))["session"]
            assert shown["input_audio_transcription"] == {"model": "gpt-4o-transcribe", "language": "en"}
            await client.turn()
            heard = await client.until("conversation.item.input_audio_transcription.completed")
            assert heard["transcript"] == "one two"


@pytest.mark.row("6 rest")
async def test_the_betas_addresses_make_secrets() -> None:
    async with serving() as server:
        for path, created in (
            ("sessions", "session.created"),
            ("transcription_sessions", "transcription_session.created"),
        ):
            status, made = await ask(f"{server.http}/v1/realtime/{path}", {"input_audio_format": "g711_ulaw"})
            assert status == 200 and made["client_secret"]["value"].startswith("ek_")
            assert made["input_audio_format"] == "g711_ulaw"
            headers = {**BETA, "Authorization": f"Bearer {made['client_secret']['value']}"}
            async with websockets.connect(server.url, additional_headers=headers) as socket:
                session = (await Old(socket).until(created))["session"]
                assert session["input_audio_format"] == "g711_ulaw"


@pytest.mark.row("6 session")
@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"input_audio_format": "mp3"}, "session.audio.input.format"),
        ({"nonsense": 1}, "session.nonsense"),
        ({"modalities": "audio"}, "session.output_modalities"),
        ({"temperature": 9}, "session.temperature"),
        ({"input_audio_format": []}, "session.audio.input.format"),
    ],
)
async def test_the_betas_mistakes_are_told(session: dict[str, Any], param: str) -> None:
    async with serving() as server, websockets.connect(server.url, additional_headers=BETA) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "session.update", "event_id": "mine", "session": session}))
        error = json.loads(await socket.recv())["error"]
        assert error["event_id"] == "mine" and error["param"].startswith(param)
