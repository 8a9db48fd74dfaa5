"""Callers who are suddenly gone, whatever was going on."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTurn
from tests.regressions.calls import Attentive, serving, virtually


async def silent(caller: Attentive) -> None:
    """It has said nothing yet."""
    await caller.be_silent(200)


async def speaking(caller: Attentive) -> None:
    """It speaks."""
    await caller.speak(600)


async def pausing(caller: Attentive) -> None:
    """It pauses, and an answer is being prepared."""
    await caller.speak(600)
    await caller.be_silent(400)


async def transcribed(caller: Attentive) -> None:
    """What it said is being transcribed."""
    await caller.speak(600)
    await caller.be_silent(620)


async def thought(caller: Attentive) -> None:
    """It waits for an answer."""
    await caller.speak(600)
    await caller.until(f.ResponseCreated)


async def answered(caller: Attentive) -> None:
    """It hears the answer."""
    await caller.speak(600)
    await caller.be_silent(620)
    await caller.until(f.SoundDelta, 2)


async def interrupting(caller: Attentive) -> None:
    """It speaks over the answer."""
    await answered(caller)
    await caller.speak(100)


async def unread(caller: Attentive) -> None:
    """It does not read what it is sent."""
    caller.reads = False
    await caller.speak(600)
    await caller.be_silent(3000)


async def over(caller: Attentive) -> None:
    """It was answered."""
    await caller.ask()


STATES: list[Callable[[Attentive], Awaitable[None]]] = [
    *(silent, speaking, pausing, transcribed, thought, answered, interrupting, unread, over)
]


def gone(engine: Engine) -> weakref.ref[object]:
    """Return what remains of the newest call of an engine."""
    return weakref.ref(list(engine.calls.values())[-1])


@pytest.mark.parametrize("state", STATES, ids=[state.__name__ for state in STATES])
@virtually
async def test_a_dropped_call_leaves_nothing_behind(state: Callable[[Attentive], Awaitable[None]]) -> None:
    """LiveKit #2166, #1186, vllm-omni #5179: whenever a caller goes, their tasks, memory and work go too."""
    turn, stt = ScriptedTurn(silence_ms=600, soft_ms=200), ScriptedStt(seconds=0.5)
    async with serving(turn=turn, stt=stt, llm=ScriptedLlm(first_seconds=0.5)) as engine:
        before = asyncio.all_tasks()
        caller = Attentive(engine)
        await state(caller)
        left = gone(engine)
        await caller.hangup()
        told = len(caller.heard)
        await asyncio.sleep(30)
        assert len(caller.heard) == told, "nothing is told to who is gone"
        del caller
        gc.collect()
        assert left() is None and asyncio.all_tasks() == before and not engine.calls
        assert all(not pool["waiting"] and not pool["running"] for pool in engine.statistics().values())
        assert not engine.network.rush.on
        assert (await Attentive(engine).ask()).status == "completed"
