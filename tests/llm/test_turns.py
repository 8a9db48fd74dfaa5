"""Who generates next, and who gives way."""

from __future__ import annotations

import asyncio

import pytest

from s2s.llm.turns import AHEAD_S, Turns
from s2s.settings import Settings
from s2s.stage import PRESSING_S, Call

pytestmark = pytest.mark.anyio


def caller(name: str, due: float) -> Call:
    """A caller whose sound is needed at this time."""
    call = Call(name, 1, Settings())
    call.due = due
    return call


async def test_the_answer_that_is_needed_soonest_goes_next() -> None:
    turns, order = Turns(1), []

    async def answer(call: Call) -> None:
        async with turns.take(call):
            order.append(call.id)
            await asyncio.sleep(0)

    await asyncio.gather(*(answer(caller(name, due)) for name, due in [("a", 9), ("late", 8), ("soon", 1), ("b", 2)]))
    assert order == ["a", "soon", "b", "late"]


async def test_only_one_who_is_far_ahead_gives_way() -> None:
    turns = Turns(1)
    running = caller("running", 10.0)
    async with turns.take(running):
        assert not turns.gives_way(running)
        waiting = asyncio.create_task(turns.take(caller("new", 10.0 - AHEAD_S)).__aenter__())
        await asyncio.sleep(0)
        assert not turns.gives_way(running)
        running.due += 0.1
        assert turns.gives_way(running)
    await waiting


async def test_who_no_longer_waits_is_passed_over() -> None:
    turns = Turns(1)
    async with turns.take(caller("a", 0)):
        gone = asyncio.create_task(turns.take(caller("gone", 1)).__aenter__())
        next_one = asyncio.create_task(turns.take(caller("next", 2)).__aenter__())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    await asyncio.wait_for(next_one, 1)


async def test_an_answer_about_to_break_off_goes_before_a_first_sound_that_is_not_much_overdue() -> None:
    now = asyncio.get_running_loop().time()
    breaking, fresh, old = caller("breaking", now - 0.1), caller("fresh", now - 1), caller("old", now - PRESSING_S - 1)
    ahead = caller("ahead", now + 5)
    breaking.playing = ahead.playing = True
    assert sorted([ahead, fresh, breaking, old], key=lambda call: call.urgency(now)) == [old, breaking, fresh, ahead]
    turns, order = Turns(1), []

    async def answer(call: Call) -> None:
        async with turns.take(call):
            order.append(call.id)
            await asyncio.sleep(0)

    await asyncio.gather(*map(answer, [ahead, fresh, breaking, old]))
    assert order == ["ahead", "old", "breaking", "fresh"]
