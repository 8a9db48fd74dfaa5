"""Real human speech cut into turns, with its words, and how texts are compared."""

from __future__ import annotations

import functools
import wave
from typing import Any

import jiwer
import numpy as np
import soxr
from whisper_normalizer.english import EnglishTextNormalizer

from s2s.paths import PACKAGE

CITIES = PACKAGE / "bench" / "corpus" / "two_cities.wav"

TURNS = [
    (1.1, 4.4, "It was the best of times, it was the worst of times"),
    (13.4, 16.75, "it was the season of light, it was the season of darkness"),
    (17.5, 20.55, "it was the spring of hope, it was the winter of despair"),
    (21.2, 24.1, "we had everything before us, we had nothing before us"),
    (29.05, 32.3, "in short, the period was so far like the present period"),
]
"""Where a turn begins and ends in the recording, in seconds, and what is said: none has an inner pause of 500 ms."""

normalise: Any = EnglishTextNormalizer()
"""The normaliser of every word error rate here: Whisper's own for English."""


@functools.cache
def turn_sound(number: int, hz: int) -> np.ndarray:
    """Return the sound of a turn as int16 samples at `hz`."""
    begin, end, _ = TURNS[number % len(TURNS)]
    with wave.open(str(CITIES)) as file:
        rate = file.getframerate()
        file.setpos(int(begin * rate))
        samples = np.frombuffer(file.readframes(int((end - begin) * rate)), "<i2")
    return np.asarray(soxr.resample(samples, rate, hz), dtype="<i2")


def word_error_rate(pairs: list[tuple[str, str]]) -> float:
    """Return the pooled word error rate of (truth, heard) pairs after normalisation."""
    truths = [normalise(truth) for truth, _ in pairs]
    heard = [normalise(text) for _, text in pairs]
    return float(jiwer.wer(truths, heard))
