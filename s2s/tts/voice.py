"""What every voice that speaks on this machine has in common: its loudness, its first word, and how it is stopped."""

from __future__ import annotations

import abc
import threading
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from s2s.audio import pcm16
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.tts.loudness import Floats, gain_to, limited, without_lead

SAMPLE = "The quick brown fox."
"""Spoken into the void to find out how loud a voice is: it is near the mean of what answers are made of."""


class Stop(Protocol):
    """Tells the work on a clause from another thread that it is no longer wanted."""

    def set(self) -> None:
        """Say so."""

    def is_set(self) -> bool:
        """Say whether it was said."""


@dataclass(kw_only=True)
class Voice(Stage, abc.ABC):
    """Speaks a clause by the samples that `speak` yields; `load` loads the model and then calls that of this class."""

    lead_ms: int | None = 2
    level_db: float | None = -18.0

    @property
    @abc.abstractmethod
    def rate(self) -> int:
        """The sample rate in Hz of what `speak` yields."""

    @abc.abstractmethod
    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a text as they are made, in full scale; end soon where `stopped(call)` turns true.

        What it raises then is passed over.
        """

    def voice_of(self, call: Call) -> Hashable:
        """Return which of its voices speaks to a caller: each is measured once."""
        return None

    def sample(self, call: Call) -> Iterator[Floats]:
        """Yield the speech by which the caller's voice is measured."""
        return self.speak(call, SAMPLE)

    def stop(self) -> Stop:
        """Return what will stop a clause."""
        return threading.Event()

    def stopped(self, call: Call) -> bool:
        """Say whether the caller no longer wants what is made."""
        return not call.live or call.state["stop"].is_set()

    def load(self) -> None:
        """Speak a few words into the void."""
        self._gains: dict[Hashable, float] = {}
        call = Call("load", 0, Settings())
        call.state["stop"] = self.stop()
        self._gain(call)

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Give the sound of a clause piece by piece; nothing for text without a letter or digit."""
        if not any(letter.isalnum() for letter in item.text):
            return
        stop = call.state["stop"] = self.stop()
        try:
            pieces = self._levelled(call, item.text)
            if item.index == 0 and self.lead_ms is not None:
                pieces = without_lead(pieces, self.rate * self.lead_ms // 1000)
            for piece in pieces:
                yield Sound(pcm=pcm16(piece), rate=self.rate)
                if self.stopped(call):
                    return
        except Exception:
            if call.live and not stop.is_set():
                raise

    def cancel(self, call: Call) -> None:
        """End what runs for this call."""
        if stop := call.state.get("stop"):
            stop.set()

    def _levelled(self, call: Call, text: str) -> Iterator[Floats]:
        gain = self._gain(call)
        if not self.stopped(call):
            for samples in self.speak(call, text):
                yield limited(samples * gain)

    def _gain(self, call: Call) -> float:
        """Return the factor that brings a caller's voice to `level_db`: from a sample, which is spoken once."""
        voice = self.voice_of(call)
        if voice not in self._gains:
            speech = np.concatenate([np.zeros(0, np.float32), *self.sample(call)])
            if self.stopped(call):
                return 1.0
            if self.level_db is None or not speech.size:
                self._gains[voice] = 1.0
            else:
                self._gains[voice] = gain_to(self.level_db, speech, self.rate)
        return self._gains[voice]
