"""A simulated caller: it speaks and is silent on time, and keeps all that it was told."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from s2s.call import LiveCall
from s2s.conversation import facts as f
from s2s.conversation.invariants import Broken, Monitor
from s2s.engine import Engine
from s2s.settings import Settings

F = TypeVar("F", bound=f.Fact)

FRAME_MS = 20
LOUD = (2000).to_bytes(2, "little")
QUIET = bytes(2)


class Caller:
    """One caller of an engine; `heard` holds each fact with its time, `monitor` checks them all."""

    def __init__(self, engine: Engine, settings: Settings | None = None, rate: int = 16000) -> None:
        self.heard: list[tuple[float, f.Fact]] = []
        self.reads = True
        self.monitor = Monitor()
        self._broken: Broken | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._engine = engine
        self._rate = rate
        self.call: LiveCall = engine.call(self, settings)

    playing = False

    @property
    def room(self) -> bool:
        """Whether it reads what it is sent."""
        return self.reads

    def tell(self, fact: f.Fact) -> None:
        """Take a fact."""
        try:
            self.monitor.told(fact)
        except Broken as error:  # an engine goes on when one effect fails
            self._broken = self._broken or error
        self.heard.append((self._loop.time(), fact))
        self._news.set()

    def read_on(self) -> None:
        """Begin to read again."""
        self.reads = True
        self.call.resume()

    async def speak(self, ms: float, loud: bool = True) -> None:
        """Make sound, or none, for a while, in real time of the loop's clock."""
        frames = round(ms / FRAME_MS)
        pcm = (LOUD if loud else QUIET) * (self._rate * FRAME_MS // 1000)
        for _ in range(frames):
            await self.call.audio(pcm, self._rate)
            await asyncio.sleep(FRAME_MS / 1000)

    async def be_silent(self, ms: float) -> None:
        """Send silence for a while."""
        await self.speak(ms, loud=False)

    async def until(self, kind: type[F], count: int = 1) -> F:
        """Return the fact of this kind and number, counted from the beginning, once it is told."""
        while len(found := self.all(kind)) < count:
            self._news.clear()
            await self._news.wait()
        return found[count - 1]

    def all(self, kind: type[F]) -> list[F]:
        """All facts of a kind; raises Broken when something told before broke an invariant."""
        if self._broken is not None:
            raise self._broken
        return [fact for _, fact in self.heard if isinstance(fact, kind)]

    def when(self, kind: type[f.Fact], count: int = 1) -> float:
        """The time of the fact of this kind and number."""
        return [at for at, fact in self.heard if isinstance(fact, kind)][count - 1]

    async def hangup(self) -> None:
        """End the call."""
        await self._engine.hangup(self.call)
        self.monitor.ended()
        self.all(f.Fact)
