"""Sound as the graph carries it: mono s16le bytes, float32 inside stages, resampled as a stream, G.711 both ways."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from s2s.polyphase import Polyphase, is_simple

if TYPE_CHECKING:
    import soxr

Floats = NDArray[np.float32]


def float32(pcm: bytes) -> Floats:
    """Return s16le `pcm` as samples in [-1, 1); raise ValueError where half a sample is left over."""
    if len(pcm) % 2:
        raise ValueError(
            f"pcm has {len(pcm)} bytes, which is not a whole number of 16-bit samples; carry it by Samples"
        )
    samples: Floats = np.divide(np.frombuffer(pcm, "<i2"), 32768, dtype=np.float32)
    return samples


def pcm16(samples: NDArray[np.floating]) -> bytes:
    """Return samples as s16le, rounded, and clipped to [-1, 1)."""
    scaled = np.rint(np.asarray(samples, np.float32) * np.float32(32768))
    clipped: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype("<i2")
    return clipped.tobytes()


def duration_ms(pcm: bytes, rate: int) -> float:
    """Return how long s16le `pcm` lasts at `rate` Hz."""
    return len(pcm) // 2 * 1000 / rate


class Samples:
    """Cuts a stream of bytes at whole samples: an odd byte waits for its other half."""

    def __init__(self) -> None:
        self._carry = b""

    @property
    def odd(self) -> bool:
        """Whether half a sample waits."""
        return bool(self._carry)

    def push(self, data: bytes) -> bytes:
        """Return the whole samples that `data` completes."""
        if self._carry or len(data) % 2:
            data = self._carry + data
            cut = len(data) - len(data) % 2
            data, self._carry = data[:cut], data[cut:]
        return data


class Resampler:
    """Brings a stream of s16le to `hz`: chunks of any size, odd ones too, come out as the whole would.

    Some 15 to 40 ms stay inside. With `at_once` nothing does where the rates' ratio is simple, such as 24 to 16 kHz;
    then all comes 1.5 ms late instead, and what passes is a little narrower.
    """

    def __init__(self, hz: int, at_once: bool = False) -> None:
        self.hz = hz
        self._at_once = at_once
        self._rate = hz
        self._samples = Samples()
        self._stream: soxr.ResampleStream | Polyphase | None = None

    @property
    def polyphase(self) -> Polyphase | None:
        """The stream that sound goes through now, if it is one that gives all at once and no half sample waits."""
        return self._stream if isinstance(self._stream, Polyphase) and not self._samples.odd else None

    def push(self, pcm: bytes, rate: int) -> bytes:
        """Return what can be given of `pcm` at `rate` Hz; another rate flushes first."""
        pcm = self._samples.push(pcm)
        if rate == self._rate:
            return self._convert(pcm) if pcm else b""
        rest = self.flush()
        self._rate = rate
        return rest + (self._convert(pcm) if pcm else b"")

    def flush(self) -> bytes:
        """Return what is still inside; the next push begins a new stream."""
        if self._stream is None:
            return b""
        stream, self._stream = self._stream, None
        if isinstance(stream, Polyphase):
            return stream.flush()
        return pcm16(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    def _convert(self, pcm: bytes) -> bytes:
        if self._rate == self.hz:
            return pcm
        if self._stream is None and self._at_once and is_simple(self._rate, self.hz):
            self._stream = Polyphase(self._rate, self.hz)
        elif self._stream is None:
            import soxr

            # float32, as soxr dithers what it rounds to int16, and then a stream is not the whole
            self._stream = soxr.ResampleStream(self._rate, self.hz, 1, dtype="float32")
        if isinstance(self._stream, Polyphase):
            return self._stream.push(pcm)
        return pcm16(self._stream.resample_chunk(float32(pcm)))


def ulaw_decode(data: bytes) -> bytes:
    """Return G.711 µ-law as s16le."""
    return _ulaw_levels().take(np.frombuffer(data, np.uint8)).tobytes()


def ulaw_encode(pcm: bytes) -> bytes:
    """Return s16le as G.711 µ-law."""
    return _ulaw_codes().take(np.frombuffer(pcm, "<u2")).tobytes()


def alaw_decode(data: bytes) -> bytes:
    """Return G.711 A-law as s16le."""
    return _alaw_levels().take(np.frombuffer(data, np.uint8)).tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    """Return s16le as G.711 A-law."""
    return _alaw_codes().take(np.frombuffer(pcm, "<u2")).tobytes()


@functools.cache
def _ulaw_levels() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


@functools.cache
def _ulaw_codes() -> NDArray[np.uint8]:
    sample = _every_sample()
    biased = np.minimum(np.abs(sample), 32635) + 0x84
    segment = np.log2(biased).astype(np.int32) - 7
    code = np.where(sample < 0, 0x80, 0) | segment << 4 | biased >> segment + 3 & 0x0F
    return np.asarray(~code & 0xFF, np.uint8)


@functools.cache
def _alaw_levels() -> NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    step = (code & 0x0F) * 16 + 8
    magnitude = np.where(segment == 0, step, step + 256 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype("<i2")


@functools.cache
def _alaw_codes() -> NDArray[np.uint8]:
    sample = _every_sample()
    magnitude = np.where(sample < 0, ~sample, sample) >> 3  # 12 bits
    segment = np.maximum(np.log2(np.maximum(magnitude, 1)).astype(np.int32) - 4, 0)
    code = np.where(sample < 0, 0, 0x80) | segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F
    return np.asarray(code ^ 0x55, np.uint8)


def _every_sample() -> NDArray[np.int32]:
    """Return the 16-bit samples in the order of their bit patterns."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
