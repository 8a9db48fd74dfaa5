"""Whether a stage is given work: no longer once it has failed, and for a try after a while that doubles each time."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger("s2s")

SHORTEST_S, LONGEST_S = 1.0, 30.0
"""Seconds after which a stage that has failed is tried again: the first time, and at most."""


class Breaker:
    """What is known of a stage: `down` from a failure to the next output; `era` counts the failures.

    A verdict is given with the era in which its item began, and counts only in that one: what began before a failure
    says nothing of how things are since.
    """

    def __init__(self, name: str, other: str, patience_s: float) -> None:
        self.down = False
        self.era = 0
        self._name = name
        self._other = other
        self._patience_s = patience_s
        self._clock = asyncio.get_running_loop().time
        self._failures = 0
        self._again_at = 0.0

    def admits(self) -> bool:
        """Whether the stage is to be given an item now; one that is down gets one in a while, to try it."""
        now = self._clock()
        if self.down and now < self._again_at:
            return False
        self._again_at = now + max(self._wait_s(), self._patience_s)
        return True

    def failed(self, era: int, error: BaseException) -> None:
        """Note that the stage has failed."""
        if era != self.era:
            return
        self.era += 1
        self._failures += 1
        self._again_at = self._clock() + self._wait_s()
        log.log(
            logging.INFO if self.down else logging.WARNING,
            "%s: %s; '%s' takes over, and the next try is in %g s",
            self._name,
            str(error) or type(error).__name__,
            self._other,
            self._wait_s(),
        )
        self.down = True

    def answered(self, era: int) -> None:
        """Note a sign of life."""
        if self.down and era == self.era:
            self.down = False
            log.warning("%s: the primary answers again", self._name)

    def succeeded(self, era: int) -> None:
        """Note an item that was done to its end: the next failure counts as the first."""
        if era == self.era:
            self._failures = 0

    def _wait_s(self) -> float:
        return min(SHORTEST_S * 2.0 ** min(max(self._failures - 1, 0), 10), LONGEST_S)
