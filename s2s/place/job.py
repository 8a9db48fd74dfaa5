"""One item on its way through a worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from s2s.messages import Message
from s2s.stage import Call


class Job:
    """What a caller wants of a stage, and what came of it so far; lives in the loop."""

    __slots__ = ("call", "done", "error", "gone", "item", "number", "outputs", "since", "told", "tries", "waiter")

    def __init__(self, call: Call, item: Message | None, since: float, number: int) -> None:
        self.call = call
        self.number = number
        self.item = item
        self.since = since
        self.outputs: deque[Any] = deque()
        self.told = False
        self.tries = 1
        self.error: BaseException | None = None
        self.done = False
        self.gone = False
        self.waiter: asyncio.Future[None] | None = None

    def put(self, out: Any) -> None:
        """Take an output."""
        self.outputs.append(out)
        self.told = True
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Take the end of the item."""
        self.done, self.error = True, error
        self._wake()

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> None:
        """Return when there is something to take."""
        if not self.outputs and not self.done:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None


class Posted(Job):
    """A job of which each output is handed over at once."""

    __slots__ = ("_end", "_put")

    def __init__(
        self,
        call: Call,
        item: Message,
        since: float,
        number: int,
        put: Callable[[Any], None],
        end: Callable[[BaseException | None], None],
    ) -> None:
        super().__init__(call, item, since, number)
        self._put = put
        self._end = end

    def put(self, out: Any) -> None:
        """Hand an output over, unless nobody wants it any more."""
        self.told = True
        if not self.gone:
            self._put(out)

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes."""
        self.done, self.error = True, error
        if not self.gone:
            self._end(error)
