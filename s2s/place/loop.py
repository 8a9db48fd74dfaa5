"""`place: loop` and `place: inline`: a stage that runs in the event loop itself."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from s2s.messages import Message
from s2s.place.options import Place
from s2s.place.pool import Ticket, loaded
from s2s.stage import Call, Stage


class LoopPool:
    """One loaded stage; its async work runs as many items at once as callers send."""

    batches = False
    patient = True
    first: Stage | None = None

    def __init__(self, name: str, stage: Stage, place: Place) -> None:
        self.name = name
        self.stage = stage
        self.place = place
        self.callers = 0
        self._running = 0
        self._loaded = False

    async def start(self) -> None:
        """Load the stage, off the loop."""
        await asyncio.get_running_loop().run_in_executor(None, loaded, self.stage)
        self._loaded = True

    @property
    def live(self) -> bool:
        """Whether the stage is loaded."""
        return self._loaded

    async def run(self, call: Call, item: Message | None) -> AsyncIterator[Any]:
        """Yield what the stage gives; sync stages give way to others between two outputs."""
        self._running += 1
        outputs = self.stage.finish(call) if item is None else self.stage.run(call, item)  # type: ignore[attr-defined]
        try:
            if inspect.isasyncgen(outputs):
                async with contextlib.aclosing(outputs) as stream:
                    async for out in stream:
                        yield out
            else:
                for out in outputs:
                    yield out
                    await asyncio.sleep(0)
        except (asyncio.CancelledError, GeneratorExit):
            self.stage.cancel(call)
            raise
        finally:
            self._running -= 1

    def post(
        self, call: Call, item: Message, put: Callable[[Any], None], end: Callable[[BaseException | None], None]
    ) -> Ticket:
        """Refuse: what runs here goes by `run`."""
        raise TypeError(f"{self.name} takes no batches: its items are run, not posted")

    def drop(self, ticket: Ticket) -> None:
        """Refuse: nothing is posted here."""
        raise TypeError(f"{self.name} takes no batches: nothing of it was posted")

    def hangup(self, call: Call) -> None:
        """Let the stage forget the caller."""
        self.stage.hangup(call)

    def statistics(self) -> dict[str, int]:
        """How many items run."""
        return {"waiting": 0, "running": self._running, "replicas": 1}

    async def close(self) -> None:
        """Let the model go."""
        if self._loaded:
            self._loaded = False
            await asyncio.get_running_loop().run_in_executor(None, self.stage.close)
