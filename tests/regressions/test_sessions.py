"""Callers beside and after one another: none waits for, inherits from or remembers another."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from s2s.conversation import facts as f
from s2s.messages import Activity, Audio, Clause, Prompt, Reply, ReplyEnd, Sound, Speech, ToolCall, Transcript
from s2s.place.options import Place
from s2s.settings import Detection, Settings
from s2s.stage import Call, Stage
from s2s.testing.caller import LOUD
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts, ScriptedVad
from s2s.turn.silence import Silence
from tests.regressions.calls import Attentive, calling, serving, virtually

HANGS = Settings(instructions="hang")


async def _hang(call: Call) -> None:
    if call.settings.instructions == "hang":
        await asyncio.Event().wait()


@dataclasses.dataclass(kw_only=True)
class HangingStt(ScriptedStt):
    """Hangs where the settings say so."""

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole."""
        await _hang(call)
        async for out in super().finish(call):
            yield out


@dataclasses.dataclass(kw_only=True)
class HangingLlm(ScriptedLlm):
    """Hangs where the settings say so."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer."""
        await _hang(call)
        async for out in super().run(call, item):
            yield out


@dataclasses.dataclass(kw_only=True)
class HangingTts(ScriptedTts):
    """Hangs where the settings say so."""

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak."""
        await _hang(call)
        async for out in super().run(call, item):
            yield out


HANGING: dict[str, Stage] = {"stt": HangingStt(), "llm": HangingLlm(), "tts": HangingTts()}


@pytest.mark.parametrize("where", list(HANGING))
@virtually
async def test_a_session_that_hangs_stalls_no_other(where: str) -> None:
    """Seed defect 6, pipecat #3378: beside a caller whose model hangs another is answered as soon as alone."""
    gaps = []
    for hanging in (False, True):
        async with serving(**{where: HANGING[where]}) as engine:
            first, second = Attentive(engine, HANGS if hanging else None), Attentive(engine)
            if hanging:
                await first.speak(600)
                await first.be_silent(1000)
            await second.ask()
            gaps.append(second.when(f.SoundDelta) - second.when(f.SpeechStopped))
            assert not first.all(f.SoundDelta)
    assert gaps[0] == pytest.approx(gaps[1])


@virtually
async def test_a_session_that_hangs_does_not_keep_the_captions_of_others_for_ever() -> None:
    """Seed defect 6: what one caller says is shown while they speak, though another waits for an answer for ever."""
    async with serving(llm=HangingLlm(), stt=ScriptedStt(texts=["one two three four"], partials=True)) as engine:
        first, second = Attentive(engine, HANGS), Attentive(engine)
        await first.speak(600)
        await first.be_silent(600)
        await second.speak(5000)
        assert second.when(f.TurnTextDelta) - second.when(f.SpeechStarted) < 4.0


@virtually
async def test_the_twentieth_call_is_answered_as_soon_as_the_first() -> None:
    """pipecat #3378, #3092: callers who all speak at once have the same gap as one alone, and their sound no holes."""
    gaps = []
    for count in (1, 20):
        async with serving() as engine:
            callers = [Attentive(engine) for _ in range(count)]
            await asyncio.gather(*(caller.ask() for caller in callers))
            for caller in callers:
                gaps.append(caller.when(f.SoundDelta) - caller.when(f.SpeechStopped))
                until = began = caller.when(f.SoundDelta)
                for at, sound in [(at, x) for at, x in caller.heard if isinstance(x, f.SoundDelta)]:
                    assert at <= until, f"a hole {at - began:.2f} s into the answer"
                    until += len(sound.pcm) / 2 / sound.rate
    assert max(gaps) == pytest.approx(min(gaps), abs=0.02)


@virtually
async def test_no_session_is_the_last_one() -> None:
    """LiveKit #4331, fastrtc #53: sessions one after another, half of them cut off, each find the one place free."""
    async with serving(sessions=1) as engine:
        for number in range(20):
            caller = Attentive(engine)
            if number % 2:
                await caller.speak(600)
                await caller.be_silent(100 * number)
            else:
                assert (await caller.ask()).status == "completed"
            await caller.hangup()
            assert not engine.calls and engine.statistics()["llm"]["running"] == 0


@virtually
async def test_one_sessions_patience_is_not_the_next_ones() -> None:
    """Seed defect 10: sessions beside and after one another end turns each by its own silence and threshold."""
    stage = Silence(silence_ms=300, soft_ms=None, min_speech_ms=20)
    async with serving(turn=stage) as engine:
        patient = Attentive(engine, Settings(detection=Detection(silence_ms=2000)))
        deaf = Attentive(engine, Settings(detection=Detection(threshold=1.1)))
        for plain in (Attentive(engine), Attentive(engine)):
            callers = (patient, plain, deaf)
            began = asyncio.get_running_loop().time()
            await asyncio.gather(*(caller.speak(600) for caller in callers))
            await asyncio.gather(*(caller.be_silent(2500) for caller in callers))
            assert plain.when(f.SpeechStopped) - began == pytest.approx(0.9, abs=0.05)
            assert [at for at, x in patient.heard if isinstance(x, f.SpeechStopped)][-1] - began > 2.5
            assert not deaf.heard
            await plain.hangup()


@dataclasses.dataclass(kw_only=True)
class DeafStt(ScriptedStt):
    """Never comes to an end of the first piece of sound."""

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Hang."""
        await asyncio.Event().wait()
        yield Transcript(text="")


@dataclasses.dataclass(kw_only=True)
class DeafVad(ScriptedVad):
    """The same of a detector."""

    async def run(self, call: Call, item: Audio) -> AsyncIterator[Activity]:  # type: ignore[override]
        """Hang."""
        await asyncio.Event().wait()
        yield Activity(pcm=item.pcm, rate=item.rate, speech=0.0)


@pytest.mark.parametrize("deaf", [{"stt": DeafStt()}, {"vad": DeafVad()}], ids=["stt", "vad"])
@virtually
async def test_sound_that_nobody_hears_in_time_waits_with_its_sender(deaf: dict[str, Stage]) -> None:
    """Seed defect 13: of an hour of sound sent at once to a stage that hangs, a minute at most is taken."""
    async with calling(places={"vad": Place(kind="loop" if "vad" in deaf else "inline")}, **deaf) as caller:

        async def push() -> None:
            for _ in range(5 * 3600):
                await caller.call.audio(LOUD * 3200, 16000)

        pushing = asyncio.ensure_future(push())
        await asyncio.sleep(20)
        assert caller.call.heard_ms <= 60_000 and not pushing.done()
        assert sum(box["waiting"] for box in caller.call.flow.statistics().values()) <= 200
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)
