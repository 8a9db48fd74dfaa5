"""One caller's language model reads ahead: what it will be asked, as far as that is known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import msgspec

from s2s.conversation.events import Prime
from s2s.messages import Prompt
from s2s.stage import Call
from s2s.wiring import Network

log = logging.getLogger("s2s")


class Priming:
    """At most one reading at a time; it yields to the real question, and to everyone who waits for an answer."""

    def __init__(self, call_id: str, network: Network) -> None:
        self._id = call_id
        self._network = network
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, effect: Prime) -> None:
        """Read this instead of what is being read, unless somebody waits for an answer."""
        if self._network.rush.on:
            return
        self.stop()
        chat: Any = self._network.nodes[self._network.faces.chat].stage
        call = Call(self._id, 0, effect.settings)
        for out in chat.run(call, effect.item):
            if isinstance(out, Prompt):
                for name in self._network.readers:
                    work = self._read(name, call, msgspec.structs.replace(out, ahead=effect.ahead))
                    task = asyncio.get_running_loop().create_task(work)
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop, and wait for it."""
        self.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, name: str, call: Call, prompt: Prompt) -> None:
        try:
            async with contextlib.aclosing(self._network.pools[name].run(call, prompt)) as nothing:  # type: ignore[type-var]
                async for _ in nothing:
                    pass
        except Exception as error:  # the answer itself will tell what is wrong
            log.debug("%s: %s did not read ahead: %s", self._id, name, error)
