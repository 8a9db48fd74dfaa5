"""One caller's items for a stage: started as far as those behind it have room, `ahead` of them at once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from s2s.inbox import Inbox
from s2s.jobs import Jobs
from s2s.messages import Message, Speech
from s2s.room import Room
from s2s.scope import Scope


class Rush(Protocol):
    """Whether anyone waits for a first sound."""

    @property
    def on(self) -> bool:
        """Whether what can wait should."""


class Pump:
    """An inbox, and the start of what leaves it; `wake` says that something has changed."""

    def __init__(self, name: str, inbox: Inbox, ahead: int, jobs: Jobs, room: Room, rush: Rush) -> None:
        self._name = name
        self._inbox = inbox
        self._free = ahead
        self._jobs = jobs
        self._room = room
        self._rush = rush
        self._held: tuple[Scope, Message] | None = None
        self._before: asyncio.Event | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._inbox) + (self._held is not None)

    @property
    def full(self) -> bool:
        """Whether senders must wait."""
        return self._inbox.full

    @property
    def due(self) -> bool:
        """Whether an item waits that may go."""
        return self._held is not None or self._inbox.due

    @property
    def dropped(self) -> int:
        """How many items were dropped for later ones."""
        return self._inbox.dropped

    def put(self, scope: Scope, item: Message) -> Scope | None:
        """Add an item, and return the scope of the one dropped for it, if any."""
        gone = self._inbox.put(scope, item)
        self.wake()
        return gone

    def wake(self) -> None:
        """Start what can be started."""
        moved = False
        while self._free and not self._closed:
            if self._held is None:
                self._held = self._inbox.take()
                moved = self._held is not None
            if self._held is None:
                break
            scope, item = self._held
            if not scope.live:
                scope.count(self._name, -1)
            elif self._waits(scope, item):
                break
            else:
                self._start(scope, item)
            self._held = None
        if moved:
            self._room.made()

    def close(self) -> None:
        """Start nothing more, and keep nothing."""
        self._closed = True
        self._inbox.clear()
        if self._held is not None:
            self._held[0].count(self._name, -1)
            self._held = None

    def _waits(self, scope: Scope, item: Message) -> bool:
        if self._room.blocked(self._name, scope, item):
            return True
        return isinstance(item, Speech) and not scope.ended and self._rush.on  # a partial can wait, an answer can't

    def _start(self, scope: Scope, item: Message) -> None:
        self._free -= 1
        done = asyncio.Event()
        self._jobs.start(self._name, scope, item, self._before, partial(self._over, done))
        self._before = done

    def _over(self, done: asyncio.Event) -> None:
        done.set()
        self._free += 1
        self.wake()
