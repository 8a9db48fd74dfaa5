"""Sounds and WAV files for the tests of the clients."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import numpy as np


def noise(samples: int) -> bytes:
    """Return s16le of which no two stretches are alike."""
    return np.random.default_rng(1).integers(-9000, 9000, samples, "<i2").tobytes()


def write_wav(path: Path, pcm: bytes, rate: int = 16000, channels: int = 1, bits: int = 16) -> str:
    """Write a WAV file and return its path as a word of a command line."""
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, bits // 8, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return str(path)


def read_wav(path: Path) -> tuple[bytes, int]:
    """Return the sound of a mono 16-bit WAV file and its rate."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.readframes(file.getnframes()), file.getframerate()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Script:
    """A microphone that hears sounds as fast as they are taken, and waits between them for what is awaited."""

    rate = 24000

    def __init__(self, *steps: bytes | Callable[[], Awaitable[object]]) -> None:
        self._steps = steps

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield frames of 20 ms."""
        for step in self._steps:
            if callable(step):
                await step()
            else:
                for at in range(0, len(step), self.rate // 50 * 2):
                    yield step[at : at + self.rate // 50 * 2]


class Watched(io.StringIO):
    """A text stream that can be waited for, from the loop that it was made in."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def write(self, text: str) -> int:
        """Write, from any thread."""
        count = super().write(text)
        self._loop.call_soon_threadsafe(self._news.set)
        return count

    async def until(self, text: str, count: int = 1) -> None:
        """Return when a text was written that often; fail after a while."""

        async def wait() -> None:
            while self.getvalue().count(text) < count:
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(wait(), 10)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {count} times {text!r} in {self.getvalue()[-2000:]}") from None
