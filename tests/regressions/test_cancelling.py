"""Answers that are no longer wanted, from stages that hang, are late, or do not listen."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.messages import Clause, Prompt, Reply, ReplyEnd, Sound, ToolCall
from s2s.stage import Call, Stage
from s2s.testing.stages import ScriptedLlm, ScriptedTts
from tests.regressions.calls import calling, virtually


@dataclasses.dataclass(kw_only=True)
class StuckTts(ScriptedTts):
    """Hangs in the first clause that it is ever given, after its first sound."""

    stuck: list[str] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        self.stuck.append(item.text)
        async for out in super().run(call, item):
            yield out
            if len(self.stuck) == 1:
                await asyncio.Event().wait()


@dataclasses.dataclass(kw_only=True)
class StuckLlm(ScriptedLlm):
    """Hangs at the first prompt that it is ever given, before or after its first word."""

    words_first: int = 0
    asked: list[int] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer."""
        self.asked.append(len(item.lines))
        if len(self.asked) > 1:
            async for out in super().run(call, item):
                yield out
            return
        for _ in range(self.words_first):
            yield Reply(text="well. ")
        await asyncio.Event().wait()


STUCK: dict[str, dict[str, Stage]] = {
    "model, silent": {"llm": StuckLlm()},
    "model, midway": {"llm": StuckLlm(words_first=2)},
    "voice": {"tts": StuckTts()},
}


@pytest.mark.parametrize("how", ["cancel", "speech", "both"])
@pytest.mark.parametrize("name", list(STUCK))
@virtually
async def test_an_answer_that_hangs_for_ever_can_be_cancelled(name: str, how: str) -> None:
    """Seed defect 5: `response.cancel` and speech end an answer at once whose model or voice never returns."""
    fresh: dict[str, Any] = {key: dataclasses.replace(stage) for key, stage in STUCK[name].items()}
    for stage in fresh.values():
        (stage.asked if isinstance(stage, StuckLlm) else stage.stuck).clear()
    async with calling(**fresh) as caller:
        await caller.speak(600)
        await caller.be_silent(3000)
        assert caller.all(f.ResponseCreated) and not caller.all(f.ResponseDone)
        now = asyncio.get_running_loop().time()
        if how != "speech":
            caller.call.feed(ev.CancelResponse())
        if how != "cancel":
            await caller.speak(20)
        (done,) = caller.all(f.ResponseDone)
        assert done.response.status == "cancelled" and caller.when(f.ResponseDone) - now < 0.001
        assert done.response.reason == ("turn_detected" if how == "speech" else "client_cancelled")
        await caller.be_silent(20)
        assert all(caller.engine.pools[key].statistics()["running"] == 0 for key in fresh), "its work has ended, too"
        await caller.be_silent(3000)
        assert (await caller.ask()).status == "completed"


@dataclasses.dataclass(kw_only=True)
class StubbornTts(ScriptedTts):
    """Says one thing more when it is told to stop."""

    late: list[int] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        try:
            async for out in super().run(call, item):
                yield out
        except asyncio.CancelledError:
            self.late.append(item.index)
            yield Sound(pcm=bytes(4800), rate=self.rate)


@dataclasses.dataclass(kw_only=True)
class StubbornLlm(ScriptedLlm):
    """Calls a function and says a word more when it is told to stop."""

    late: list[int] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer."""
        try:
            async for out in super().run(call, item):
                yield out
        except asyncio.CancelledError:
            self.late.append(0)
            yield Reply(text=" and another thing")
            yield ToolCall(call_id="late", name="late", arguments="{}")


@pytest.mark.parametrize("how", ["cancel", "speech"])
@pytest.mark.parametrize("stage", [StubbornTts(), StubbornLlm(endless=True)], ids=["voice", "model"])
@virtually
async def test_a_chunk_that_comes_after_the_cancel_is_dropped(stage: StubbornTts | StubbornLlm, how: str) -> None:
    """vllm-omni #5179, peers.md 5(e): what a stage still gives of a cancelled answer is told to nobody."""
    stage.late.clear()
    async with calling(**{"tts" if isinstance(stage, StubbornTts) else "llm": stage}) as caller:
        await caller.speak(600)
        await caller.be_silent(320)
        await caller.until(f.SoundDelta, 3)
        if how == "cancel":
            caller.call.feed(ev.CancelResponse())
        else:
            await caller.speak(20)
        cut = len(caller.heard)
        await caller.be_silent(5000) if how == "cancel" else await asyncio.sleep(0.05)
        assert stage.late, "the stage did say something"
        later = [fact for _, fact in caller.heard[cut:] if isinstance(fact, (f.OutputFact, f.ResponseDone))]
        assert not later
        assert len(caller.all(f.ResponseDone)) == 1
        assert "another thing" not in " ".join(text for _, text in caller.said())


@virtually
async def test_cancel_and_speech_at_once_end_an_answer_once() -> None:
    """vllm-omni #5179: a client that cancels because it hears speech start is told of one end, and of nothing after."""
    async with calling() as caller:
        await caller.speak(600)
        await caller.be_silent(320)
        await caller.until(f.SoundDelta, 3)
        await caller.speak(40)
        caller.call.feed(ev.CancelResponse())
        assert [problem.code for problem in caller.all(f.Problem)] == ["response_cancel_not_active"]
        assert [fact.response.reason for fact in caller.all(f.ResponseDone)] == ["turn_detected"]
        await caller.be_silent(1000)
        await caller.until(f.ResponseDone, 2)
        assert caller.all(f.ResponseDone)[1].response.status == "completed"
