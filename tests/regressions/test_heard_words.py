"""What the caller has heard, and nothing else, is what the agent has said."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.messages import Clause, Prompt, Reply, ReplyEnd, Sound, ToolCall
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedTts
from s2s.text.clauses import Clauses
from tests.regressions.calls import Attentive, NotingLlm, calling, virtually

NUMBERS = [f"n{number}," for number in range(1, 41)]
WORD_S = 0.2
"""Seconds that the scripted voice takes for a word."""


@dataclasses.dataclass(kw_only=True)
class CountingLlm(NotingLlm):
    """Counts on from the last number that it was told it has said."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Count."""
        self.prompts.append(item)
        heard = [line.text for line in item.lines if line.role == "assistant"]
        begin = NUMBERS.index(heard[-1].split()[-1]) + 1 if heard else 0
        for word in NUMBERS[begin:]:
            yield Reply(text=f"{word} ")
        yield ReplyEnd()


async def interrupted(caller: Attentive, after_ms: int) -> int:
    """Ask, interrupt so long after the first sound, and return how many words have been played by then."""
    sounds, turns = len(caller.all(f.SoundDelta)) + 1, len(caller.all(f.SpeechStarted))
    await caller.speak(600)
    while len(caller.all(f.SoundDelta)) < sounds:
        await caller.be_silent(20)
    await caller.be_silent(after_ms)
    await caller.speak(600)
    began = caller.when(f.SoundDelta, sounds)
    return round((caller.when(f.SpeechStarted, turns + 2) - began) / WORD_S)


@virtually
async def test_the_bot_does_not_count_from_one_again() -> None:
    """pipecat #2791, #1661: an agent that was interrupted while it counted goes on from the last number heard."""
    llm = CountingLlm()
    async with calling(llm=llm, clauses=Clauses()) as caller:
        played = await interrupted(caller, 2400)
        await caller.be_silent(1000)
        second = await caller.until(f.ResponseCreated, 2)
        await caller.be_silent(500)
        (said,) = llm.told("assistant")
        assert played > 8 and abs(len(said.split()) - played) <= 1
        words = [x.delta for x in caller.all(f.WordsDelta) if x.response_id == second.response.id]
        assert [*said.split(), *"".join(words).split()] == NUMBERS


@virtually
async def test_an_interruption_does_not_overtake_the_words_that_were_played() -> None:
    """pipecat #4996: wherever it cuts, every word that was played is in history, and the later it cuts the more."""
    before = 0
    for after_ms in range(0, 3000, 140):
        llm = NotingLlm(words=" ".join(NUMBERS[:12]) + ".")
        async with calling(llm=llm, tts=ScriptedTts(seconds=0.0)) as caller:
            played = await interrupted(caller, after_ms)
            await caller.be_silent(500)
            heard = len(" ".join(llm.told("assistant", 1)).split())
            assert abs(heard - min(played, 12)) <= 1, f"{heard} words of {played} after {after_ms} ms"
            assert heard >= before
            before = heard
    assert before == 12


@virtually
async def test_words_that_were_not_spoken_yet_never_enter_history() -> None:
    """pipecat #5426: text that is far ahead of its voice counts no earlier than its sound."""
    llm = NotingLlm(seconds=0.001)
    async with calling(llm=llm, tts=ScriptedTts(seconds=1.0)) as caller:
        await caller.speak(600)
        await caller.be_silent(1000)
        assert "".join(fact.delta for fact in caller.all(f.WordsDelta)) == ScriptedLlm.words
        assert not caller.all(f.SoundDelta)
        await caller.ask()
        assert llm.told("assistant", 1) == [], "all of it was written, nothing was heard"


@pytest.mark.parametrize("pace_s", [0.03, 0.09, 0.1, 0.15], ids=["fast", "close", "live", "slow"])
@virtually
async def test_words_of_a_clause_that_is_still_being_spoken_are_not_all_heard(pace_s: float) -> None:
    """pipecat #5426, seed defect 3: a clause is cut by its voice's own pace, however little of it was made by then."""
    llm = NotingLlm(words=" ".join(NUMBERS[:20]) + ".")
    async with calling(llm=llm, tts=ScriptedTts(seconds=pace_s)) as caller:
        played = await interrupted(caller, 1000)
        await caller.be_silent(500)
        heard = len(" ".join(llm.told("assistant", 1)).split())
        assert 0 < heard <= played + 1, f"{heard} words of {played}"


