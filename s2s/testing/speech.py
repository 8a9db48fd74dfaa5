"""Sound to test with: a person's speech where some is at hand, silence, and noise."""

from __future__ import annotations

import importlib.util
import os
import wave
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from s2s.audio import Resampler, pcm16
from s2s.paths import PACKAGE
from s2s.testing.bench import Skipped


class Sample(NamedTuple):
    """A person speaking: mono s16le at `rate` Hz, and some of the words."""

    pcm: bytes
    rate: int
    words: tuple[str, ...]


@lru_cache
def sample(rate: int = 16000) -> Sample:
    """Return six seconds of speech; raise Skipped where there is no recording.

    `S2S_CONFORMANCE_WAV` names a mono 16-bit one, whose words `S2S_CONFORMANCE_WORDS` are asked for.
    """
    path, words = _recording()
    with wave.open(str(path)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise Skipped(f"{path} should be mono and 16-bit")
        pcm, hz = file.readframes(6 * file.getframerate()), file.getframerate()
    return Sample(_at(pcm, hz, rate), rate, words)


def silence(seconds: float, rate: int = 16000) -> bytes:
    """Return digital silence as s16le."""
    return bytes(2 * round(seconds * rate))


def noise(seconds: float, rate: int = 16000, loudness: float = 0.05) -> bytes:
    """Return white noise as s16le, the same every time."""
    return pcm16(np.random.default_rng(0).normal(0, loudness, round(seconds * rate)))


def _recording() -> tuple[Path, tuple[str, ...]]:
    if path := os.environ.get("S2S_CONFORMANCE_WAV"):
        return Path(path), tuple(os.environ.get("S2S_CONFORMANCE_WORDS", "").lower().split())
    places = [PACKAGE / "bench" / "corpus" / "two_cities.wav"]
    package = importlib.util.find_spec("moonshine_voice")
    if package is not None and package.origin:
        places.append(Path(package.origin).parent / "assets" / "two_cities.wav")
    for place in places:
        if place.is_file():
            return place, ("best", "times", "worst")
    raise Skipped("no recording of speech here: name one by S2S_CONFORMANCE_WAV and S2S_CONFORMANCE_WORDS")


def _at(pcm: bytes, hz: int, rate: int) -> bytes:
    if hz == rate:
        return pcm
    resampler = Resampler(rate)
    return resampler.push(pcm, hz) + resampler.flush()
