"""Answers prepared on trial, before a turn is over: they save time, and have no effect until it is."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import AsyncIterator

import pytest

from s2s.conversation import facts as f
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall, ToolResult, Transcript
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTools, ScriptedTurn
from tests.regressions.calls import Attentive, EchoLlm, NotingLlm, calling, virtually

PAUSE_MS = 800
TRIES = ["book", "book a", "book a table", "book a table for two"]
"""What is understood of a turn, pause after pause."""


def eager() -> ScriptedTurn:
    """A turn stage that leaves much time between a pause and the end."""
    return ScriptedTurn(silence_ms=1500, soft_ms=200)


async def dictate(caller: Attentive, pieces: int) -> None:
    """Speak with pauses between the pieces, long enough for an answer on trial to be ready."""
    for piece in range(pieces):
        await caller.be_silent(PAUSE_MS if piece else 0)
        await caller.speak(400)
    await caller.be_silent(1600)


@dataclasses.dataclass(kw_only=True)
class NotingTools(ScriptedTools):
    """Notes when it was called, and with what."""

    ran: list[tuple[float, str]] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: ToolCall) -> AsyncIterator[ToolResult]:
        """Return the call as its own result."""
        if item.arguments is not None:
            self.ran.append((asyncio.get_running_loop().time(), item.name))
        async for out in super().run(call, item):
            yield out


@pytest.mark.parametrize("pieces", [1, 3])
@virtually
async def test_no_tool_runs_before_the_caller_has_finished(pieces: int) -> None:
    """LiveKit #5924: a tool that an answer on trial asks for runs, and is told, only once the turn is over."""
    tools = NotingTools()
    llm = NotingLlm(calls={text: [f"tool{number}"] for number, text in enumerate(TRIES)})
    stt = ScriptedStt(texts=TRIES)
    async with calling(routes={"tools": "llm | tools | chat"}, turn=eager(), stt=stt, llm=llm, tools=tools) as caller:
        await dictate(caller, pieces)
        await caller.until(f.ResponseDone, 2)
        over = caller.when(f.TurnCommitted)
        assert llm.times[0] < over, "it was tried before the turn was over"
        assert [name for _, name in tools.ran] == [f"tool{pieces - 1}"] and tools.ran[0][0] >= over
        (told,) = caller.all(f.ArgumentsDone)
        assert told.name == f"tool{pieces - 1}" and caller.when(f.ArgumentsDone) >= over


@pytest.mark.parametrize("pieces", [1, 2, 4])
@virtually
async def test_an_answer_prepared_in_time_is_not_given_twice(pieces: int) -> None:
    """agents-js #2059, #1791: however often the caller pauses, they hear one answer, and the next turn is answered."""
    async with calling(turn=eager(), stt=ScriptedStt(texts=TRIES)) as caller:
        await dictate(caller, pieces)
        await caller.be_silent(5000)
        (created,), (done,) = caller.all(f.ResponseCreated), caller.all(f.ResponseDone)
        assert created.response.id == done.response.id and done.response.status == "completed"
        assert caller.seconds() == pytest.approx(2.0)
        assert [role for role, _ in caller.said()] == ["user", "assistant"]
        assert (await caller.ask()).status == "completed"


@pytest.mark.parametrize("pieces", [1, 4])
@virtually
async def test_a_pause_does_not_double_what_a_turn_costs(pieces: int) -> None:
    """LiveKit #4219: a trial that held is the answer, not asked for again; one that did not stops at once."""
    llm = NotingLlm(first_seconds=PAUSE_MS / 1000 - 0.4, endless=True)
    async with calling(turn=eager(), stt=ScriptedStt(texts=TRIES), llm=llm) as caller:
        await dictate(caller, pieces)
        await caller.until(f.ResponseCreated)
        await caller.be_silent(500)
        assert len(llm.prompts) <= pieces and max(llm.at_once) == 1
        assert llm.times[0] < caller.when(f.TurnCommitted)
        assert llm.told("user") == [TRIES[pieces - 1]]


@virtually
async def test_a_trial_that_did_not_hold_is_never_heard() -> None:
    """pipecat #3321: nothing of what was prepared for half a sentence is told, spoken or remembered."""
    llm = EchoLlm(first_seconds=0.05)
    async with calling(turn=eager(), stt=ScriptedStt(texts=TRIES), llm=llm) as caller:
        await dictate(caller, 4)
        await caller.until(f.ResponseDone)
        assert llm.told("user", 0) == TRIES[:1], "the first words were tried"
        assert "".join(fact.delta for fact in caller.all(f.WordsDelta)) == f"{TRIES[-1]}."
        assert caller.seconds() == pytest.approx(0.2 * len(TRIES[-1].split()))
        assert [fact.text for fact in caller.all(f.TurnText)] == TRIES[-1:]
        assert caller.said() == [("user", TRIES[-1]), ("assistant", f"{TRIES[-1]}.")]
        assert caller.when(f.ResponseCreated) >= caller.when(f.TurnCommitted)


@dataclasses.dataclass(kw_only=True)
class LateStt(ScriptedStt):
    """Is so slow with what it hears first that the turn has gone on by then, and doesn't mind being stopped."""

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole, late."""
        text = self._text(call)
        try:
            await asyncio.sleep(1.2 if call.state["turn"] == 0 else 0.1)
        except asyncio.CancelledError:
            await asyncio.sleep(1.0)
            yield Transcript(text=f"{text} (too late)")
            return
        yield Transcript(text=text)


@virtually
async def test_words_that_come_after_the_turn_went_on_are_not_its_text() -> None:
    """agents-js #1791: a transcript of a pause that is over by then is neither answered nor the turn's."""
    llm = EchoLlm()
    async with calling(turn=eager(), stt=LateStt(texts=TRIES), llm=llm) as caller:
        await dictate(caller, 2)
        await caller.until(f.ResponseDone)
        await caller.be_silent(3000)
        assert [fact.text for fact in caller.all(f.TurnText)] == ["book a"]
        assert caller.said() == [("user", "book a"), ("assistant", "book a.")]


@dataclasses.dataclass(kw_only=True)
class BrittleLlm(ScriptedLlm):
    """Fails, or hangs, at the first thing that it is asked."""

    hangs: bool = False
    asked: list[str] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer the second time."""
        self.asked.append(item.lines[-1].text)
        if len(self.asked) == 1:
            if self.hangs:
                await asyncio.Event().wait()
            raise RuntimeError("the model is out of order")
        async for out in super().run(call, item):
            yield out


FAULTS = {
    "the recogniser fails": {"stt": ScriptedStt(texts=TRIES, fails=[0])},
    "the model fails": {"llm": BrittleLlm()},
    "the model hangs": {"llm": BrittleLlm(hangs=True)},
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("pieces", [1, 2])
@virtually
async def test_a_trial_that_goes_wrong_does_not_wedge_the_call(fault: str, pieces: int) -> None:
    """agents-js #1791: what failed or hung on trial is forgotten, and the agent answers the next turn."""
    async with calling(**{"turn": eager(), "stt": ScriptedStt(texts=TRIES), **copy.deepcopy(FAULTS[fault])}) as caller:
        await dictate(caller, pieces)
        await caller.be_silent(3000)
        completed = [fact for fact in caller.all(f.ResponseDone) if fact.response.status == "completed"]
        assert len(completed) == (1 if pieces == 2 or fault == "the model fails" else 0)
        assert (await caller.ask()).status == "completed"
