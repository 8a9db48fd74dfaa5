"""Turns that nothing ends by itself: time passes whether sound comes or not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import pytest

from s2s.conversation import facts as f
from s2s.messages import Activity, Audio, Speech, Transcript
from s2s.place.options import Place
from s2s.settings import Detection, Settings
from s2s.stage import Call, Stage
from s2s.testing.stages import ScriptedStt, ScriptedTurn, ScriptedVad
from s2s.turn.silence import Silence
from tests.regressions.calls import Attentive, EchoLlm, calling, virtually

SOON_S = 6.0
"""Seconds after the last sound by which its turn is over: the watch rings every second and a half."""
TURNS: dict[str, Stage] = {
    "scripted": ScriptedTurn(),
    "on trial": ScriptedTurn(silence_ms=500, soft_ms=200),
    "silence": Silence(),
}


async def mute(seconds: float) -> None:
    """Send no sound at all, not even silence."""
    await asyncio.sleep(seconds)


@pytest.mark.parametrize("name", list(TURNS))
@pytest.mark.parametrize("quiet_ms", [0, 100, 240], ids=["mid-word", "word end", "pause"])
@virtually
async def test_a_mute_in_the_middle_of_speech_freezes_nothing(name: str, quiet_ms: int) -> None:
    """pipecat #4124: a caller who mutes themselves while they speak is answered, and heard again afterwards."""
    async with calling(turn=TURNS[name]) as caller:
        await caller.speak(1000)
        await caller.be_silent(quiet_ms)
        await mute(SOON_S)
        assert len(caller.all(f.SpeechStopped)) == 1
        assert [fact.response.status for fact in caller.all(f.ResponseDone)] == ["completed"]
        assert (await caller.ask()).status == "completed"
        assert len(caller.all(f.SpeechStarted)) == len(caller.all(f.SpeechStopped)) == 2


@pytest.mark.parametrize("name", list(TURNS))
@virtually
async def test_a_client_that_never_sends_silence_is_answered_every_time(name: str) -> None:
    """pipecat #1493: the end of a turn comes without a frame of silence, turn after turn."""
    async with calling(turn=TURNS[name]) as caller:
        for number in range(1, 5):
            await caller.speak(800)
            await mute(SOON_S)
            assert len(caller.all(f.SpeechStopped)) == len(caller.all(f.ResponseDone)) == number


@virtually
async def test_a_mute_over_an_answer_leaves_the_answer_cut_and_the_agent_awake() -> None:
    """pipecat #4124: who interrupts and is gone in the middle of a word gets what they said answered."""
    llm = EchoLlm()
    async with calling(stt=ScriptedStt(texts=["one two three four five six seven eight", "stop"]), llm=llm) as caller:
        await caller.speak(600)
        await caller.be_silent(600)
        await caller.until(f.SoundDelta, 2)
        await caller.speak(200)
        await mute(SOON_S)
        assert [fact.text for fact in caller.all(f.TurnText)][1:] == ["stop"]
        assert caller.said()[-1] == ("assistant", "stop.")


@virtually
async def test_a_caller_who_stalls_and_goes_on_is_heard_to_the_end() -> None:
    """pipecat #4124: a gap in the network within a sentence is no mute; what follows it is in the same turn."""
    async with calling() as caller:
        for _ in range(4):
            await caller.speak(600)
            await mute(1.0)
        await caller.be_silent(400)
        await caller.until(f.ResponseDone)
        assert len(caller.all(f.TurnCommitted)) == 1


@virtually
async def test_a_server_that_stalls_takes_nobody_for_mute() -> None:
    """peers.md 5(e), a stall of the loop: sound that could not be taken in time does not end the turn it belongs to."""
    async with calling() as caller:
        loop = asyncio.get_running_loop()
        for _ in range(4):
            await caller.speak(300)
            loop.now += 5.0  # type: ignore[attr-defined]
            await caller.speak(300)
        assert len(caller.all(f.SpeechStarted)) == 1 and not caller.all(f.SpeechStopped)
        await caller.be_silent(400)
        await caller.until(f.ResponseDone)


