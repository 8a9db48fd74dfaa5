"""A call over plain sound, in virtual time: interruptions, half duplex, and what it takes for nothing to be lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.line.line import Line, Terms
from s2s.settings import Settings
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.engine.graphs import graph
from tests.line.test_playout import HZ, sound, virtual


class Client:
    """Speaks into a line, and plays what comes out of it."""

    def __init__(self, line: Line, facts: list[f.Fact]) -> None:
        self.line = line
        self.facts = facts
        self.loop = asyncio.get_running_loop()
        self.frames: list[tuple[float, bytes]] = []
        self.task = asyncio.create_task(self._play())

    async def _play(self) -> None:
        async for frame in self.line.playout.frames():
            self.frames.append((self.loop.time(), frame))

    async def say(self, ms: int, level: int = 1000) -> None:
        """Send sound in real time."""
        for _ in range(ms // 20):
            await self.line.intake.put("client", sound(20, level))
            await asyncio.sleep(0.02)

    async def turn(self) -> None:
        await self.say(400)
        await self.say(600, 0)

    def all(self, kind: type[f.Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


@contextlib.asynccontextmanager
async def calling(terms: Terms | None = None, **stages: Any) -> AsyncIterator[Client]:
    async with Engine(graph(**stages), 4, seed="t") as engine:
        facts: list[f.Fact] = []
        line = Line(engine, Settings(), terms or Terms(), facts.append)
        try:
            yield Client(line, facts)
        finally:
            await line.close()
            assert not engine.calls


@virtual
async def test_a_turn_is_answered_at_the_pace_of_speech() -> None:
    async with calling(tts=ScriptedTts(seconds=0.001)) as client:
        await client.turn()
        await client.say(4000, 0)
        (done,) = client.all(f.ResponseDone)
        assert done.response.status == "completed"
        item_ms = done.response.items[0].sound_ms
        assert sum(len(frame) for _, frame in client.frames) == pytest.approx(2 * HZ * item_ms / 1000, abs=64)
        first, last = client.frames[0][0], client.frames[-1][0]
        assert last - first == pytest.approx(item_ms / 1000 - 0.5, abs=0.1)


@virtual
async def test_who_speaks_into_an_answer_stops_it_and_is_answered() -> None:
    endless = ScriptedLlm(endless=True, seconds=0.02)
    async with calling(llm=endless, tts=ScriptedTts(seconds=0.001)) as client:
        await client.turn()
        await client.say(2000, 0)
        assert client.frames, "it is playing"
        began = client.loop.time()
        await client.say(600)
        stopped = [at for at, _ in client.frames if at > began]
        assert not stopped or max(stopped) - began < 0.2, "nothing of it leaves any more"
        (done,) = client.all(f.ResponseDone)
        assert (done.response.status, done.response.reason) == ("cancelled", "turn_detected")
        (item,) = [item for item in client.line.call.state.items if item.role == "assistant"]
        assert item.heard_ms is not None and 1000 < item.heard_ms < 3000
        await client.say(1500, 0)
        assert len(client.all(f.ResponseCreated)) == 2


@virtual
async def test_an_answer_that_is_made_but_still_played_stops_too() -> None:
    async with calling(llm=ScriptedLlm(seconds=0.001), tts=ScriptedTts(seconds=0.0001, ms_per_word=150)) as client:
        await client.turn()
        while not client.all(f.ResponseDone):
            await client.say(20, 0)
        assert client.line.playout.busy
        count = len(client.frames)
        await client.say(400)
        assert len(client.frames) - count <= 3
        (item,) = [item for item in client.line.call.state.items if item.role == "assistant"]
        assert item.heard_ms is not None and item.heard_ms < item.sound_ms, "history keeps what was heard"


@virtual
async def test_half_duplex_hears_nothing_until_its_answer_was_played() -> None:
    async with calling(Terms(duplex="half"), llm=ScriptedLlm(words="one two three."), stt=ScriptedStt()) as client:
        await client.turn()
        while not client.frames:
            await client.say(20, 0)
        await client.say(200)
        assert len(client.all(f.SpeechStarted)) == 1
        while client.line.playout.busy or client.line.deaf:
            await client.say(20)
        (done,) = client.all(f.ResponseDone)
        assert done.response.status == "completed"
        await client.turn()
        assert len(client.all(f.SpeechStarted)) == 2


@virtual
async def test_half_duplex_hears_again_when_nothing_was_understood() -> None:
    async with calling(Terms(duplex="half"), stt=ScriptedStt(texts=["", "hello"])) as client:
        await client.turn()
        await client.say(200, 0)
        await client.turn()
        assert len(client.all(f.SpeechStarted)) == 2


@virtual
async def test_half_duplex_hears_again_after_a_while_without_an_answer() -> None:
    async with calling(Terms(duplex="half", safety_s=30), llm=ScriptedLlm(hang_at=0)) as client:
        await client.turn()
        await client.say(25_000)
        assert len(client.all(f.SpeechStarted)) == 1
        await client.say(8000)
        assert len(client.all(f.SpeechStarted)) == 2


@virtual
async def test_a_long_answer_does_not_trip_the_safety_timer() -> None:
    words = " ".join(["word"] * 400) + "."
    async with calling(Terms(duplex="half", safety_s=5), llm=ScriptedLlm(words=words, seconds=0.001)) as client:
        await client.turn()
        await client.say(60_000)
        assert len(client.all(f.SpeechStarted)) == 1 and client.line.playout.busy


@virtual
async def test_a_player_that_stops_reading_stops_the_making_of_sound() -> None:
    endless = ScriptedLlm(endless=True, seconds=0.001)
    async with calling(llm=endless, tts=ScriptedTts(seconds=0.0001)) as client:
        client.task.cancel()
        await client.turn()
        await client.say(20_000, 0)
        held = sum(len(reply.sound) for reply in client.line.playout._replies)
        assert held < 2 * HZ * 4, "seconds, not minutes"
