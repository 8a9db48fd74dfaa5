"""Who waits for an answer's first sound: while anyone does, work that can wait does so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 3.0
"""Seconds after which a caller who still waits no longer holds up the others' captions."""


class Rush:
    """The callers whose turn is over and who hear nothing yet."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._calm: dict[str, Callable[[], None]] = {}

    @property
    def on(self) -> bool:
        """Whether anyone waits."""
        return bool(self._waiting)

    def begin(self, call_id: str) -> None:
        """Note that a caller waits."""
        if call_id not in self._waiting:
            self._waiting[call_id] = self._loop.call_later(PATIENCE_S, self.end, call_id)

    def end(self, call_id: str) -> None:
        """Note that a caller has waited long enough."""
        timer = self._waiting.pop(call_id, None)
        if timer is not None:
            timer.cancel()
            if not self._waiting:
                for calm in list(self._calm.values()):
                    calm()

    def join(self, call_id: str, calm: Callable[[], None]) -> None:
        """Have `calm` called whenever a rush is over."""
        self._calm[call_id] = calm

    def leave(self, call_id: str) -> None:
        """Forget a caller."""
        self._calm.pop(call_id, None)
        self.end(call_id)
