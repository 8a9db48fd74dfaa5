"""What a client hears: a microphone, or a WAV file at the pace of its samples."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

import numpy as np

from s2s.audio import Resampler
from s2s.clients.chosen import FILES, Chosen
from s2s.clients.trouble import Trouble

KEPT_S = 30
"""How much is kept for a network that stands still; the oldest goes first."""


class Source(Protocol):
    """Mono s16le at `rate` Hz."""

    rate: int

    def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield the sound in real time, frame by frame."""


class Microphone:
    """A microphone, by number or name; it gives its own `rate` where it does not take the one asked for."""

    def __init__(self, rate: int, block: int, wanted: str | None = None, instead: str = FILES) -> None:
        self._chosen = Chosen("input", wanted, rate, block, instead)
        self.rate = self._chosen.form.hz

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield what it hears; raise Trouble where it goes away."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(max(round(KEPT_S * 1000 / self._chosen.block_ms), 2))

        def put(frame: bytes | None) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(frame)

        def captured(data: Any, *_: Any) -> None:
            samples = np.frombuffer(data, "<i2")[:: self._chosen.form.channels]
            loop.call_soon_threadsafe(put, samples.tobytes())

        def ended() -> None:
            loop.call_soon_threadsafe(put, None)

        with contextlib.closing(self._chosen.start(captured, ended)):
            while (frame := await queue.get()) is not None:
                yield frame
        raise Trouble(f"the microphone {self._chosen.device} has stopped: is it still connected?")


class WavMicrophone:
    """A WAV file in place of a microphone, or the part of it between two seconds, and then silence."""

    def __init__(
        self, path: str, rate: int, block: int, tail_s: float = 0.0, part: Sequence[float] | None = None
    ) -> None:
        self.rate = rate
        self._block = block
        sound = read_wav(path, rate, part) + bytes(2 * round(tail_s * rate))
        self._sound = sound + bytes(-len(sound) % (2 * block))

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield whole frames in real time until the silence is over."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        size = 2 * self._block
        for number in range(len(self._sound) // size):
            await asyncio.sleep(began + number * self._block / self.rate - loop.time())
            yield self._sound[number * size : (number + 1) * size]
        await asyncio.sleep(began + len(self._sound) / 2 / self.rate - loop.time())


def read_wav(path: str, rate: int, part: Sequence[float] | None = None) -> bytes:
    """Return the first channel of a 16-bit WAV file as s16le at `rate`; raise Trouble where it is something else."""
    remedy = f"make one by: ffmpeg -i {path} -c:a pcm_s16le sixteen.wav"
    try:
        with wave.open(path, "rb") as file:
            channels, bits, own = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except OSError as error:
        raise Trouble(f"{path} can't be read: {error.strerror or error}") from None
    except (wave.Error, EOFError) as error:
        raise Trouble(f"{path} is not a WAV file of PCM ({error or 'it ends too early'}); {remedy}") from None
    if bits != 16:
        raise Trouble(f"{path} has samples of {bits} bits, and 16 are needed; {remedy}")
    sound = np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    begin, end = (round(second * own) for second in part) if part else (0, len(sound))
    mono = sound[begin:end, 0].tobytes()
    resampler = Resampler(rate)
    return resampler.push(mono, own) + resampler.flush()
