"""Which caller has which slot of the model: each keeps the one that has read its conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A fixed number of slots, each lent to one answer at a time.

    A caller gets the slot that it had before, when that is free; else one that nobody knows, else the one whose
    owner was silent for the longest; when all are at work it waits its turn.
    """

    def __init__(self, count: int) -> None:
        self._free: dict[int, None] = dict.fromkeys(range(count))  # the longest idle one first
        self._owner: dict[int, str] = {}
        self._waiting: deque[asyncio.Future[int]] = deque()

    @property
    def fresh(self) -> list[int]:
        """The free slots that no caller has had."""
        return [slot for slot in self._free if slot not in self._owner]

    @property
    def idle(self) -> bool:
        """Whether one is free."""
        return bool(self._free)

    @asynccontextmanager
    async def lend(self, caller: str) -> AsyncIterator[int]:
        """Lend a slot for one answer."""
        slot = await self._take(caller)
        try:
            yield slot
        finally:
            self._give(slot)

    def forget(self, caller: str) -> None:
        """Let the slot of a caller that is gone be the next to be lent."""
        for slot in [slot for slot, owner in self._owner.items() if owner == caller]:
            del self._owner[slot]
            if slot in self._free:
                self._free = {slot: None, **self._free}

    async def _take(self, caller: str) -> int:
        if self._free:
            own = [slot for slot in self._free if self._owner.get(slot) == caller]
            slot = (own or self.fresh or list(self._free))[0]
            del self._free[slot]
        else:
            turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                slot = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give(turn.result())
                raise
        self._owner[slot] = caller
        return slot

    def _give(self, slot: int) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(slot)
                return
        self._free[slot] = None
