"""Whisper's features: the log-mel spectrogram, in numpy."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

RATE = 16000
WINDOW = 400
HOP = 160


def log_mel(samples: NDArray[np.float32], bands: int) -> NDArray[np.float32]:
    """Return the features [bands, frames] of `samples` at 16 kHz, a frame each 10 ms."""
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[:-1:HOP]
    even = _even(padded)[: len(frames)]
    logs = np.empty((bands, len(frames)), np.float32)
    logs[:, ~even] = _logs(frames[~even], bands)
    if even.any():  # what was padded is most of a short sound, and one frame of it is like another
        logs[:, even] = _logs(frames[np.argmax(even)][None], bands)
    return np.asarray((np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0, np.float32)


def _even(padded: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say of each frame whether it lies in the longest run of one and the same value at either end of the sound."""
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    starts = np.arange(0, len(padded) - WINDOW + 1, HOP)
    if not len(changes):
        return np.ones(len(starts), np.bool_)
    before, after = changes[0] + 1, changes[-1] + 1
    return np.asarray(starts + WINDOW <= before if before > len(padded) - after else starts >= after)


def _logs(frames: NDArray[np.float32], bands: int) -> NDArray[np.float32]:
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann)).astype(np.float32) ** 2
    return np.asarray(np.log10(np.maximum(filters(bands) @ power.T, 1e-10)), np.float32)


@functools.cache
def filters(bands: int) -> NDArray[np.float32]:
    """Return the triangular filters [bands, 201] on Slaney's mel scale, each of the same area."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), bands + 2, dtype=np.float64))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    width = np.diff(edges)
    slopes = edges[:, None] - bins[None]
    rising = -slopes[:-2] / width[:-1, None]
    falling = slopes[2:] / width[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(weights * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


_KNEE_HZ = 1000.0
_KNEE_MEL = 15.0
_STEP = np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    """Return the mel value of a frequency above the knee, where the scale is logarithmic."""
    return float(_KNEE_MEL + np.log(hertz / _KNEE_HZ) / _STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * _KNEE_HZ / _KNEE_MEL
    return np.where(mel < _KNEE_MEL, linear, _KNEE_HZ * np.exp(_STEP * (mel - _KNEE_MEL)))
