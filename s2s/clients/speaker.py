"""Where a client plays what it is sent: a loudspeaker, or a WAV file at the pace of its samples."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import io
import time
import wave
from collections.abc import Callable
from typing import Any

import numpy as np

from s2s.audio import Resampler
from s2s.clients.chosen import FILES, Chosen
from s2s.clients.playback import Playback
from s2s.clients.trouble import Trouble

LOOK_S = 0.02
"""How often is looked whether all was heard."""


class Speaker(abc.ABC):
    """Plays mono s16le of any rate at its own, and knows what of it was heard."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._playback = Playback(rate)
        self._resampler = Resampler(rate)

    @property
    @abc.abstractmethod
    def playing(self) -> bool:
        """Whether anything is heard, or soon will be."""

    def play(self, pcm: bytes, rate: int, item: str = "") -> None:
        """Play a piece of an item behind all others; half a sample waits for its other half."""
        self._playback.add(self._resampler.push(pcm, rate), item)

    def finish(self, item: str = "") -> None:
        """Take it that no more of an item comes."""
        self._playback.add(self._resampler.flush(), item)
        self._playback.finish(item)

    def flush(self) -> dict[str, int]:
        """Fall silent; return how many milliseconds were heard of each item that is cut short by it."""
        self._resampler = Resampler(self.rate)
        return self._playback.flush(self._unheard_s())

    async def heard(self) -> None:
        """Return when all was heard."""
        while self.playing:
            await asyncio.sleep(LOOK_S)

    @abc.abstractmethod
    def close(self) -> None:
        """Play nothing more; safe to call twice."""

    def _unheard_s(self) -> float:
        """Return how much of what was taken from the playback is not heard yet."""
        return 0.0


class Loudspeaker(Speaker):
    """A loudspeaker, by number or name."""

    def __init__(self, rate: int, block: int, wanted: str | None = None, instead: str = FILES) -> None:
        chosen = Chosen("output", wanted, rate, block, instead)
        super().__init__(chosen.form.hz)
        self._channels = chosen.form.channels
        self._silent_at = 0.0
        self._stream = chosen.start(self._fill)

    @property
    def playing(self) -> bool:
        """Whether sound waits or is on its way through the device, and the device is still there."""
        return bool(self._stream.active) and (self._playback.waiting or time.monotonic() < self._silent_at)

    def close(self) -> None:
        """Stop at once."""
        self._stream.close()

    def _fill(self, out: Any, samples: int, *_: Any) -> None:
        sound = self._playback.take(samples)
        if sound:
            self._silent_at = time.monotonic() + len(sound) / 2 / self.rate + float(self._stream.latency)
        mono = np.frombuffer(sound.ljust(2 * samples, b"\0"), "<i2")
        out[:] = np.repeat(mono, self._channels).tobytes()

    def _unheard_s(self) -> float:
        return max(self._silent_at - time.monotonic(), 0.0)


class WavSpeaker(Speaker):
    """A WAV file in place of a loudspeaker: it keeps what would have been heard by now, without the gaps."""

    def __init__(self, path: str, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(rate)
        self._clock = clock
        self._at = clock()
        self._files = contextlib.ExitStack()
        try:
            file = self._files.enter_context(io.FileIO(path, "wb"))
        except OSError as error:
            raise Trouble(f"{path} can't be written: {error.strerror or error}") from None
        self._file = self._files.enter_context(wave.Wave_write(file))
        self._file.setparams((1, 2, rate, 0, "NONE", ""))

    @property
    def playing(self) -> bool:
        """Whether a loudspeaker would not be through yet."""
        self._advance()
        return self._playback.waiting

    def play(self, pcm: bytes, rate: int, item: str = "") -> None:
        """Play a piece of an item behind all others, from now on where none waits."""
        self._advance()
        super().play(pcm, rate, item)

    def flush(self) -> dict[str, int]:
        """Keep nothing of what would not have been heard by now."""
        self._advance()
        return super().flush()

    async def heard(self) -> None:
        """Return at once: what waits is kept when the file is closed."""

    def close(self) -> None:
        """Keep what waits, as if it had been heard to its end."""
        self._playback.add(self._resampler.flush(), "")
        while rest := self._playback.take(self.rate):
            self._file.writeframes(rest)
        self._files.close()

    def _advance(self) -> None:
        samples = round((self._clock() - self._at) * self.rate)
        self._at += samples / self.rate
        if sound := self._playback.take(samples):
            self._file.writeframes(sound)
