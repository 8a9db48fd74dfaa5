"""Sound on its way to a listener."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass
class _Part:
    item: str
    left: int


class Playback:
    """Mono s16le that waits to be heard, by item: one thread takes what it plays, others add, finish and flush."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._sound = bytearray()
        self._parts: deque[_Part] = deque()
        self._taken: dict[str, int] = {}
        self._whole: set[str] = set()

    @property
    def waiting(self) -> bool:
        """Whether there is sound that was not taken yet."""
        return bool(self._sound)

    def add(self, pcm: bytes, item: str) -> None:
        """Put whole samples behind what waits."""
        with self._lock:
            self._taken.setdefault(item, 0)
            if pcm:
                self._sound += pcm
                self._parts.append(_Part(item, len(pcm)))

    def finish(self, item: str) -> None:
        """Take it that no more of an item comes: once it is taken, nothing of it can be flushed."""
        with self._lock:
            self._whole.add(item)
            self._forget()

    def take(self, samples: int) -> bytes:
        """Return the next samples, fewer where fewer wait."""
        with self._lock:
            sound = bytes(self._sound[: 2 * samples])
            del self._sound[: 2 * samples]
            left = len(sound)
            while left:
                part = self._parts[0]
                step = min(left, part.left)
                part.left -= step
                left -= step
                self._taken[part.item] += step
                if not part.left:
                    self._parts.popleft()
            if sound:
                self._forget()
            return sound

    def flush(self, unheard_s: float = 0.0) -> dict[str, int]:
        """Drop what waits; return the milliseconds heard of each item cut short: all taken but the last `unheard_s`."""
        with self._lock:
            unheard = 2 * int(unheard_s * self._rate)
            heard = {}
            for item, taken in reversed(self._taken.items()):
                back = min(unheard, taken)
                unheard -= back
                heard[item] = (taken - back) * 1000 // (2 * self._rate)
            self._sound.clear()
            self._parts.clear()
            self._taken.clear()
            self._whole.clear()
            return dict(reversed(heard.items()))

    def _forget(self) -> None:
        waiting = {part.item for part in self._parts}
        for item in self._whole - waiting:
            self._taken.pop(item, None)
        self._whole &= waiting
