"""Sounds that are no turn, and answers that must not be lost to them."""

from __future__ import annotations

import pytest

from s2s.conversation import facts as f
from s2s.settings import Detection, Settings
from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.regressions.calls import NotingLlm, calling, virtually

WHOLE_S = 2.0
"""Seconds that the scripted answer lasts."""
UNDISTURBED = Settings(detection=Detection(interrupt_response=False))


@pytest.mark.parametrize(
    "after_ms",
    [
        pytest.param(500, id="while its question is transcribed"),
        pytest.param(850, id="when its question is understood"),
        pytest.param(1500, id="while it thinks"),
    ],
)
@virtually
async def test_a_cough_before_the_answer_begins_does_not_lose_it(after_ms: int) -> None:
    """LiveKit #1229: a caller who coughs while the agent makes its answer is answered all the same, once."""
    stt = ScriptedStt(texts=["what time is it", ""], seconds=1.0)
    async with calling(stt=stt, llm=NotingLlm(first_seconds=1.0)) as caller:
        await caller.speak(600)
        await caller.be_silent(300 + after_ms)
        await caller.speak(100)
        await caller.be_silent(8000)
        done = [fact.response for fact in caller.all(f.ResponseDone) if fact.response.status == "completed"]
        assert len(done) == 1 and caller.seconds(done[0].id) == pytest.approx(WHOLE_S)


@pytest.mark.parametrize("after_ms", [500, 1500, 2500, 3500, 6000])
@pytest.mark.parametrize("settings", [Settings(), UNDISTURBED], ids=["may interrupt", "may not"])
@virtually
async def test_a_cough_does_not_silence_the_agent_for_ever(after_ms: int, settings: Settings) -> None:
    """LiveKit #1229: whenever the caller coughs, the next thing that they ask is answered."""
    stt = ScriptedStt(texts=["what time is it", "", "and now"], seconds=1.0)
    llm = NotingLlm(first_seconds=1.0)
    async with calling(settings, stt=stt, llm=llm) as caller:
        await caller.speak(600)
        await caller.be_silent(300 + after_ms)
        await caller.speak(100)
        await caller.be_silent(8000)
        assert (await caller.ask()).status == "completed"
        assert llm.told("user")[-1] == "and now"


@virtually
async def test_noise_over_an_answer_does_not_stop_it_where_interruptions_are_off() -> None:
    """dograh #236: with interruptions off, noise cuts, delays and shortens nothing, and is no turn to answer."""
    llm = NotingLlm()
    stt = ScriptedStt(texts=["go on", "", "", "what was that"])
    async with calling(UNDISTURBED, llm=llm, stt=stt) as caller:
        await caller.speak(600)
        await caller.be_silent(500)
        for _ in range(2):
            await caller.speak(200)
            await caller.be_silent(400)
        assert [fact.text for fact in caller.all(f.TurnText)] == ["go on", "", ""]
        (done,) = caller.all(f.ResponseDone)
        assert (done.response.status, caller.seconds()) == ("completed", pytest.approx(WHOLE_S))
        await caller.ask()
        assert llm.told("assistant") == [ScriptedLlm.words]
        assert llm.told("user") == ["go on", "what was that"]


@virtually
async def test_a_backchannel_while_the_agent_is_silent_is_an_answer() -> None:
    """pipecat #1391, LiveKit #7105: a short "yes" to an agent that waits for it is heard, kept and answered."""
    llm = NotingLlm()
    async with calling(llm=llm, stt=ScriptedStt(texts=["book it", "yes"])) as caller:
        await caller.ask()
        await caller.be_silent(5000)
        await caller.speak(160)
        await caller.be_silent(1000)
        await caller.until(f.ResponseDone, 2)
        assert llm.told("user") == ["book it", "yes"]
        assert llm.told("assistant") == [ScriptedLlm.words], "it takes nothing from what was heard before it"
        assert [fact.response.status for fact in caller.all(f.ResponseDone)] == ["completed"] * 2


@virtually
async def test_coughs_one_after_another_over_an_answer_end_it_once() -> None:
    """LiveKit #1229: whoever cannot stop coughing hears no answer break off twice, and is answered afterwards."""
    async with calling(stt=ScriptedStt(texts=["tell me", "", "", "", "again please"])) as caller:
        await caller.speak(600)
        await caller.be_silent(600)
        await caller.until(f.SoundDelta, 3)
        for _ in range(3):
            await caller.speak(100)
            await caller.be_silent(500)
        (done,) = caller.all(f.ResponseDone)
        assert (done.response.status, done.response.reason) == ("cancelled", "turn_detected")
        assert (await caller.ask()).status == "completed"
