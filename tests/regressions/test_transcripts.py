"""What the recogniser says of a turn: once, whole, and not before it is over."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.conversation import facts as f
from s2s.messages import Speech, Transcript
from s2s.stage import Call
from s2s.stt.recognizer import RATE, Recognizer
from s2s.testing.stages import ScriptedStt, ScriptedTurn
from tests.regressions.calls import EchoLlm, NotingLlm, calling, virtually


@dataclasses.dataclass(kw_only=True)
class Whisper(Recognizer):
    """Hears a word in every half second; it decodes all of it again for every partial, as Whisper does."""

    def clock(self) -> float:
        """Partials cost no time."""
        return 0.0

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Count the half seconds."""
        return " ".join(f"w{n}" for n in range(1, 1 + 2 * len(samples) // RATE))


@pytest.mark.parametrize("turn", [ScriptedTurn(), ScriptedTurn(silence_ms=600, soft_ms=200)], ids=["plain", "on trial"])
@virtually
async def test_a_partial_is_never_taken_for_the_whole(turn: ScriptedTurn) -> None:
    """Seed defect 11: partials of a recogniser that does not stream are shown, and the turn is answered whole."""
    llm = NotingLlm()
    async with calling(turn=turn, stt=Whisper(partial_ms=900), llm=llm) as caller:
        await caller.speak(4000)
        deltas = len(caller.all(f.TurnTextDelta))
        assert deltas >= 2 and not caller.all(f.TurnText) and not caller.all(f.ResponseCreated)
        assert not llm.prompts
        await caller.be_silent(1500)
        whole = " ".join(f"w{n}" for n in range(1, 9))
        (text,) = caller.all(f.TurnText)
        assert text.text.startswith(whole) and llm.told("user") == [text.text]
        assert "".join(fact.delta for fact in caller.all(f.TurnTextDelta)) == text.text, "deltas only append"
        assert caller.when(f.TurnText) >= caller.when(f.SpeechStopped)


@dataclasses.dataclass(kw_only=True)
class EagerStt(ScriptedStt):
    """Gives its guess for what it heard so far, as a hypothesis that it takes back."""

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Guess, each time otherwise."""
        call.state["guesses"] = call.state.get("guesses", 0) + 1
        yield Transcript(text=f"guess {call.state['guesses']}", final=False, stable=0)


@virtually
async def test_a_guess_that_was_taken_back_is_in_no_prompt() -> None:
    """Seed defect 11: of hypotheses that revise themselves only the last word is told, kept and answered."""
    llm = EchoLlm()
    async with calling(stt=EagerStt(texts=["the truth"]), llm=llm) as caller:
        await caller.ask()
        assert caller.said() == [("user", "the truth"), ("assistant", "the truth.")]
        assert "guess" not in "".join(fact.delta for fact in caller.all(f.TurnTextDelta))


@dataclasses.dataclass(kw_only=True)
class StammeringStt(ScriptedStt):
    """Gives its last word several times, and another one after it."""

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole, again and again."""
        text = self._text(call)
        for again in (text, text, f"{text} or so"):
            yield Transcript(text=again)
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("turn", [ScriptedTurn(), ScriptedTurn(silence_ms=900, soft_ms=200)], ids=["plain", "on trial"])
@virtually
async def test_duplicate_finals_are_one_turn_and_one_answer(turn: ScriptedTurn) -> None:
    """agents-js #2059, peers.md 5(e): a recogniser that repeats its last word does not make the agent answer twice."""
    llm = EchoLlm()
    async with calling(turn=turn, stt=StammeringStt(texts=["hello"]), llm=llm) as caller:
        await caller.speak(600)
        await caller.be_silent(4000)
        (text,) = caller.all(f.TurnText)
        assert len(caller.all(f.ResponseCreated)) == 1
        assert caller.said() == [("user", text.text), ("assistant", f"{text.text}.")]


@dataclasses.dataclass(kw_only=True)
class StuckStt(ScriptedStt):
    """Never comes to the end of its first turn."""

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole."""
        if self._text(call) == "first":
            await asyncio.Event().wait()
        async for out in super().finish(call):
            yield out


@virtually
async def test_a_turn_whose_words_never_come_does_not_mute_those_after_it() -> None:
    """Seed defect 5, LiveKit #1229: behind a recogniser that hangs on one turn the next is heard and answered."""
    async with calling(stt=StuckStt(texts=["first", "second"])) as caller:
        await caller.speak(600)
        await caller.be_silent(1000)
        done = await caller.ask()
        assert done.status == "completed" and caller.said()[0] == ("user", "second")
        await caller.be_silent(40_000)
        assert [fact.reason for fact in caller.all(f.TurnTextFailed)] == ["no sign of life for 30 s"]


@pytest.mark.parametrize("after_ms", [50, 150, 400, 1000], ids=["not yet heard", "heard", "answered", "spoken"])
@virtually
async def test_the_tail_of_a_sentence_that_was_cut_in_two_is_not_dropped(after_ms: int) -> None:
    """bolna's split utterances (peers.md 4.4): who pauses too long and goes on is answered to both halves at once."""
    llm = NotingLlm(first_seconds=0.5)
    async with calling(stt=ScriptedStt(texts=["book a table", "for two"]), llm=llm) as caller:
        await caller.speak(600)
        await caller.be_silent(300 + after_ms)
        await caller.speak(600)
        await caller.be_silent(4000)
        assert llm.told("user") == ["book a table", "for two"]
        assert caller.all(f.ResponseDone)[-1].response.status == "completed"
        assert [fact.response.status for fact in caller.all(f.ResponseDone)].count("completed") == 1
