"""Slots: a caller keeps its own, waits its turn when all are at work, and leaves none behind."""

from __future__ import annotations

import asyncio

import pytest

from s2s.llm.slots import Slots

pytestmark = pytest.mark.anyio


async def held(slots: Slots, caller: str, release: asyncio.Event, got: list[tuple[str, int]]) -> None:
    async with slots.lend(caller) as slot:
        got.append((caller, slot))
        await release.wait()


async def turn(slots: Slots, caller: str) -> int:
    async with slots.lend(caller) as slot:
        return slot


async def test_a_caller_keeps_its_slot_and_a_new_one_takes_what_nobody_knows() -> None:
    slots = Slots(3)
    assert [await turn(slots, caller) for caller in ("a", "b", "a", "b", "c")] == [0, 1, 0, 1, 2]
    assert slots.fresh == []


async def test_a_new_caller_takes_the_slot_of_the_longest_silent_one() -> None:
    slots = Slots(2)
    assert [await turn(slots, caller) for caller in ("a", "b", "a", "c", "a", "b")] == [0, 1, 0, 1, 0, 1]


async def test_the_slot_of_a_caller_that_is_gone_is_next() -> None:
    slots = Slots(2)
    assert [await turn(slots, caller) for caller in ("a", "b", "a")] == [0, 1, 0]
    slots.forget("a")
    assert slots.fresh == [0]
    assert await turn(slots, "c") == 0


async def test_those_who_wait_are_served_in_order_and_may_give_up() -> None:
    slots, release, got = Slots(1), asyncio.Event(), list[tuple[str, int]]()
    tasks = []
    for caller in ("a", "b", "c", "d"):
        tasks.append(asyncio.create_task(held(slots, caller, release, got)))
        await asyncio.sleep(0)
    assert got == [("a", 0)]
    tasks[1].cancel()
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert got == [("a", 0), ("c", 0), ("d", 0)]
    assert await turn(slots, "e") == 0


async def test_a_slot_given_to_one_who_gives_up_at_that_moment_is_not_lost() -> None:
    slots, release, got = Slots(1), asyncio.Event(), list[tuple[str, int]]()
    async with slots.lend("a"):
        second = asyncio.create_task(held(slots, "b", release, got))
        await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert got == []
    assert await turn(slots, "c") == 0
