"""Sound that a client has, or is about to get: the first soon, and none that nobody wants any more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.realtime.connection import Connection, Welcome, abilities_of
from s2s.realtime.outbox import ROOM_BYTES
from s2s.settings import Settings
from s2s.testing.caller import LOUD, QUIET
from s2s.testing.stages import ScriptedLlm, ScriptedTts
from s2s.text.clauses import Clauses
from tests.regressions.calls import NotingTts, calling, serving, virtually

LONG = " ".join(["this is a sentence of the answer."] * 30)


@virtually
async def test_the_first_clause_is_spoken_before_the_answer_is_complete() -> None:
    """Seed defect 14: the first words of an answer are heard long before its third sentence is written."""
    tts = NotingTts()
    async with calling(llm=ScriptedLlm(words=LONG, seconds=0.2), clauses=Clauses(), tts=tts) as caller:
        await caller.speak(600)
        await caller.be_silent(400)
        first = await caller.until(f.SoundDelta)
        written = "".join(fact.delta for fact in caller.all(f.WordsDelta))
        assert first and len(written.split()) <= 8 and LONG.startswith(written)
        assert len(tts.clauses[0].text.split()) <= 7


class Client:
    """A client of the protocol without a socket, that reads what it is sent when it likes."""

    def __init__(self, engine: Engine) -> None:
        welcome = Welcome(model="s2s", expires_at=4_000_000_000)
        self.link = Connection(engine, Settings(), welcome, abilities_of(engine.network))
        self.read: list[dict[str, Any]] = []

    async def reads(self, frames_per_s: float) -> None:
        """Read what comes, no faster than this."""

        async def take(frame: bytes) -> None:
            self.read.append(json.loads(frame))
            await asyncio.sleep(1 / frames_per_s)

        await self.link.write(take)

    async def sounds(self, ms: int, loud: bool) -> None:
        """Make sound, or none."""
        for _ in range(ms // 20):
            await self.link.call.audio((LOUD if loud else QUIET) * 320, 16000)
            await asyncio.sleep(0.02)

    def since(self, kind: str) -> list[str]:
        """The types of what it has read from the last event of a type on."""
        kinds = [event["type"] for event in self.read]
        return kinds[len(kinds) - 1 - kinds[::-1].index(kind) :]


SOUND = "response.output_audio.delta"


@pytest.mark.parametrize("frames_per_s", [1000.0, 20.0], ids=["fast", "slow"])
@virtually
async def test_a_client_learns_that_it_is_to_stop_playing_before_all_else(frames_per_s: float) -> None:
    """pipecat #456, #2460: over an answer `speech_started` is the next event, and none of its sound comes after it."""
    async with serving(llm=ScriptedLlm(words=LONG), tts=ScriptedTts(seconds=0.01)) as engine:
        client = Client(engine)
        reading = asyncio.ensure_future(client.reads(frames_per_s))
        await client.sounds(600, loud=True)
        await client.sounds(3000, loud=False)
        assert client.read[-1]["type"] == SOUND
        await client.sounds(600, loud=True)
        await asyncio.sleep(2)
        later = client.since("input_audio_buffer.speech_started")
        assert later[1] == "response.output_audio.done" and "response.done" in later
        assert not [kind for kind in later if kind.endswith("delta")]
        await client.link.close()
        await reading


@virtually
async def test_sound_that_waits_for_a_client_is_thrown_away_with_its_answer() -> None:
    """pipecat #1622, NVIDIA's note on output buffers: little sound waits, and none of it once the caller speaks."""
    async with serving(llm=ScriptedLlm(words=LONG), tts=ScriptedTts(seconds=0.0)) as engine:
        client = Client(engine)
        await client.sounds(600, loud=True)
        await client.sounds(9000, loud=False)
        waiting = client.link.outbox._bytes
        assert ROOM_BYTES <= waiting < 2 * ROOM_BYTES, "minutes were to be spoken"
        await client.sounds(600, loud=True)
        assert client.link.outbox._bytes < ROOM_BYTES / 2
        reading = asyncio.ensure_future(client.reads(1000.0))
        await asyncio.sleep(1)
        kinds = [event["type"] for event in client.read]
        assert SOUND not in kinds and kinds.count("response.done") == 1
        await client.sounds(400, loud=False)
        await asyncio.sleep(2)
        assert SOUND in client.since("response.created"), "the next answer is heard"
        await client.link.close()
        await reading
