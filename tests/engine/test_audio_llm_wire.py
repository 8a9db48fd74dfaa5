"""The caller's sound on its way to a server: a real client of chat completions, and a server that keeps it."""

from __future__ import annotations

import asyncio
import base64
import io
import wave
from typing import Any

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.llm.chat_completions import ChatCompletions
from s2s.testing.caller import Caller
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from tests.engine.graphs import graph
from tests.engine.test_audio_llm import AUDIO, say

pytestmark = pytest.mark.anyio


def heard(message: Any) -> tuple[int, int, int, bytes]:
    """The channels, bytes a sample, rate and sound of a message that has nothing but sound."""
    (part,) = message["content"]
    assert (message["role"], part["type"], part["input_audio"]["format"]) == ("user", "input_audio", "wav")
    with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"], validate=True))) as file:
        return file.getnchannels(), file.getsampwidth(), file.getframerate(), file.readframes(file.getnframes())


async def test_the_sound_arrives_bit_for_bit_and_an_interruption_closes_the_stream() -> None:
    slow = Scripted(text=("Well, ", "that is ", "a long story. "), hold=3)
    async with OpenAIServer(slow, Scripted(text=("As you ", "wish."))) as model:
        llm = ChatCompletions(base_url=model.url, model="m", api_key_env=None)
        async with Engine(graph(AUDIO, llm=llm)) as engine:
            caller = Caller(engine)
            first = await say(caller, 1000)
            request = await asyncio.wait_for(model.asked(), 5)
            assert heard(request.body["messages"][-1]) == (1, 2, 16000, first)
            await asyncio.wait_for(request.held.wait(), 5)
            second = await say(caller, 2000)
            await asyncio.wait_for(request.gone.wait(), 5)
            await asyncio.wait_for(caller.until(f.ResponseDone, 2), 10)
            statuses = [fact.response.status for fact in caller.all(f.ResponseDone)]
            assert statuses == ["cancelled", "completed"]
            spoken = [message for message in model.requests[1].body["messages"] if message["role"] == "user"]
            assert [heard(message)[3] for message in spoken] == [first, second]
