"""What a simulated caller hears: answers as a player would play them, and what else it was told in a turn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from s2s.bench.link import HZ, Told

AUDIBLE = 10 ** (-40 / 20) * 32768
"""A sample louder than this can be heard."""


@dataclass
class Answer:
    """A response as its player sees it."""

    id: str
    created: float
    words: str = ""
    words_at: float | None = None
    first: float | None = None
    audible: float | None = None
    seconds: float = 0.0
    late_s: float = 0.0
    last: float = 0.0
    done: Told | None = None

    def hear(self, told: Told) -> None:
        """Take a piece of sound."""
        if self.first is None:
            self.first = told.at
        self.late_s = max(self.late_s, told.at - self.first - self.seconds)
        if self.audible is None:
            loud = np.flatnonzero(np.abs(np.frombuffer(told.pcm, "<i2").astype(np.int32)) > AUDIBLE)
            if len(loud):
                self.audible = max(told.at, self.first + self.seconds) + float(loud[0]) / HZ
        self.seconds += len(told.pcm) / 2 / HZ

    @property
    def began(self) -> float | None:
        """When it could be heard, or read where it has no sound."""
        return self.words_at if self.first is None else self.audible

    @property
    def played_until(self) -> float:
        """When a player that began at once has played all of it."""
        return 0.0 if self.first is None else self.first + self.seconds


@dataclass
class Ears:
    """All that was told since the turn began."""

    answers: dict[str, Answer] = field(default_factory=dict)
    started: list[float] = field(default_factory=list)
    stopped: list[float] = field(default_factory=list)
    heard: list[tuple[float, str]] = field(default_factory=list)
    failed: str = ""

    def tell(self, told: Told) -> None:
        """Take what happens."""
        if told.kind == "created":
            self.answers[told.id] = Answer(told.id, told.at)
        elif told.kind == "started":
            self.started.append(told.at)
        elif told.kind == "stopped":
            self.stopped.append(told.at)
        elif told.kind == "heard":
            self.heard.append((told.at, told.text))
        elif told.kind == "failed":
            self.failed = told.text
        elif answer := self.answers.get(told.id):
            if told.kind in ("sound", "words"):
                answer.last = told.at
            if told.kind == "sound":
                answer.hear(told)
            elif told.kind == "words":
                answer.words += told.text
                answer.words_at = told.at if answer.words_at is None else answer.words_at
            elif told.kind == "done":
                answer.done = told
