"""What one caller's language model is asked, and what it reads before that: the question as far as it is known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import msgspec

from s2s.conversation.events import Prime, Send
from s2s.flow import Flow
from s2s.messages import Prompt
from s2s.scope import Scope
from s2s.settings import Settings
from s2s.stage import Call
from s2s.wiring import Network

log = logging.getLogger("s2s")


class Asking:
    """Prompts made by `chat`; reading ahead gives way to the question itself, and never begins while others wait."""

    def __init__(self, call_id: str, network: Network, flow: Flow) -> None:
        self._id = call_id
        self._network = network
        self._flow = flow
        self._tasks: set[asyncio.Task[None]] = set()

    def listens(self, settings: Settings) -> Settings:
        """Return the settings of a turn: who reads ahead needs words while they are spoken, captions or not."""
        return msgspec.structs.replace(settings, transcribe=True) if self._network.primes else settings

    def ask(self, scope: Scope, effect: Send) -> None:
        """Ask for an answer in a scope."""
        self._stop()
        name = self._network.faces.chat
        try:
            for out in self._chat.run(scope.view(name), effect.item):
                self._flow.deliver(name, scope, out)
        except Exception as error:
            self._flow.failed(scope, name, error)

    def prime(self, effect: Prime) -> None:
        """Have this read instead of what is being read, unless somebody waits for an answer."""
        if self._network.rush.on:
            return
        self._stop()
        for name in self._network.readers:
            task = asyncio.get_running_loop().create_task(self._read(name, effect))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Read no more; nothing reads when this returns."""
        self._stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _chat(self) -> Any:
        return self._network.nodes[self._network.faces.chat].stage

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _read(self, name: str, effect: Prime) -> None:
        call = Call(self._id, 0, effect.settings)
        try:
            for out in self._chat.run(call, effect.item):
                if isinstance(out, Prompt):
                    prompt = msgspec.structs.replace(out, ahead=effect.ahead)
                    async with contextlib.aclosing(self._network.pools[name].run(call, prompt)) as nothing:  # type: ignore[type-var]
                        async for _ in nothing:
                            pass
        except Exception as error:  # the answer itself will tell what is wrong
            log.debug("%s: %s did not read ahead: %s", self._id, name, error)
