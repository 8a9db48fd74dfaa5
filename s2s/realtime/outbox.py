"""The frames that wait for a client to read them."""

from __future__ import annotations

import asyncio
from collections import deque

from s2s.realtime.frame import Frame

ROOM_BYTES = 256 * 1024
"""Bytes that may wait for a client before no more sound is made for it: about four seconds of 24 kHz sound."""

FULL_BYTES = 4 * 1024 * 1024
"""Bytes that may wait for a client before no more of its requests are taken: only one that never reads gets here."""


class Outbox:
    """A queue of frames; `room` says whether the client keeps up."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._closed = False

    @property
    def room(self) -> bool:
        """Whether more sound would be taken."""
        return self._bytes < ROOM_BYTES

    def put(self, frame: Frame) -> None:
        """Add a frame."""
        if not self._closed:
            self._frames.append(frame)
            self._count(len(frame.data))
            self._wake()

    def drop(self, response_id: str) -> None:
        """Drop what streams of a response and is not written yet: nobody wants it any more."""
        self._frames = deque(frame for frame in self._frames if frame.sound_of != response_id)
        self._count(sum(len(frame.data) for frame in self._frames) - self._bytes)

    async def drained(self) -> None:
        """Return when so little waits that more may be asked for."""
        await self._drained.wait()

    def close(self) -> None:
        """Take nothing more; what waits still goes."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Frame | None:
        """Return the next frame, or None when the box is closed and empty."""
        while not self._frames:
            if self._closed:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        frame = self._frames.popleft()
        self._count(-len(frame.data))
        return frame

    def _count(self, change: int) -> None:
        self._bytes += change
        if self._bytes < FULL_BYTES:
            self._drained.set()
        else:
            self._drained.clear()
