"""Remote speech recognition against a scripted server."""

from __future__ import annotations

import asyncio
import io
import wave

import pytest

from s2s.messages import Speech, Transcript
from s2s.remote_errors import RemoteError
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.openai import OpenAITranscription
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer

pytestmark = pytest.mark.anyio


async def heard(stage: OpenAITranscription, pieces: int = 2, **settings: str) -> list[Transcript]:
    call = Call("t", 1, Settings(**settings))  # type: ignore[arg-type]
    for _ in range(pieces):
        assert [item async for item in stage.run(call, Speech(pcm=b"\x01\x00" * 80, rate=16000))] == []
    return [item async for item in stage.finish(call)]


def loaded(url: str, **options: object) -> OpenAITranscription:
    stage = OpenAITranscription(model="m", base_url=url, **options)  # type: ignore[arg-type]
    stage.load()
    return stage


async def test_words_come_as_they_are_read() -> None:
    async with OpenAIServer(Scripted(text=("It was", " the best"))) as server:
        stage = loaded(server.url, language="en", prompt="Dickens", temperature=0.0)
        assert await heard(stage) == [
            Transcript(text="It was", final=False),
            Transcript(text="It was the best", final=False),
            Transcript(text="It was the best", language="en"),
        ]
        body = server.requests[0].body
        assert (body["model"], body["language"], body["prompt"], body["temperature"]) == ("m", "en", "Dickens", "0.0")
        with wave.open(io.BytesIO(body["file"])) as file:
            assert (file.getframerate(), file.readframes(999)) == (16000, b"\x01\x00" * 160)
        stage.close()


async def test_a_server_that_does_not_stream() -> None:
    async with OpenAIServer(Scripted(text=(" Hello. ",))) as server:
        stage = loaded(server.url, stream=False)
        assert await heard(stage, language="de") == [Transcript(text="Hello.", language="de")]
        assert server.requests[0].body["language"] == "de"
        stage.close()


async def test_nothing_was_said() -> None:
    async with OpenAIServer() as server:
        assert await heard(loaded(server.url), pieces=0) == []
        assert server.requests == []


async def test_tried_again_and_given_up() -> None:
    failure = Scripted(status=503, message="Busy", headers=(("retry-after", "0"),))
    async with OpenAIServer(failure, Scripted(text=("Yes",)), failure, failure) as server:
        stage = loaded(server.url, retries=1)
        assert (await heard(stage))[-1].text == "Yes"
        with pytest.raises(RemoteError, match=r"\(model m\): 503 Service Unavailable: Busy; .* \(after 2 tries\)"):
            await heard(stage)
        stage.close()


async def test_a_cut_transcript() -> None:
    async with OpenAIServer(Scripted(cut=1)) as server:
        stage = loaded(server.url)
        with pytest.raises(RemoteError, match="lost in the middle"):
            await heard(stage)
        stage.close()


async def test_cancelling_closes_the_request() -> None:
    async with OpenAIServer(Scripted(hold=-1)) as server:
        stage = loaded(server.url)
        task = asyncio.create_task(heard(stage))
        request = await server.asked()
        await request.held.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(request.gone.wait(), 5)
        stage.close()
