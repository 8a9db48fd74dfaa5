"""One thing to be done later, of which the last time that was set counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from s2s.flow import Flow


class Reminder:
    """Calls `remind` once the clock, in seconds, has come to the time that was set last."""

    def __init__(self, flow: Flow, clock: Callable[[], float], remind: Callable[[], None]) -> None:
        self._flow = flow
        self._clock = clock
        self._remind = remind
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when: float) -> None:
        """Remind then, and at no time that was set before."""
        self.cancel()
        self._handle = self._flow.later(when - self._clock(), self._remind)

    def cancel(self) -> None:
        """Remind no more."""
        if self._handle is not None:
            self._handle.cancel()
