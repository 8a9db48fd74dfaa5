"""Several clients in one call: all of them are heard, and each gets all that the agent says."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.line.line import Line, Terms
from s2s.line.told import told
from s2s.settings import Settings

log = logging.getLogger("s2s")

WAITING_S = 5.0
"""Seconds of sound that wait for a client while others keep up; it misses what comes beyond that."""


class Guest:
    """One client: the frames that wait for it, sound as bytes and events as text."""

    def __init__(self) -> None:
        self._frames: deque[bytes | str] = deque()
        self._news = asyncio.Event()
        self.taken = asyncio.Event()
        self.bytes = 0
        self.missed = False

    def put(self, frame: bytes | str) -> None:
        """Add a frame."""
        self._frames.append(frame)
        self.bytes += len(frame) if isinstance(frame, bytes) else 0
        self._news.set()

    def hush(self) -> None:
        """Drop the sound that waits."""
        self._frames = deque(frame for frame in self._frames if isinstance(frame, str))
        self.bytes = 0
        self.taken.set()

    async def frames(self) -> AsyncIterator[bytes | str]:
        """Yield each frame."""
        while True:
            while not self._frames:
                self._news.clear()
                await self._news.wait()
            frame = self._frames.popleft()
            yield frame
            if isinstance(frame, bytes):
                self.bytes = max(0, self.bytes - len(frame))
                self.taken.set()


class Party:
    """A call and its clients; it ends with the last of them."""

    def __init__(self, engine: Engine, settings: Settings, terms: Terms, events: bool) -> None:
        self._events = events
        self._most = round(2 * terms.hz * WAITING_S)
        self._frame = round(2 * terms.hz * terms.frame_ms / 1000)
        self._guests: set[Guest] = set()
        self._over = False
        self._line = Line(engine, settings, terms, self._tell)
        self._speaking = asyncio.create_task(self._speak())

    @property
    def open(self) -> bool:
        """Whether somebody else may join."""
        return not self._over

    def enter(self) -> Guest:
        """Let a client in."""
        guest = Guest()
        self._guests.add(guest)
        return guest

    async def hear(self, guest: Guest, sound: bytes) -> None:
        """Take bytes of a client's sound, whole samples or not; waits while much of it is unheard."""
        await self._line.intake.put(guest, sound)

    async def leave(self, guest: Guest) -> bool:
        """Let a client go; return whether it was the last one, whose call is over."""
        self._guests.discard(guest)
        self._line.intake.forget(guest)
        guest.taken.set()
        if self._guests:
            return False
        self._over = True
        self._speaking.cancel()
        await asyncio.gather(self._speaking, return_exceptions=True)
        await self._line.close()
        return True

    async def _speak(self) -> None:
        async for frame in self._line.playout.frames():
            await self._keep_up()
            for guest in self._guests:
                if guest.bytes <= self._most:
                    guest.put(frame)
                    guest.missed = False
                elif not guest.missed:
                    guest.missed = True
                    log.warning("websocket: a client does not keep up with the others, and misses sound")

    async def _keep_up(self) -> None:
        """Wait until somebody has taken what was said before."""
        while self._guests and all(guest.bytes > self._frame for guest in self._guests):
            for guest in self._guests:
                guest.taken.clear()
            waiting = [asyncio.ensure_future(guest.taken.wait()) for guest in self._guests]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()

    def _tell(self, fact: f.Fact) -> None:
        cancelled = isinstance(fact, f.ResponseDone) and fact.response.status == "cancelled"
        if cancelled or isinstance(fact, f.SpeechStarted):
            for guest in self._guests:
                guest.hush()
        for event in told(fact) if self._events else ():
            for guest in self._guests:
                guest.put(event)
