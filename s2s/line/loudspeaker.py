"""What a loudspeaker plays, on its way from the event loop to PortAudio's thread, and what of it was heard."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from s2s.audio import Resampler
from s2s.devices import Format
from s2s.line.microphone import level

FADE_S = 0.005
"""Seconds in which sound that is cut off fades: less of them clicks."""
REMEMBERED = 256
"""Blocks whose loudness is known afterwards."""


class _Played(NamedTuple):
    """A block with sound in it: when it was taken, until when it is in the air at the latest, and how loud it is."""

    since: float
    until: float
    level: float


class Loudspeaker:
    """A queue of mono s16le that a device takes; `gain` makes it quieter, `underflows` counts blocks that came late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.gain = 1.0
        self.underflows = 0
        self.called_at = clock()
        self._clock = clock
        self._lock = threading.Lock()
        self._form = Format(16000, 1)
        self._resampler = Resampler(self._form.hz)
        self._latency_s = 0.0
        self._waiting = bytearray()
        self._gain = 1.0
        self._played: deque[_Played] = deque(maxlen=REMEMBERED)

    def tune(self, form: Format) -> None:
        """Play in this form from now on; what waits in another is dropped."""
        with self._lock:
            if form.hz != self._form.hz:
                self._waiting.clear()
                self._resampler = Resampler(form.hz)
            self._form = form
        self.called_at = self._clock()

    def delayed(self, latency_s: float) -> None:
        """Note how long a sound takes from here to the air."""
        self._latency_s = latency_s

    @property
    def left_s(self) -> float:
        """Seconds of sound that the device has not taken: what it has taken is played, whatever comes."""
        with self._lock:
            return len(self._waiting) / 2 / self._form.hz

    def put(self, pcm: bytes, hz: int) -> None:
        """Play whole samples behind all others."""
        sound = self._resampler.push(pcm, hz)
        with self._lock:
            self._waiting += sound

    def hush(self) -> None:
        """Fall silent: what waits is dropped but for a fade, what the device holds is played."""
        with self._lock:
            rest = np.frombuffer(bytes(self._waiting[: 2 * round(FADE_S * self._form.hz)]), "<i2")
            faded = rest * np.linspace(1, 0, len(rest), dtype=np.float32)
            self._waiting = bytearray(faded.astype("<i2").tobytes())

    def sounding(self, since: float, until: float) -> float:
        """Return how loud the loudest is that may be in the air between two moments, from 0 to 1."""
        heard = (played.level for played in list(self._played) if played.since < until and played.until > since)
        return max(heard, default=0.0)

    def fill(self, out: Any, frames: int, _: Any, status: Any) -> None:
        """Give a block, in PortAudio's thread."""
        if status and status.output_underflow:
            self.underflows += 1
        with self._lock:
            sound = bytes(self._waiting[: 2 * frames])
            del self._waiting[: 2 * frames]
            before, self._gain = self._gain, self.gain
        self.called_at = self._clock()
        if not sound:
            out[:] = bytes(len(out))
            return
        samples = np.frombuffer(sound.ljust(2 * frames, b"\0"), "<i2")
        if before != 1 or self._gain != 1:
            slope = np.linspace(before, self._gain, frames, dtype=np.float32)  # a step would click
            samples = (samples * slope).astype("<i2")
        until = self.called_at + self._latency_s + frames / self._form.hz
        self._played.append(_Played(self.called_at, until, level(samples)))
        out[:] = np.repeat(samples, self._form.channels).tobytes()
