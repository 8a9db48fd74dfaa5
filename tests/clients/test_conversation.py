"""Barge-in and half duplex against our server, with a clock that is set by hand."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import websockets

from s2s.clients.captions import Captions
from s2s.clients.command import until_first
from s2s.clients.conversation import Conversation
from s2s.clients.speaker import WavSpeaker
from s2s.graph import Graph
from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.clients.sounds import Clock, Script, read_wav
from tests.modes.served import LOUD, quick, serving, slow

pytestmark = pytest.mark.anyio

STARTED = "input_audio_buffer.speech_started"
DELTA = "response.output_audio.delta"
DONE = "response.done"
TRUNCATED = "conversation.item.truncated"
MS = 24
"""Samples in a millisecond."""


class Told:
    """Every event that a client was told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    def __call__(self, frame: str) -> None:
        """Keep an event."""
        self.events.append(json.loads(frame))
        self._news.set()

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type."""
        return [event for event in self.events if event["type"] == kind]

    def until(self, kind: str, count: int = 1) -> Callable[[], Awaitable[None]]:
        """Return a step that waits until so many of a type came and, but for the last, were taken."""

        async def wait() -> None:
            while len(self.all(kind)) < count:
                self._news.clear()
                await self._news.wait()

        return lambda: asyncio.wait_for(wait(), 10)


class Stand:
    """A conversation with what surrounds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = Told()
        self.clock = Clock()

    def later(self, seconds: float) -> Callable[[], Awaitable[None]]:
        """Return a step that lets time pass for the loudspeaker."""

        async def wait() -> None:
            self.clock.now += seconds

        return wait

    @contextlib.asynccontextmanager
    async def held(self, stages: Graph, *steps: Any, half_duplex: bool = False) -> AsyncIterator[bytes]:
        """Hold a conversation through all steps; give the sound that was heard in it."""
        async with serving(stages) as server, websockets.connect(server.url) as socket:
            speaker = WavSpeaker(str(self.folder / "out.wav"), 24000, self.clock)
            captions = Captions(io.StringIO())
            turn = (LOUD * 300 * MS, bytes(2 * 300 * MS))
            script = Script(*turn, *steps)
            conversation = Conversation(socket, script, speaker, captions, tell=self.told, half_duplex=half_duplex)
            await conversation.begin({})
            await until_first(conversation.speak(), conversation.listen())
            speaker.close()
            yield read_wav(self.folder / "out.wav")[0]


async def test_speech_over_an_answer_stops_it_and_tells_what_was_heard(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    told = stand.told
    steps = (told.until(DELTA, 5), stand.later(0.25), LOUD * 200 * MS, told.until(TRUNCATED))
    async with stand.held(slow(), *steps) as heard:
        assert len(heard) == 2 * 250 * MS
        (cut,) = told.all(TRUNCATED)
        assert (cut["item_id"], cut["audio_end_ms"]) == (told.all(DELTA)[0]["item_id"], 250)
        assert not told.all("error")


async def test_speech_over_an_answer_that_waits_to_be_played_stops_it_too(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    told = stand.told
    steps = (told.until(DONE), stand.later(0.3), LOUD * 200 * MS, told.until(TRUNCATED))
    async with stand.held(quick(), *steps) as heard:
        assert len(heard) == 2 * 300 * MS
        assert [cut["audio_end_ms"] for cut in told.all(TRUNCATED)] == [300]


async def test_speech_after_an_answer_was_heard_cuts_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    told = stand.told
    again = (LOUD * 300 * MS, bytes(2 * 300 * MS))
    async with stand.held(quick(), told.until(DONE), stand.later(2.0), *again, told.until(DONE, 2)) as heard:
        assert len(heard) == 2 * 2000 * MS
        assert len(told.all(STARTED)) == 2 and not told.all(TRUNCATED)


@pytest.mark.parametrize("half_duplex", [False, True])
async def test_in_half_duplex_nothing_is_heard_while_an_answer_is_played(half_duplex: bool, tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    told = stand.told
    over, after = LOUD * 400 * MS, LOUD * 200 * MS
    steps = (told.until(DONE), over, stand.later(5.0), after, told.until(STARTED, 2))
    async with stand.held(quick(), *steps, half_duplex=half_duplex):
        second = told.all(STARTED)[1]["audio_start_ms"]
        assert (second >= 950) == half_duplex, "what is said over the answer begins at 600 ms, and ends at 1000"


async def test_mistakes_of_the_server_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand = Stand(tmp_path)
    stages = quick(llm=ScriptedLlm(fail_at=0), stt=ScriptedStt(texts=["hello"], seconds=0.005))
    async with stand.held(stages, stand.told.until(DONE), stand.later(0)):
        pass
    assert capsys.readouterr().err.startswith("error: ")
