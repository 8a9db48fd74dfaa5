"""A thread may give way to others on a busy machine."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.messages import Clause, Transcript
from s2s.mistakes import ConfigError
from s2s.place.options import Place
from s2s.place.thread import ThreadPool
from s2s.settings import Settings
from s2s.stage import Call, Stage


class Modest(Stage):
    """Tells the priority of its thread."""

    def run(self, call: Call, item: Clause) -> Iterator[Transcript]:
        yield Transcript(text=str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
def test_a_threads_work_is_as_nice_as_its_place_says_and_nobody_elses() -> None:
    async def told(nice: int) -> int:
        pool = ThreadPool("modest", Modest(), Place(kind="thread", nice=nice))
        await pool.start()
        try:
            (out,) = [out async for out in pool.run(Call("c", 1, Settings()), Clause(text="x"))]
            return int(out.text)
        finally:
            await pool.close()

    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert [asyncio.run(told(nice)) for nice in (0, 7)] == [own, 7]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_niceness_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        build(compose("stt.place.nice=-1"), packages=False)
    assert list(error.value.mistakes) == ["stt.place.nice: input should be from 0 to 19, not -1"]
