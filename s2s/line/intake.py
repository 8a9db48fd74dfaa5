"""What callers say on its way to a call: the sound of all who speak, mixed, and no faster than it is spoken."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from s2s.audio import Samples

PIECE = 512
"""Samples that are heard at once: a hop of the detector at 16 kHz."""
AHEAD_S = 0.5
"""Seconds by which sound may be sooner than it is spoken, as after a gap in the network."""
FASTER = 1.05
"""How much faster than it is spoken sound is heard at most: clocks differ, and a backlog has to melt."""
IDLE_S = 0.1
"""Seconds after which the others no longer wait for somebody who sends nothing."""
GAP_S = 0.25
"""Seconds without sound after which it is taken to be over for now."""
TAIL_S = 3.0
"""Seconds of silence after sound that came faster than it is spoken, or has ended: else its last turn had no end."""


@dataclass
class _Source:
    """One caller's sound that has not been heard."""

    samples: Samples = field(default_factory=Samples)
    sound: bytearray = field(default_factory=bytearray)
    came_at: float = 0.0


class Intake:
    """Mono s16le at `hz` from any number of sources into one call, by `hear`.

    When more than `backlog_s` of a source is unheard, no more of it is taken.
    """

    def __init__(
        self, hz: int, hear: Callable[[bytes], Awaitable[None]], clock: Callable[[], float], backlog_s: float = 2.0
    ) -> None:
        self._hz = hz
        self._most = round(2 * hz * backlog_s)
        self._hear = hear
        self._clock = clock
        self._sources: dict[Hashable, _Source] = {}
        self._news = asyncio.Event()
        self._less = asyncio.Event()
        self._due = -math.inf
        self._tail = 0

    @property
    def busy(self) -> bool:
        """Whether something is left to be heard."""
        return self._tail > 0 or any(source.sound for source in self._sources.values())

    async def put(self, source: Hashable, data: bytes) -> None:
        """Add bytes of a source, whole samples or not; waits while much of it is unheard."""
        found = self._sources.setdefault(source, _Source())
        if not found.sound:
            self._tail = 0
        found.sound += found.samples.push(data)
        found.came_at = self._clock()
        self._news.set()
        while len(found.sound) > self._most and source in self._sources:
            self._less.clear()
            await self._less.wait()

    def leave(self, source: Hashable) -> None:
        """Hear what is left of a source, and silence after it."""
        if source in self._sources:
            self._sources[source].came_at = -GAP_S  # nobody waits for it
            self._tail = round(TAIL_S * self._hz)
            self._news.set()

    def forget(self, source: Hashable) -> None:
        """Hear nothing more of a source."""
        self._sources.pop(source, None)
        self._less.set()

    async def run(self) -> None:
        """Feed the call until cancelled."""
        while True:
            self._news.clear()
            piece, wait_s = self._mixed()
            if not piece and self._tail > 0 and wait_s is None:
                piece, wait_s = self._silence()
            if piece:
                await self._pace(len(piece) // 2)
                await self._hear(piece)
                self._less.set()
            else:
                await self._more(wait_s)

    def _silence(self) -> tuple[bytes, float | None]:
        """Return silence that is due, or after how long it is."""
        gap_s = self._clock() - max((source.came_at for source in self._sources.values()), default=-GAP_S)
        if gap_s < GAP_S:
            return b"", GAP_S - gap_s
        piece = bytes(2 * min(PIECE, self._tail))
        self._tail -= len(piece) // 2
        return piece, None

    async def _more(self, wait_s: float | None) -> None:
        timer = None if wait_s is None else asyncio.get_running_loop().call_later(wait_s, self._news.set)
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _pace(self, samples: int) -> None:
        now = self._clock()
        self._due = max(self._due, now - AHEAD_S)
        wait_s = self._due - now
        self._due += samples / self._hz / FASTER
        if wait_s > 0:
            if any(source.sound for source in self._sources.values()):
                self._tail = round(TAIL_S * self._hz)
            await asyncio.sleep(wait_s)

    def _mixed(self) -> tuple[bytes, float | None]:
        """Return what can be heard now, or after how long somebody is no longer waited for; None: nothing waits."""
        full = [source for source in self._sources.values() if source.sound]
        if not full:
            return b"", None
        if len(self._sources) > 1:
            now = self._clock()
            waits = [
                source.came_at + IDLE_S - now
                for source in self._sources.values()
                if len(source.sound) < 2 * PIECE and source.came_at + IDLE_S > now
            ]
            if waits:
                return b"", min(waits)
        pieces = []
        for source in full:
            pieces.append(bytes(source.sound[: 2 * PIECE]))
            del source.sound[: 2 * PIECE]
        if len(pieces) == 1:
            return pieces[0], None
        mix = np.zeros(max(map(len, pieces)) // 2, np.int32)
        for piece in pieces:
            samples = np.frombuffer(piece, "<i2")
            mix[: len(samples)] += samples
        return np.clip(mix, -32768, 32767).astype("<i2").tobytes(), None
