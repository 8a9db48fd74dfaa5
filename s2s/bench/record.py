"""What one turn of a simulated caller came to, and what many of them say together."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

RESAMPLES = 1000
LEVEL = 0.9
"""Share of the bootstrap's resamples that lie in an interval."""
GLITCH_MS = 20.0
"""Sound that comes later than this after the moment when a player needs it is a glitch."""
FAULTS = ("dropped", "muted")
"""Turns that a caller spoiled: what they do to the others counts."""
PARTS = ("turn", "stt", "llm", "clause", "tts", "commit", "transport", "lead")


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One turn: times in ms after the true end of its speech; None for what never came."""

    caller: int
    number: int
    kind: str
    voice: str
    said: str
    heard: str = ""
    stopped_ms: float | None = None
    """When the agent took the turn as over; negative is a cut-in."""
    heard_ms: float | None = None
    words_ms: float | None = None
    gap_ms: float | None = None
    """When the first audible sample of the answer was there to be played."""
    cut_in: bool = False
    missed: bool = False
    late_ms: float = 0.0
    """By how much sound ever came after the moment when a player that began at once needed it."""
    onset_ms: float | None = None
    """From the first sound of a turn, spoken while the agent is silent, to the agent's notice of it."""
    cancel_ms: float | None = None
    """From the moment when an answer was cancelled, as in `listen_s`, to the last that came of it."""
    stop_ms: float | None = None
    """Of a turn spoken into an answer: from its first sound to the agent's notice of it."""
    id: str = ""
    """The response that answered it."""
    lead_ms: float = 0.0
    """Silence at the beginning of the answer's sound."""
    answer: str = ""
    answer_s: float = 0.0
    status: str = ""
    read: int = 0
    cached: int = 0
    written: int = 0
    parts: dict[str, float] = {}
    """The gap in ms: the server's own parts, `lead` the silence that the sound begins with, `transport` the rest."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number that turns came to, with the interval in which 90 % of bootstrap resamples lie."""

    value: float
    low: float
    high: float
    count: int


def resamples(count: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the bootstrap's resamples of as many values: in each row, which of them are drawn."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def figure(values: Sequence[Any], of: Callable[[Rows], float], seed: int = 0) -> Figure | None:
    """Return a statistic of some values, or rows of values; None where there are none."""
    if not values:
        return None
    data = np.asarray(values, float)
    spread = np.sort([of(row) for row in data[resamples(len(data), seed)]])
    cut = round((1 - LEVEL) / 2 * RESAMPLES)
    return Figure(value=of(data), low=float(spread[cut]), high=float(spread[-1 - cut]), count=len(data))


def percentile(percent: float) -> Callable[[Rows], float]:
    """Return the statistic that is this percentile: the value that as many per cent of all do not exceed."""

    def of(data: Rows) -> float:
        ordered = np.sort(data)
        return float(ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)])

    return of


def mean(data: Rows) -> float:
    """Return the arithmetic mean."""
    return float(data.mean())


def summary(records: Sequence[TurnRecord], seed: int = 0) -> dict[str, Figure]:
    """Return the figures of many turns, in ms, shares of 1, or tokens."""
    told = [record for record in records if record.kind not in ("interruption", *FAULTS)]
    answered = [record for record in told if record.gap_ms is not None]
    spoken = [record for record in told if record.said and record.heard]
    figures: dict[str, Figure | None] = {
        "gap_p50": figure([r.gap_ms for r in answered if r.gap_ms is not None], percentile(50), seed),
        "gap_p95": figure([r.gap_ms for r in answered if r.gap_ms is not None], percentile(95), seed),
        "cut_ins": figure([float(r.cut_in) for r in told], mean, seed),
        "missed": figure([float(r.missed) for r in told], mean, seed),
        "glitches": figure([float(r.late_ms > GLITCH_MS) for r in answered], mean, seed),
        "read": figure([float(r.read - r.cached) for r in answered], mean, seed),
        "written": figure([float(r.written) for r in answered], mean, seed),
        "onset_p50": figure([r.onset_ms for r in told if r.onset_ms is not None], percentile(50), seed),
        "cancel_p95": figure([r.cancel_ms for r in told if r.cancel_ms is not None], percentile(95), seed),
        "stop_p50": figure([r.stop_ms for r in records if r.stop_ms is not None], percentile(50), seed),
    }
    with contextlib.suppress(ImportError):
        figures["wer"] = figure([word_errors(r.said, r.heard) for r in spoken], _of_all, seed)
    for part in PARTS:
        figures[f"{part}_ms"] = figure([r.parts[part] for r in answered if part in r.parts], percentile(50), seed)
    return {name: found for name, found in figures.items() if found is not None}


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Return how many words were got wrong, and how many there were, after Whisper's English normalisation.

    Raises ImportError without the extra 'bench'.
    """
    import jiwer

    normalise = _normaliser()
    truth, words = normalise(said).strip(), normalise(heard).strip()
    if not any(letter.isalnum() for letter in truth):
        return 0, 0
    found = jiwer.process_words(truth, words)
    return found.substitutions + found.insertions + found.deletions, len(truth.split())


@functools.cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise: Callable[[str], str] = EnglishTextNormalizer()
    return normalise


def _of_all(rows: Rows) -> float:
    return float(rows[:, 0].sum() / max(1.0, rows[:, 1].sum()))
