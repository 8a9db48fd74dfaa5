"""The watch over one item's run: it expires when the stage gives no sign of life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Watch:
    """A timer that cancels the current task when nothing has touched it for `seconds`; None never does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        self.expired = False
        self._loop = loop
        self._seconds = seconds
        self._task = asyncio.current_task(loop)
        self._touched = loop.time()
        self._paused = False
        self._timer = None if seconds is None else loop.call_later(seconds, self._ring)

    def touch(self) -> None:
        """Note a sign of life."""
        self._touched = self._loop.time()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time in which the stage is held up by others."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False
            self.touch()

    def _ring(self) -> None:
        assert self._seconds is not None
        assert self._task is not None
        left = self._touched + self._seconds - self._loop.time()
        if self._paused or left > 0:
            self._timer = self._loop.call_later(left if left > 0 else self._seconds, self._ring)
            return
        self.expired = True
        self._task.cancel()

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
