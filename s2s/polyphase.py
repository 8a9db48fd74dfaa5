"""A resampler for simple ratios that holds nothing back: a windowed sinc, as one matrix for a block of samples.

A stream of soxr holds 7 to 35 ms back, in blocks, for which a listener who takes frames of 40 ms waits a whole frame.
This one gives all that came, 1.5 ms shifted; only what is short of a block of 2 ms at most waits for the rest of it.
Between 24 and 16 kHz it passes up to 6.8 kHz, and stops by 70 dB from 8.6 kHz.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

REACH = 24
"""How many samples of the lower rate the filter reaches to each side."""
BETA = 7.0
"""Of the Kaiser window: 70 dB."""
ROLL_OFF = 0.95
"""Where the filter is at its half, of the lower rate's highest frequency."""
LARGEST = 8
"""The largest number in a ratio that is simple."""
BLOCK = 16
"""How often the ratio's numbers of samples make a block."""


def is_simple(rate: int, hz: int) -> bool:
    """Whether the ratio of two rates has small numbers, such as 24 to 16 kHz."""
    common = math.gcd(rate, hz)
    return max(rate, hz) // common <= LARGEST


class Polyphase:
    """A stream of s16le from `rate` to `hz`: chunks of any size come out as the whole would, to a level in 65536.

    The whole is as long as what came in, and `shift_s` late: the last of it stays away.
    """

    def __init__(self, rate: int, hz: int) -> None:
        self.rate = rate
        self._filter = _filter(rate, hz)
        self.shift_s = self._filter.before / 2 / rate
        self._kept = np.zeros(self._filter.before, np.float32)
        self._taken = 0
        self._given = 0

    def whole(self, pcm: bytes) -> bool:
        """Whether nothing waits before this sound, and nothing of it would."""
        return len(self._kept) == self._filter.before and not len(pcm) % (2 * self._filter.takes)

    def push(self, pcm: bytes) -> bytes:
        """Return what can be given."""
        sound = np.frombuffer(pcm, "<i2")
        self._taken += len(sound)
        return _words(self._through(sound.astype(np.float32)))

    def flush(self) -> bytes:
        """Return the rest; nothing may be pushed after it."""
        blocks = self._filter
        left = -(-self._taken * blocks.up // blocks.down) - self._given
        return _words(self._through(np.zeros(blocks.takes, np.float32))[:left])

    def _through(self, samples: Floats) -> Floats:
        blocks = self._filter
        sound = np.concatenate((self._kept, samples))
        takes, width = blocks.takes, len(blocks.taps)
        count = (len(sound) - blocks.before) // takes
        windows: Floats = np.ndarray((count, width), np.float32, sound, 0, (4 * takes, 4))
        self._kept = sound[count * takes :].copy()
        out: Floats = np.dot(windows, blocks.taps).reshape(-1)
        self._given += len(out)
        return out


def push_together(streams: Sequence[Polyphase], pcms: Sequence[bytes]) -> list[bytes]:
    """Do `push` for each of several streams in one product: sound of one length, `whole` for each of them."""
    blocks, count, samples = streams[0]._filter, len(streams), len(pcms[0]) // 2
    sound = np.empty((count, blocks.before + samples), np.float32)
    sound[:, blocks.before :] = np.frombuffer(b"".join(pcms), "<i2").reshape(count, samples)
    for row, stream in enumerate(streams):
        sound[row, : blocks.before] = stream._kept
    shape = (count, samples // blocks.takes, len(blocks.taps))
    windows: Floats = np.ndarray(shape, np.float32, sound, 0, (4 * sound.shape[1], 4 * blocks.takes, 4))
    out = _words(np.dot(windows.reshape(-1, shape[2]), blocks.taps).reshape(-1))
    size = len(out) // count
    for row, stream in enumerate(streams):
        stream._kept = sound[row, samples:].copy()
        stream._taken += samples
        stream._given += size // 2
    return [out[at : at + size] for at in range(0, len(out), size)]


@dataclass(frozen=True)
class _Filter:
    """`taps` makes a block of outputs of a window: the `takes` inputs of the block, and those `before` them."""

    up: int
    down: int
    takes: int
    before: int
    taps: Floats


@functools.cache
def _filter(rate: int, hz: int) -> _Filter:
    common = math.gcd(rate, hz)
    up, down = hz // common, rate // common
    narrow = min(1.0, up / down)
    takes, reach = BLOCK * down, math.ceil(REACH / narrow)
    places = np.arange(takes + 2 * reach)[:, None] - reach - np.arange(BLOCK * up)[None, :] * (down / up)
    inside = np.clip(1 - (places * narrow / REACH) ** 2, 0, None)
    taps = np.sinc(places * narrow * ROLL_OFF) * np.i0(BETA * np.sqrt(inside)) * (inside > 0)
    return _Filter(up, down, takes, 2 * reach, np.ascontiguousarray(taps / taps.sum(axis=0), np.float32))


def _words(samples: Floats) -> bytes:
    """Return samples between -32768 and 32767 as s16le, rounded and clipped."""
    np.rint(samples, out=samples)
    return samples.clip(-32768, 32767, out=samples).astype("<i2").tobytes()
