"""Who may generate: the answer that is needed soonest, and one far ahead of its playback gives way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from s2s.stage import Call

AHEAD_S = 0.5
"""Seconds by which a waiting answer must be needed sooner than a running one for that to give way: it costs a token."""


class Turns:
    """At most `count` answers are generated at once, those that are needed soonest (`Call.urgency`)."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._waiting: list[tuple[Call, asyncio.Future[None]]] = []

    @property
    def idle(self) -> bool:
        """Whether one would be free at once."""
        return self._left > 0

    @asynccontextmanager
    async def take(self, call: Call) -> AsyncIterator[None]:
        """Hold one of the turns."""
        if self._left:
            self._left -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((call, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give()
                raise
            finally:
                self._waiting = [entry for entry in self._waiting if entry[1] is not turn]
        try:
            yield
        finally:
            self._give()

    def gives_way(self, call: Call) -> bool:
        """Whether an answer that is being generated should let another go first."""
        now = asyncio.get_running_loop().time()
        own = call.urgency(now)
        return any(other.urgency(now) + AHEAD_S < own for other, turn in self._waiting if not turn.done())

    def _give(self) -> None:
        now = asyncio.get_running_loop().time()
        waiting = [(call.urgency(now), n) for n, (call, turn) in enumerate(self._waiting) if not turn.done()]
        if waiting:
            self._waiting[min(waiting)[1]][1].set_result(None)
        else:
            self._left += 1
