"""Cuts an answer, as it streams in, into clauses to be spoken."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from s2s.cutting import Goal, cut, seen, speakable, tidy
from s2s.messages import Clause, Reply, ReplyEnd
from s2s.stage import Call, Stage
from s2s.text.cleaning import Cleaner


@dataclass(kw_only=True)
class Clauses(Stage):
    """Speakable clauses: the first as early as the text allows, each next one longer, so that speech never waits.

    Markdown, links, emoji and code are made speakable first. The clauses of an answer are the same however its text
    is cut into pieces. `until` grows with every clause; it reaches the whole length with the last one, unless
    what follows that (spaces, emoji, code) can't be spoken.
    """

    first_words: int = 5
    first_min_words: int = 1
    min_chars: int = 20
    grow_to: int = 40
    max_chars: int = 240
    code: Literal["skip", "speak"] = "skip"

    def run(self, call: Call, item: Reply | ReplyEnd) -> Iterator[Clause]:
        """Send the clauses that the next piece of text settles."""
        progress = self._progress(call)
        if isinstance(item, ReplyEnd):
            return iter(progress.take("", end=True))
        return iter(progress.take(item.text))

    def finish(self, call: Call) -> Iterator[Clause]:
        """Send what is left of an answer that had no `ReplyEnd`."""
        return iter(self._progress(call).take("", end=True))

    def goal(self, index: int) -> Goal:
        """Return the lengths that clause number `index` aims at."""
        if index == 0:
            return Goal(1, 1, min(12 * self.first_words, self.max_chars), self.first_words, self.first_min_words)
        least = min(self.min_chars << min(index - 1, 16), max(self.grow_to, self.min_chars))
        return Goal(least, 2 * least, min(3 * least, self.max_chars))

    def _progress(self, call: Call) -> _Progress:
        progress: _Progress | None = call.state.get("clauses")
        if progress is None:
            progress = call.state["clauses"] = _Progress(self)
        return progress


class _Progress:
    """One answer: the clean text that no clause has yet, and where in the replies each piece of it ends."""

    def __init__(self, stage: Clauses) -> None:
        self._stage = stage
        self._cleaner = Cleaner(stage.code)
        self._text = ""
        self._begin = 0  # place of `text` in the clean answer
        self._pieces: list[tuple[int, int, bool]] = []  # ends in the clean answer and in the replies; same text?
        self._raw = self._total = self._index = self._seen = 0

    def take(self, text: str, end: bool = False) -> list[Clause]:
        """Add text and return the clauses that are settled."""
        self._total += len(text)
        place = self._begin + len(self._text)
        for said, size in self._cleaner.feed(text, end):
            self._raw += size
            if said:
                self._text += said
                place += len(said)
                self._pieces.append((place, self._raw, len(said) == size))
        clauses = []
        while self._text:
            stop = cut(self._text, self._stage.goal(self._index), end, self._seen)
            if stop is None:
                self._seen = seen(self._text)
                break
            clauses += self._clause(stop)
        if end:
            clauses += self._clause(len(self._text))
            if clauses:
                clauses[-1] = msgspec.structs.replace(clauses[-1], until=self._total)
        return clauses

    def _clause(self, size: int) -> list[Clause]:
        """Take `size` characters off the text; return their clause, if there is anything to say in them."""
        text, self._text = self._text[:size].rstrip(), self._text[size:]
        begin, self._begin, self._seen = self._begin, self._begin + size, 0
        if not speakable(text):
            return []
        self._index += 1
        return [Clause(text=tidy(text), index=self._index - 1, until=self._until(begin + len(text)))]

    def _until(self, place: int) -> int:
        """Return where in the replies the clean text ends that ends at `place`."""
        piece = bisect_left(self._pieces, (place,))
        end, raw_end, same = self._pieces[piece]
        del self._pieces[:piece]
        return raw_end - (end - place) if same else raw_end
