"""Copies that die or hang: what they have in hand, and what waits for them, goes over to the fallback at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from s2s.messages import Prompt, Reply
from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.place.process import ProcessPool
from s2s.place.thread import ThreadPool
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.testing.stages import ScriptedLlm
from tests.place.fallbacks import Moody, answer

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def mortal(**stage: Any) -> AsyncIterator[tuple[FallbackPool, ProcessPool]]:
    """A model in a process, and a steady one beside it."""
    primary = ProcessPool("llm", ScriptedLlm(words="the first", **stage), Place(kind="process"))
    pool = FallbackPool(primary, LoopPool("backup", Moody(words="the other"), Place(kind="loop")))
    await pool.start()
    yield pool, primary
    await pool.close()


def kill(primary: ProcessPool) -> None:
    """End the child."""
    (child,) = primary._children()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)


async def test_what_a_dead_process_had_in_hand_does_not_wait_for_the_next_one() -> None:
    async with mortal(first_seconds=1000.0) as (pool, primary):
        asked = [asyncio.create_task(answer(pool, Call(str(n), 1, Settings()))) for n in range(3)]
        await asyncio.sleep(0.05)
        kill(primary)
        assert await asyncio.wait_for(asyncio.gather(*asked), 5) == ["the other"] * 3
        assert pool.live


async def test_who_finds_the_process_dead_goes_to_the_other_at_once_and_it_is_taken_back() -> None:
    async with mortal(first_seconds=0.0) as (pool, primary):
        kill(primary)
        while primary.live:
            await asyncio.sleep(0)
        assert await answer(pool) == "the other"
        assert pool.statistics()["on_fallback"] == 1
        while not primary.live:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.1)
        assert await answer(pool, Call("a", 2, Settings())) == "the first"
        assert pool.statistics()["on_fallback"] == 0


async def test_what_waits_for_a_thread_that_hangs_does_not_wait_for_another_copy() -> None:
    release = threading.Event()

    class Stuck(Stage):
        loads = 0

        def load(self) -> None:
            Stuck.loads += 1
            if Stuck.loads > 1:
                release.wait(20)

        def run(self, call: Call, item: Prompt) -> Iterator[Reply]:
            release.wait(20)
            yield Reply(text="late")

    place = Place(kind="thread", first_s=30.0, timeout_s=0.1)
    pool = FallbackPool(ThreadPool("llm", Stuck(), place), LoopPool("backup", Moody(words="soon"), Place(kind="loop")))
    await pool.start()
    given_up = asyncio.create_task(answer(pool))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(answer(pool, Call("b", 1, Settings())))
    await asyncio.sleep(0.01)
    given_up.cancel()
    assert await asyncio.wait_for(waiting, 5) == "soon"
    release.set()
    await pool.close()
