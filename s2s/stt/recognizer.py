"""What every recognizer that hears a stretch of sound at once has in common: partials, settling and the last word."""

from __future__ import annotations

import abc
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2s.audio import float32
from s2s.messages import Speech, Transcript
from s2s.stage import Call, Stage
from s2s.stt.words import agreed, follow, joined, split, stitch

RATE = 16000
SHORT_S = 0.1
"""Sound shorter than this holds no word."""
SILENT = 10 ** (-55 / 20)
"""Root mean square below which sound holds no speech: recognizers invent words for silence."""
SHARE = 0.15
"""Part of the time that may go into partials, all callers of a replica together; the rest is for last words."""


class Heard(NamedTuple):
    """Words, the language that they are in where the model tells, and their tokens where it takes a draft."""

    text: str
    language: str = ""
    tokens: tuple[int, ...] = ()


class Unwanted(Exception):
    """Nobody wants the words that are being decoded: leaves a model from inside."""


@dataclass
class _Turn:
    """One scope: sound that is not settled, settled words, and what its partials have said.

    Its language is that of the longest stretch, since a model guesses wrong of a word or two.
    """

    sound: bytearray = field(default_factory=bytearray)
    fresh: int = 0
    settled: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    frozen: int = 0
    draft: tuple[int, ...] = ()
    language: str = ""
    longest: int = 0


@dataclass(kw_only=True)
class Recognizer(Stage, abc.ABC):
    """Makes partials and a final transcript by decoding at most the last `window_s` of a turn again and again.

    A longer turn is cut at its quietest moment: what lies before is decoded once more, and settled.
    """

    partial_ms: int = 500
    window_s: float = 8.0

    honours = frozenset({"transcribe"})
    takes_hz = RATE

    @abc.abstractmethod
    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples` at 16 kHz, at most `window_s` of them; `language` None is the model's guess."""

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        """Return what `transcribe` does, and what else the model tells.

        `draft` is tokens of the same sound when there was less of it, or none: a guess, if one is of use.
        """
        return Heard(self.transcribe(samples, language))

    def clock(self) -> float:
        """Return the seconds by which partials are measured."""
        return time.perf_counter()

    def load(self) -> None:
        """Let partials begin."""
        self._partials_from = 0.0
        self._hearing: Call | None = None
        self._unwanted: Call | None = None

    def cancel(self, call: Call) -> None:
        """Have the decoding for this call end."""
        if self._hearing is call:  # which is kept, since another's turn may have begun by now
            self._unwanted = call

    def check(self) -> None:
        """Raise Unwanted when nobody wants what is being decoded; a model asks as often as it can."""
        call = self._hearing
        if call is not None and (call is self._unwanted or not call.live):
            raise Unwanted

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        """Give a partial when there is enough new sound and time for it."""
        if item.rate != RATE:
            raise ValueError(
                f"{type(self).__name__} takes sound at {RATE} Hz, not {item.rate}; put a resampler before it"
            )
        turn: _Turn = call.state.setdefault("turn", _Turn())
        turn.sound += item.pcm
        turn.fresh += len(item.pcm)
        with suppress(Unwanted):
            self._settle(call, turn)
            due = turn.fresh >= 2 * RATE * self.partial_ms / 1000 and self.clock() >= self._partials_from
            # At the end the last word follows at once.
            if call.settings.transcribe and due and item.mark not in ("pause", "end"):
                yield from self._partial(call, turn)

    def finish(self, call: Call) -> Iterator[Transcript]:
        """Give the whole turn's words, none for silence; nothing at all for a scope that had no sound."""
        turn: _Turn | None = call.state.pop("turn", None)
        if turn is not None and call.live:
            with suppress(Unwanted):
                text = joined(follow(turn.settled, self._words(call, turn, float32(bytes(turn.sound)))))
                yield Transcript(text=text, stable=len(text), language=call.settings.language or turn.language)

    def _partial(self, call: Call, turn: _Turn) -> Iterator[Transcript]:
        begun = self.clock()
        hypothesis = follow(turn.settled, self._words(call, turn, float32(bytes(turn.sound))))
        words = stitch(turn.said[: turn.frozen], hypothesis)
        ended = self.clock()
        self._partials_from = ended + (ended - begun) * (1 / SHARE - 1)
        turn.fresh = 0
        frozen = agreed(turn.said, words)
        if words and (words != turn.said or frozen != turn.frozen):
            turn.said, turn.frozen = words, frozen
            stable, language = len(joined(words[:frozen])), call.settings.language or turn.language
            yield Transcript(text=joined(words), final=False, stable=stable, language=language)

    def _settle(self, call: Call, turn: _Turn) -> None:
        window = round(self.window_s * RATE)
        while len(turn.sound) > 2 * window and call.live:
            samples = float32(bytes(turn.sound[: 2 * window]))
            cut = quietest(samples, window // 2)
            turn.settled = follow(turn.settled, self._words(call, turn, samples[:cut]))
            del turn.sound[: 2 * cut]
            turn.draft = ()

    def _words(self, call: Call, turn: _Turn, samples: NDArray[np.float32]) -> list[str]:
        if len(samples) < SHORT_S * RATE or is_silent(samples):
            return []
        self._hearing, self._unwanted = call, None
        try:
            heard = self.hear(samples, call.settings.language, turn.draft)
            self.check()
        finally:
            self._hearing = self._unwanted = None
        turn.draft = heard.tokens
        if not any(letter.isalnum() for letter in heard.text):
            return []
        if len(samples) >= turn.longest:
            turn.longest, turn.language = len(samples), heard.language
        return split(heard.text)


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Say whether no tenth of a second of `samples` at 16 kHz is loud enough for speech."""
    return bool(np.max(_loudness(samples, RATE // 10), initial=0.0) < SILENT)


def quietest(samples: NDArray[np.float32], earliest: int) -> int:
    """Return the middle of the quietest tenth of a second after `earliest`, in samples at 16 kHz."""
    step = RATE // 100
    loudness = _loudness(samples[earliest:], step) ** 2
    sums = np.convolve(loudness, np.ones(10), "valid")
    return earliest + (int(np.argmin(sums)) + 5) * step if len(sums) else len(samples)


def _loudness(samples: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the root mean square of each whole block of `size`, or of all that there is if that is less."""
    size = min(size, len(samples)) or 1
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    return np.asarray(np.sqrt(np.mean(blocks**2, axis=1)), np.float32)