@dataclasses.dataclass(kw_only=True)
class PonderousTts(ScriptedTts):
    """Takes two seconds for every clause, and then speaks it at once."""

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        await asyncio.sleep(2.0)
        async for out in super().run(call, item):
            yield out


@virtually
async def test_an_interruption_while_the_voice_is_out_of_breath_keeps_what_was_heard() -> None:
    """pipecat #5426, #2791: in a gap between two clauses only the first was heard, though the whole was written."""
    llm = NotingLlm(words="one two three. four five six. seven eight nine.")
    async with calling(llm=llm, tts=PonderousTts(seconds=0.0)) as caller:
        await interrupted(caller, 1200)
        await caller.be_silent(500)
        assert caller.seconds() == pytest.approx(3 * WORD_S)
        assert llm.told("assistant", 1) == ["one two three."]


@pytest.mark.parametrize(
    "broken",
    [{"tts": ScriptedTts(fail_at=1)}, {"llm": NotingLlm(fail_at=8)}],
    ids=["voice", "model"],
)
@virtually
async def test_an_answer_that_broke_off_is_kept_as_far_as_it_was_spoken(broken: dict[str, NotingLlm]) -> None:
    """Seed defect 4, pipecat #5426: of an answer whose voice or model fails midway, the spoken half is history."""
    async with calling(**broken) as caller:
        assert (await caller.ask()).status == "failed"
        await caller.be_silent(3000)
        spoken = round(caller.seconds() / WORD_S)
        assert 0 < spoken <= 5
        said = [text for role, text in caller.said() if role == "assistant"]
        assert len(said) == 1 and abs(len(said[0].split()) - spoken) <= 1


@virtually
async def test_what_was_cut_once_stays_cut() -> None:
    """pipecat #3627: later answers and interruptions give a cut answer none of its words back."""
    llm = NotingLlm(words=" ".join(NUMBERS[:12]) + ".")
    async with calling(llm=llm, tts=ScriptedTts(seconds=0.0)) as caller:
        await interrupted(caller, 400)
        await caller.be_silent(1500)
        first = caller.said()[1]
        await interrupted(caller, 1200)
        await caller.be_silent(8000)
        answers = [text for role, text in caller.said() if role == "assistant"]
        assert answers[0] == first[1] and 0 < len(answers[0].split()) <= 3
        assert [len(answer.split()) for answer in answers[-1:]] == [12]


@virtually
async def test_a_client_that_knows_what_was_played_is_believed() -> None:
    """LocalAI's truncation (peers.md, section 0): it takes the words after `audio_end_ms`, and no others."""
    llm = NotingLlm()
    async with calling(llm=llm) as caller:
        await interrupted(caller, 600)
        item = next(item for item in caller.call.state.items if item.role == "assistant")
        caller.call.feed(ev.TruncateItem(item_id=item.id, part=0, audio_end_ms=400))
        await caller.be_silent(500)
        assert caller.all(f.ItemTruncated) and llm.told("assistant", 1) == ["well, this"]
        caller.call.feed(ev.Played(item_id=item.id, ms=2000.0))
        await caller.ask()
        assert llm.told("assistant")[0] == "well, this", "an estimate does not outrank the client"


@pytest.mark.parametrize("state", ["playing", "interrupted", "over"])
@virtually
async def test_a_truncation_past_the_end_is_not_the_end_of_the_call(state: str) -> None:
    """pipecat #3677: "Audio content of ... is already shorter than 9100ms" changes nothing, and the call goes on."""
    llm = NotingLlm()
    async with calling(llm=llm) as caller:
        await caller.speak(600)
        await caller.be_silent(320)
        await caller.until(f.SoundDelta, 3)
        if state != "playing":
            await caller.be_silent(5000 if state == "over" else 100)
            await caller.speak(200)
        item = next(item for item in caller.call.state.items if item.role == "assistant")
        heard = item.heard
        caller.call.feed(ev.TruncateItem(item_id=item.id, part=0, audio_end_ms=9100))
        (problem,) = caller.all(f.Problem)
        assert "is already shorter than 9100ms" in problem.message
        assert next(item for item in caller.call.state.items if item.role == "assistant").heard == heard
        await caller.be_silent(3000)
        assert (await caller.ask()).status == "completed"
