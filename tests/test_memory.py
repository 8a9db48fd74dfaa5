"""Garbage is looked for when nobody calls, and not while somebody does."""

from __future__ import annotations

import asyncio
import gc

import pytest

from s2s.memory import BUSY_S, QUIET_S, tidy
from s2s.testing.clock import run_virtual


@pytest.mark.parametrize(
    ("busy", "seconds", "times"),
    [(False, 10 * QUIET_S, 10), (True, BUSY_S, 0), (True, 2 * BUSY_S, 1)],
)
def test_it_is_tidied_when_it_is_quiet_and_seldom_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch, busy: bool, seconds: float, times: int
) -> None:
    looked: list[float] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(gc, "collect", lambda: looked.append(loop.time()))
        task = asyncio.create_task(tidy(lambda: busy))
        await asyncio.sleep(seconds + 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(serve())
    assert len(looked) == times