@dataclasses.dataclass(kw_only=True)
class DozingVad(ScriptedVad):
    """Hangs at the frame of this number."""

    at: int = 20

    async def run(self, call: Call, item: Audio) -> AsyncIterator[Activity]:  # type: ignore[override]
        """Pass every sound on, but for one."""
        call.memory["count"] = call.memory.get("count", 0) + 1
        if call.memory["count"] == self.at:
            await asyncio.Event().wait()
        for out in super().run(call, item):
            yield out


@virtually
async def test_a_detector_that_hangs_in_the_middle_of_speech_is_given_up_on() -> None:
    """pipecat #1493: where the detector itself says nothing more, that is told, and the turn still ends."""
    place = Place(kind="loop", timeout_s=2.0)
    async with calling(vad=DozingVad(), places={"vad": place}) as caller:
        await caller.speak(600)
        await caller.be_silent(4000)
        assert [problem.message for problem in caller.all(f.Problem)] == ["vad: no sign of life for 2 s"]
        assert len(caller.all(f.SpeechStopped)) == 1
        assert (await caller.ask()).status == "completed"


@dataclasses.dataclass(kw_only=True)
class MeasuringStt(ScriptedStt):
    """Says how many milliseconds it was given."""

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:  # type: ignore[override]
        """Count the sound."""
        call.state["ms"] = call.state.get("ms", 0.0) + len(item.pcm) / 2 / item.rate * 1000
        return iter(())

    def finish(self, call: Call) -> Iterator[Transcript]:  # type: ignore[override]
        """Say the whole."""
        yield Transcript(text=f"{call.state.get('ms', 0.0):g}")


@virtually
async def test_a_turn_that_never_pauses_is_split_and_none_of_it_is_lost() -> None:
    """Seed, `max_speech_ms`: a caller who talks for half a minute is understood whole, in pieces, and then answered."""
    turn = Silence(max_speech_s=5.0, silence_ms=500)
    async with calling(turn=turn, stt=MeasuringStt()) as caller:
        await caller.speak(31_000)
        await caller.be_silent(2000)
        await caller.be_silent(3000)
        pieces = [float(fact.text) for fact in caller.all(f.TurnText)]
        assert len(pieces) == 7 and max(pieces) <= 5000
        assert 31_000 <= sum(pieces) <= 31_600, "all that was said, and the silence that ended it"
        assert [x.response.status for x in caller.all(f.ResponseDone)].count("completed") == 1
        starts = [fact.at_ms for fact in caller.all(f.SpeechStarted)][1:]
        assert starts == [fact.at_ms for fact in caller.all(f.SpeechStopped)][:-1], "one follows the other"


async def held(caller: Attentive) -> None:
    """Speak in push to talk, as if to interrupt."""
    await caller.speak(600)
    await caller.be_silent(1000)


@pytest.mark.parametrize("name", list(TURNS))
@virtually
async def test_no_detector_runs_in_push_to_talk(name: str) -> None:
    """Seed defect 9: with turn detection off speech opens, ends and interrupts nothing, however long the pauses are."""
    async with calling(turn=TURNS[name], stt=MeasuringStt()) as caller:
        await caller.ask()
        await caller.call.update(Settings(detection=None))
        told = len(caller.heard)
        await held(caller)
        await mute(SOON_S)
        await held(caller)
        assert len(caller.heard) == told
        assert await caller.call.commit() is None
        text = await caller.until(f.TurnText, 2)
        assert 3200 <= float(text.text) <= 3600
        assert len(caller.all(f.ResponseCreated)) == len(caller.all(f.SpeechStarted)) == 1


@pytest.mark.parametrize("name", list(TURNS))
@virtually
async def test_a_turn_that_is_open_when_detection_is_turned_off_does_not_stay_open(name: str) -> None:
    """Seed defect 9: switching to push to talk in mid-word, and back later, leaves no half turn behind."""
    async with calling(turn=TURNS[name]) as caller:
        await caller.speak(600)
        await caller.call.update(Settings(detection=None))
        assert len(caller.all(f.SpeechStopped)) == len(caller.all(f.TurnCommitted)) == 1
        await caller.speak(600)
        await caller.be_silent(2000)
        await caller.call.update(Settings(detection=Detection()))
        await caller.be_silent(500)
        assert len(caller.all(f.TurnCommitted)) == 1
        assert (await caller.ask()).status == "completed"
        assert len(caller.all(f.SpeechStarted)) == len(caller.all(f.SpeechStopped)) == 2
