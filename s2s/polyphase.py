"""A resampler for simple ratios that gives sound on at once: a windowed sinc, cut into its phases.

A stream of soxr holds 7 to 35 ms back, in blocks, which a listener who takes frames of 40 ms waits a whole frame for;
this one holds 1 ms. Between 24 and 16 kHz it passes up to 6.4 kHz, and stops by 70 dB from 8.6 kHz.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

REACH = 16
"""How many samples of the lower rate the filter reaches to each side."""
BETA = 7.0
"""Of the Kaiser window: 70 dB."""
ROLL_OFF = 0.93
"""Where the filter is at its half, of the lower rate's highest frequency."""
LARGEST = 8
"""The largest number in a ratio that is simple."""


def is_simple(rate: int, hz: int) -> bool:
    """Whether the ratio of two rates has small numbers, such as 24 to 16 kHz."""
    common = math.gcd(rate, hz)
    return max(rate, hz) // common <= LARGEST


class Polyphase:
    """A stream of float samples from `rate` to `hz`: chunks of any size come out as the whole would."""

    def __init__(self, rate: int, hz: int) -> None:
        common = math.gcd(rate, hz)
        self._up, self._down = hz // common, rate // common
        self._reach, self._phases = _phases(self._up, self._down)
        self._history = np.zeros(self._phases.shape[1] - 1, np.float32)
        self._first = -len(self._history)  # the place in the input of the first sample kept
        self._taken = 0
        self._given = 0

    def push(self, samples: Floats) -> Floats:
        """Return what can be given."""
        self._history = np.concatenate([self._history, samples])
        self._taken += len(samples)
        return self._give(self._taken * self._up - self._reach)

    def flush(self) -> Floats:
        """Return the rest; nothing may be pushed after it."""
        total = -(-self._taken * self._up // self._down)
        self._history = np.concatenate([self._history, np.zeros(self._reach // self._up + 1, np.float32)])
        return self._give(total * self._down)

    def _give(self, end: int) -> Floats:
        """Give the samples whose place, of the rate between, is before `end`."""
        until = max(self._given, -(-end // self._down))
        out = np.empty(until - self._given, np.float32)
        taps = self._phases.shape[1]
        for offset in range(min(self._up, len(out))):
            middle = (self._given + offset) * self._down + self._reach
            count = len(range(offset, len(out), self._up))
            start = middle // self._up - taps + 1 - self._first
            windows: Floats = np.ndarray((count, taps), np.float32, self._history, 4 * start, (4 * self._down, 4))
            out[offset :: self._up] = np.einsum("ij,j->i", windows, self._phases[middle % self._up])
        self._given = until
        keep = (until * self._down + self._reach) // self._up - taps + 1
        if keep > self._first:
            self._history, self._first = self._history[keep - self._first :].copy(), keep
        return out


@functools.cache
def _phases(up: int, down: int) -> tuple[int, Floats]:
    """Return how far the filter reaches at the rate between, and its taps for each phase, the latest sample last."""
    wide = max(up, down)
    reach = REACH * wide
    places = np.arange(-reach, reach + 1)
    taps = np.sinc(places * ROLL_OFF / wide) * np.kaiser(2 * reach + 1, BETA)
    taps *= up / taps.sum()
    taps = np.pad(taps, (0, -len(taps) % up))
    return reach, np.ascontiguousarray(taps.reshape(-1, up).T[:, ::-1].astype(np.float32))
