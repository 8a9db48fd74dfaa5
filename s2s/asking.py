"""What one caller's language model is asked, and what it reads before that: the question as far as it is known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from s2s.conversation.events import Open, Prime, Send
from s2s.flow import Flow
from s2s.messages import Ask, Prompt
from s2s.scope import Scope
from s2s.settings import Settings
from s2s.stage import Call
from s2s.wiring import Network

log = logging.getLogger("s2s")


class Asking:
    """Prompts made by `chat`; reading ahead gives way to the question itself, and never begins while others wait."""

    def __init__(self, call_id: str, network: Network, flow: Flow, sound_of: Callable[[str], bytes]) -> None:
        self._id = call_id
        self._network = network
        self._flow = flow
        self._sound_of = sound_of
        self._tasks: set[asyncio.Task[None]] = set()

    def settings(self, effect: Open) -> Settings:
        """Return the settings of a scope that opens.

        Who reads a turn ahead needs its words while they are spoken, captions or not. An answer of the conversation may
        call the functions that the graph runs.
        """
        if effect.source == "turn":
            return (
                msgspec.structs.replace(effect.settings, transcribe=True) if self._network.primes else effect.settings
            )
        return effect.settings if effect.apart else self._network.equipped(effect.settings)

    def ask(self, scope: Scope, effect: Send) -> None:
        """Ask for an answer in a scope."""
        self._stop()
        name = self._network.faces.chat
        try:
            for out in self._chat.run(scope.view(name), self._with_sound(effect.item)):
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

    def _with_sound(self, ask: Ask) -> Ask:
        """Put in the sound of what was spoken, as far as it is still there."""
        if not any(line.sound_of for line in ask.lines):
            return ask
        lines = (
            msgspec.structs.replace(line, audio=self._sound_of(line.sound_of)) if line.sound_of else line
            for line in ask.lines
        )
        return msgspec.structs.replace(ask, lines=tuple(lines))

    @property
    def _chat(self) -> Any:
        return self._network.nodes[self._network.faces.chat].stage

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _read(self, name: str, effect: Prime) -> None:
        call = Call(self._id, 0, self._network.equipped(effect.settings))
        try:
            for out in self._chat.run(call, effect.item):
                if isinstance(out, Prompt):
                    prompt = msgspec.structs.replace(out, ahead=effect.ahead)
                    async with contextlib.aclosing(self._network.pools[name].run(call, prompt)) as nothing:  # type: ignore[type-var]
                        async for _ in nothing:
                            pass
        except Exception as error:  # the answer itself will tell what is wrong
            log.debug("%s: %s did not read ahead: %s", self._id, name, error)
