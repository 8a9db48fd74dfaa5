"""The sound of a caller's last turns, for clients that ask for it again."""

from __future__ import annotations

from collections import deque

from s2s.audio import Resampler


class Kept:
    """Whole turns, the newest ones, of at most `seconds` together; a longer turn is not kept at all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turns: deque[tuple[str, bytes, int]] = deque()

    def put(self, item_id: str, pieces: list[bytes], rate: int) -> None:
        """Keep a turn's mono s16le sound at `rate` Hz."""
        if self._seconds and sum(map(len, pieces)) / 2 / rate <= self._seconds:
            self._turns.append((item_id, b"".join(pieces), rate))
            while sum(len(pcm) / 2 / hz for _, pcm, hz in self._turns) > self._seconds:
                self._turns.popleft()

    def drop(self, item_id: str) -> None:
        """Forget a turn."""
        self._turns = deque(turn for turn in self._turns if turn[0] != item_id)

    def get(self, item_id: str, hz: int) -> bytes:
        """Return a turn's mono s16le sound at `hz`, b"" where it is not kept."""
        found = next(((pcm, rate) for name, pcm, rate in self._turns if name == item_id), None)
        if found is None:
            return b""
        resampler = Resampler(hz)
        return resampler.push(*found) + resampler.flush()
