"""Remote speech synthesis against a scripted server."""

from __future__ import annotations

import asyncio

import pytest

from s2s.messages import Clause, Sound
from s2s.remote_errors import RemoteError
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from s2s.tts.openai import OpenAISpeech

pytestmark = pytest.mark.anyio

SOUND = (b"\x01\x02\x03", b"\x04\x05", b"\x06" * 7)


async def spoken(stage: OpenAISpeech, text: str = "Hello there.", **settings: object) -> list[Sound]:
    call = Call("t", 1, Settings(**settings))  # type: ignore[arg-type]
    return [sound async for sound in stage.run(call, Clause(text=text))]


def loaded(url: str, **options: object) -> OpenAISpeech:
    stage = OpenAISpeech(model="m", base_url=url, **options)  # type: ignore[arg-type]
    stage.load()
    return stage


async def test_sound_comes_whole_in_whole_samples() -> None:
    async with OpenAIServer(Scripted(sound=SOUND)) as server:
        stage = loaded(server.url, instructions="Whisper.", sample_rate=22050)
        sounds = await spoken(stage)
        assert b"".join(sound.pcm for sound in sounds) == b"".join(SOUND)
        assert all(len(sound.pcm) % 2 == 0 and sound.rate == 22050 for sound in sounds)
        assert server.requests[0].body == {
            "model": "m",
            "voice": "alloy",
            "input": "Hello there.",
            "instructions": "Whisper.",
            "response_format": "pcm",
        }
        stage.close()


async def test_a_session_chooses_voice_and_speed() -> None:
    async with OpenAIServer() as server:
        stage = loaded(server.url, speed=1.5)
        await spoken(stage, voice="ash", speed=2.0)
        assert (server.requests[0].body["voice"], server.requests[0].body["speed"]) == ("ash", 3.0)
        stage.close()


async def test_the_first_sound_does_not_wait_for_the_last() -> None:
    async with OpenAIServer(Scripted(sound=(b"\x00\x01" * 100,) * 3, hold=1)) as server:
        stage = loaded(server.url)
        sounds = stage.run(Call("t", 1, Settings()), Clause(text="Hello."))
        assert (await sounds.__anext__()).pcm == b"\x00\x01" * 100
        server.requests[0].release()
        assert b"".join([sound.pcm async for sound in sounds]) == b"\x00\x01" * 200
        stage.close()


async def test_nothing_to_say() -> None:
    async with OpenAIServer() as server:
        assert await spoken(loaded(server.url), " \n") == []
        assert server.requests == []


async def test_tried_again_before_the_first_sound_and_never_after() -> None:
    failure = Scripted(status=429, headers=(("retry-after", "0"),))
    async with OpenAIServer(failure, Scripted(sound=SOUND), Scripted(sound=SOUND, cut=2)) as server:
        stage = loaded(server.url)
        assert b"".join(sound.pcm for sound in await spoken(stage)) == b"".join(SOUND)
        with pytest.raises(RemoteError, match="lost in the middle"):
            await spoken(stage)
        assert len(server.requests) == 3
        stage.close()


async def test_sound_of_another_kind_is_refused() -> None:
    async with OpenAIServer(Scripted(sound_kind="audio/wav")) as server:
        stage = loaded(server.url)
        with pytest.raises(RemoteError, match="sent audio/wav for pcm; use a server that streams raw pcm"):
            await spoken(stage)
        stage.close()


async def test_closing_the_generator_closes_the_http_stream() -> None:
    async with OpenAIServer(Scripted(sound=(b"\x00\x01" * 100,) * 3, hold=1)) as server:
        stage = loaded(server.url)
        sounds = stage.run(Call("t", 1, Settings()), Clause(text="Hello."))
        await sounds.__anext__()
        await sounds.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)
        stage.close()
