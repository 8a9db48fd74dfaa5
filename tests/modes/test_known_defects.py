"""The known defects of the reference that a client can see, each as a test under its number.

Number 13, unbounded queues, is in `test_realtime_connections`. Numbers 6, 11 and 14, and more of 3, 4, 5, 9, 10 and 13,
are in `tests/regressions`, where time is virtual.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import ClassVar

import numpy as np
import pytest

from s2s.audio import alaw_encode, ulaw_encode
from s2s.messages import Activity, Audio, Clause, Prompt, Reply, ReplyEnd, Sound, ToolCall
from s2s.paths import CONF, PACKAGE
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedTts, ScriptedVad
from tests.modes.served import LOUD, Client, quick, serving

pytestmark = pytest.mark.anyio


class RecordingLlm(ScriptedLlm):
    """Keeps what it was asked."""

    prompts: ClassVar[list[Prompt]] = []

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Note the prompt and answer it."""
        self.prompts.append(item)
        async for out in super().run(call, item):
            yield out


@pytest.fixture(autouse=True)
def _forget() -> None:
    RecordingLlm.prompts.clear()


ODD = '{"type":"input_audio_buffer.append","audio":"AA=="}'


@pytest.mark.parametrize("frame", ["{", "[]", "null", "7", b"\x00\x01", b"{}", '{"type": "no.such"}', ODD])
@pytest.mark.row("8 malformed")
async def test_1_a_malformed_frame_does_not_end_the_session(frame: str | bytes) -> None:
    async with serving() as server, Client(server.url) as client:
        await client.socket.send(frame)
        assert (await client.configure(instructions="on"))["instructions"] == "on"
        assert len(client.all("error")) == (0 if frame == ODD else 1)
        await client.listen(silence_duration_ms=100)
        await client.turn()
        assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_2_speech_over_sound_that_is_still_playing_shortens_what_was_said() -> None:
    llm = RecordingLlm(first_seconds=0.005, seconds=0.001)
    async with serving(quick(llm=llm, tts=ScriptedTts(seconds=0.0))) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "completed", "two seconds of sound were made in a moment"
        await asyncio.sleep(0.5)  # it plays: 2.5 words of it
        await client.turn()
        await client.until("response.done", 2)
        (said,) = [line.text for line in RecordingLlm.prompts[1].lines if line.role == "assistant"]
        assert said in ("well, this", "well, this is", "well, this is an")


async def test_3_an_answer_that_was_interrupted_stays_in_history_as_far_as_it_was_heard() -> None:
    llm = RecordingLlm(first_seconds=0.005, seconds=0.02, endless=True)
    tts = ScriptedTts(seconds=0.05, ms_per_word=100)
    async with serving(quick(llm=llm, tts=tts)) as server, Client(server.url) as client:
        await client.turn()
        await client.until("response.output_audio.delta", 8)
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "cancelled"
        await client.until("response.output_audio.delta", len(client.all("response.output_audio.delta")) + 1)
        (said,) = [line.text for line in RecordingLlm.prompts[1].lines if line.role == "assistant"]
        assert said.startswith("well, this") and done["output"][0]["content"][0]["transcript"].startswith(said)


@pytest.mark.parametrize("clause", [0, 1])
async def test_4_a_voice_that_fails_is_not_a_completed_answer(clause: int) -> None:
    tts = ScriptedTts(seconds=0.001, fail_at=clause)
    async with serving(quick(tts=tts)) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "failed" and bool(client.heard(done["id"])) == bool(clause)
        assert done["status_details"]["error"]["message"] == "tts: the voice is out of order"
        await client.turn()
        await client.until("response.done", 2)


async def test_5_a_model_that_hangs_is_aborted_at_once() -> None:
    async with serving(quick(llm=ScriptedLlm(first_seconds=0.005, hang_at=2))) as server, Client(server.url) as client:
        for number, stop in enumerate(("cancel", "speech"), 1):
            await client.say("hello")
            await client.send("response.create")
            await client.until("response.output_audio_transcript.delta", 2 * number)
            began = time.monotonic()
            await (client.send("response.cancel") if stop == "cancel" else client.sound(200))
            done = (await client.until("response.done", number))["response"]
            assert done["status"] == "cancelled" and time.monotonic() - began < 0.5
        assert server.engine.statistics()["llm"]["running"] <= 1


