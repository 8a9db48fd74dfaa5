"""What a microphone hears, on its way from PortAudio's thread into the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import numpy as np

from s2s.devices import Format

KEPT_S = 2.0
"""Seconds of sound that wait for a busy event loop; the oldest goes first."""


class Piece(NamedTuple):
    """Mono s16le at `hz`, when it was in the air at the earliest, when it came, and how loud it is, from 0 to 1."""

    pcm: bytes
    hz: int
    since: float
    at: float
    level: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.hz


class Microphone:
    """Pieces of sound as they are captured; `overflows` counts what the device lost, `dropped` what we did."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.overflows = 0
        self.dropped = 0
        self.called_at = clock()
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._form = Format(16000, 1)
        self._latency_s = 0.0
        self._pieces: deque[Piece] = deque(maxlen=1)

    def tune(self, form: Format, block_ms: float) -> None:
        """Take pieces of this form from now on; what waits of another stays."""
        self._form = form
        self._pieces = deque(self._pieces, max(2, round(KEPT_S * 1000 / block_ms)))
        self.called_at = self._clock()

    def delayed(self, latency_s: float) -> None:
        """Note how long a sound takes from the air to here."""
        self._latency_s = latency_s

    def capture(self, data: Any, frames: int, _: Any, status: Any) -> None:
        """Take a block, in PortAudio's thread."""
        if status and status.input_overflow:
            self.overflows += 1
        self.called_at = self._clock()
        samples = np.frombuffer(data, "<i2").reshape(-1, self._form.channels)[:, 0]
        since = self.called_at - self._latency_s - frames / self._form.hz
        if len(self._pieces) == self._pieces.maxlen:
            self.dropped += 1
        self._pieces.append(Piece(samples.tobytes(), self._form.hz, since, self.called_at, level(samples)))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._news.set)

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield what is heard, in order."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            self._news.clear()
            if not self._pieces:
                await self._news.wait()


def level(samples: Any) -> float:
    """Return how loud 16-bit samples are, as the root of their mean square from 0 to 1."""
    if not len(samples):
        return 0.0
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float32)))) / 32768
