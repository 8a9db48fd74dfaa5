"""The way out of a scope: what it makes for the caller waits here for its commit, for its order, and for room."""

from __future__ import annotations

from collections import deque

from s2s.messages import Message, Sound, Transcript

CAP_S = 20.0
"""Seconds of sound that may wait for a caller who does not read; then its synthesis waits too."""
CAP_ITEMS = 4096


class Gate:
    """Items for the caller in the order of their clauses, whichever stage spoke them first."""

    def __init__(self) -> None:
        self._out: deque[Message] = deque()
        self._heard: deque[Transcript] = deque()
        self._later: dict[int, list[Sound]] = {}
        self._spoken: set[int] = set()
        self._clause = 0
        self._sound_s = 0.0
        self._later_s = 0.0

    def __len__(self) -> int:
        return len(self._out) + len(self._heard) + sum(len(sounds) for sounds in self._later.values())

    def full(self, clause: int | None = None) -> bool:
        """Whether so much waits that no more of `clause`, or of anything, should be made.

        Sound of later clauses leaves room for the one that they wait for: another voice may be far ahead of it.
        """
        due = clause is not None and clause <= self._clause
        return self._sound_s - self._later_s * due >= CAP_S or len(self._out) >= CAP_ITEMS

    def put(self, item: Message) -> None:
        """Add an item; sound of a later clause waits for the earlier ones."""
        if isinstance(item, Transcript):
            self._heard.append(item)
            return
        if isinstance(item, Sound):
            self._sound_s += seconds(item)
            if item.index > self._clause:
                self._later_s += seconds(item)
                self._later.setdefault(item.index, []).append(item)
                return
        self._out.append(item)

    def spoken(self, index: int) -> None:
        """Note that all sound of a clause has come."""
        self._spoken.add(index)
        while self._clause in self._spoken:
            self._spoken.discard(self._clause)
            self._clause += 1
            self._let_out(self._clause)

    def ended(self) -> None:
        """Let out what waits for clauses that never came."""
        for index in sorted(self._later):
            self._let_out(index)

    def _let_out(self, clause: int) -> None:
        sounds = self._later.pop(clause, [])
        self._later_s -= sum(map(seconds, sounds))
        self._out.extend(sounds)

    def take(self) -> Message | None:
        """Return the next item that may go, if there is one."""
        if not self._out:
            return None
        item = self._out.popleft()
        if isinstance(item, Sound):
            self._sound_s -= seconds(item)
        return item

    def take_transcript(self) -> Transcript | None:
        """Return the first transcript, if there is one: what was heard may be told before it counts."""
        return self._heard.popleft() if self._heard else None

    def clear(self) -> None:
        """Drop everything."""
        self._out.clear()
        self._heard.clear()
        self._later.clear()
        self._sound_s = self._later_s = 0.0


def seconds(sound: Sound) -> float:
    """How long a piece of sound lasts."""
    return len(sound.pcm) / 2 / sound.rate