@pytest.mark.parametrize("voice", ["/etc/passwd", "../../voice", "file:///etc/passwd", "C:\\voice.onnx"])
async def test_7_a_voice_is_a_name_and_no_path(voice: str) -> None:
    async with serving() as server, Client(server.url) as client:
        error = await client.refused(
            "session.update", session={"type": "realtime", "audio": {"output": {"voice": voice}}}
        )
        assert error["param"] == "session.audio.output.voice"


async def test_7_an_image_is_fetched_from_nowhere_unless_it_is_allowed() -> None:
    async with serving() as server, Client(server.url) as client:
        content = [{"type": "input_image", "image_url": "http://127.0.0.1:9/secret.png"}]
        item = {"type": "message", "role": "user", "content": content}
        error = await client.refused("conversation.item.create", item=item)
        assert "image" in error["message"]


def test_7_no_model_brings_code_of_its_own() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*PACKAGE.rglob("*.py"), *CONF.rglob("*.yaml")]]
    assert len(texts) > 200 and not [text for text in texts if "trust_remote_code=True" in text.replace(" ", "")]


class LevelVad(ScriptedVad):
    """Takes a level above 1000 for speech: the silence of A-law is not quite zero."""

    def run(self, call: Call, item: Audio) -> Iterator[Activity]:
        """Pass every sound on."""
        speech = float(int.from_bytes(item.pcm[-2:], "little", signed=True) > 1000)
        yield Activity(pcm=item.pcm, rate=item.rate, speech=speech, at_ms=item.at_ms)


@pytest.mark.parametrize(("name", "coded"), [("audio/pcmu", ulaw_encode), ("audio/pcma", alaw_encode)])
@pytest.mark.row("3 formats")
async def test_8_g711_silence_is_silence_and_speech_is_speech(name: str, coded: Callable[[bytes], bytes]) -> None:
    async with serving(quick(vad=LevelVad())) as server, Client(server.url) as client:
        await client.configure(audio={"input": {"format": {"type": name}}, "output": {"format": {"type": name}}})
        quiet, loud = coded(bytes(2)), coded(LOUD)
        await client.send("input_audio_buffer.append", audio=base64.b64encode(quiet * 4000).decode())
        await client.configure()
        assert not client.all("input_audio_buffer.speech_started")
        for sound in (loud * 3200, quiet * 1600):
            for at in range(0, len(sound), 160):
                audio = base64.b64encode(sound[at : at + 160]).decode()
                await client.send("input_audio_buffer.append", audio=audio)
        done = (await client.until("response.done"))["response"]
        started = client.all("input_audio_buffer.speech_started")[0]["audio_start_ms"]
        assert done["status"] == "completed" and 400 <= started <= 600
        assert done["audio"]["output"]["format"] == {"type": name}
        assert abs(len(client.heard(done["id"])) - 8000) <= 2, "a second, one byte a sample"


async def test_9_push_to_talk_turns_the_detector_off() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen()
        began = len(client.events)
        await client.turn()
        await client.turn()
        await client.configure()
        assert client.order(began) == ["session.updated"]


async def test_10_one_sessions_settings_do_not_leak_into_the_next() -> None:
    async with serving(quick(llm=RecordingLlm(first_seconds=0.005, seconds=0.001))) as server:
        async with Client(server.url) as first:
            fresh = {key: value for key, value in first.events[0]["session"].items() if key not in ("id", "expires_at")}
            await first.listen(threshold=0.9, silence_duration_ms=5000, create_response=False)
            await first.configure(instructions="only mine", output_modalities=["text"], tool_choice="none")
            async with Client(server.url) as beside:
                await beside.turn()
                assert (await beside.until("response.done"))["response"]["output_modalities"] == ["audio"]
        async with Client(server.url) as second:
            shown = second.events[0]["session"]
            assert {key: shown[key] for key in fresh} == fresh
            await second.turn()
            await second.until("response.done")
        assert not any("only mine" in line.text for prompt in RecordingLlm.prompts for line in prompt.lines)


def tone(hz: int, rate: int) -> bytes:
    """Return a second of it."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).astype("<i2").tobytes()


class ShrillTts(ScriptedTts):
    """Speaks a tone of 10 kHz."""

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        yield Sound(pcm=tone(10_000, 24_000), rate=24_000)


async def test_12_what_is_above_8_khz_is_heard() -> None:
    async with serving(quick(tts=ShrillTts())) as server, Client(server.url) as client:
        await client.turn()
        done = await client.until("response.done")
        heard = np.frombuffer(client.heard(done["response"]["id"]), "<i2")[:24_000].astype(float)
        power = np.abs(np.fft.rfft(heard)) ** 2
        assert power[9_900:10_100].sum() > 0.9 * power.sum()
