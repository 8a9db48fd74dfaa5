"""Who waits, of one caller, for room behind a stage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from s2s.messages import Clause, Message
from s2s.scope import Scope
from s2s.wiring import Network


class Queue(Protocol):
    """What waits for a stage."""

    @property
    def full(self) -> bool:
        """Whether senders must wait."""

    def __len__(self) -> int:
        """How many items wait."""

    def wake(self) -> None:
        """Look again."""


class Room:
    """The queues of a caller, by stage and lane, and those who wait until one of them, or a scope's gate, has room."""

    def __init__(self, network: Network, queues: Mapping[tuple[str, int], Queue]) -> None:
        self._downstream = network.downstream
        self._queues = queues
        self._loop = asyncio.get_running_loop()
        self._making = self._again = False
        self._waiting: list[asyncio.Future[None]] = []

    def blocked(self, name: str, scope: Scope, item: Message | None = None) -> bool:
        """Whether what a stage would give, of this item, has no room behind it."""
        for right in self._downstream[name]:
            if right == "caller":
                if scope.gate.full(item.index if isinstance(item, Clause) else None):
                    return True
            else:
                queue = self._queues.get((right, scope.lane))
                if queue is not None and queue.full:
                    return True
        return False

    async def credit(self, name: str, scope: Scope, item: Message | None = None) -> None:
        """Wait until there is room behind a stage, or nobody wants its work."""
        while scope.live and self.blocked(name, scope, item):
            await self.change()

    async def change(self) -> None:
        """Return when some item has moved on."""
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        await waiter

    def made(self) -> None:
        """Let those look again who wait."""
        self._again = True
        if self._making:
            return
        self._making = True
        try:
            while self._again:
                self._again = False
                waiting, self._waiting = self._waiting, []
                for waiter in waiting:
                    if not waiter.done():
                        waiter.set_result(None)
                for queue in list(self._queues.values()):
                    if queue:
                        queue.wake()
        finally:
            self._making = False
