"""How loud speech is: brought to a level, rounded off where that is too loud, and without the silence before it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
KNEE = 0.8
"""What is below passes the limiter as it is: peaks come closer to full scale, but do not reach it."""
AUDIBLE = 0.003
"""-50 dB: a voice's silence is below -90, the weakest beginning of a word soon above."""
PAUSE = 1e-3
"""A 50th of a second is a pause, and does not count for loudness, 30 dB below the loudest."""


def gain_to(level_db: float, speech: Floats, rate: int) -> float:
    """Return the factor that brings speech, whose pauses do not count, to an RMS of `level_db` below full scale."""
    stretches = np.array_split(speech, max(1, len(speech) * 50 // rate))
    power = np.array([np.square(stretch).mean() for stretch in stretches])
    spoken = float(np.sqrt(power[power >= power.max() * PAUSE].mean()))
    return float(10 ** (level_db / 20) / max(spoken, 0.01))


def limited(samples: Floats) -> Floats:
    """Return samples within full scale: those beyond the knee are bent, each by itself, so any cut gives the same."""
    size = np.abs(samples)
    bent = KNEE + (1 - KNEE) * np.tanh((size - KNEE) / (1 - KNEE))
    return np.where(size > KNEE, np.copysign(bent, samples), samples).astype(np.float32, copy=False)


def without_lead(pieces: Iterator[Floats], keep: int) -> Iterator[Floats]:
    """Yield pieces of speech from `keep` samples before the first audible one on; nothing where none is."""
    held = np.zeros(0, np.float32)
    for piece in pieces:
        held = np.concatenate([held, piece])
        audible = np.flatnonzero(np.abs(held) >= AUDIBLE)
        if audible.size:
            yield held[max(0, int(audible[0]) - keep) :]
            break
        held = held[max(0, len(held) - keep) :]
    yield from pieces


def trimmed(samples: Floats, before: int, after: int) -> Floats:
    """Return speech with at most so many samples of silence before and after it; nothing where none is audible."""
    audible = np.flatnonzero(np.abs(samples) >= AUDIBLE)
    if not audible.size:
        return samples[:0]
    return samples[max(0, int(audible[0]) - before) : int(audible[-1]) + 1 + after]
