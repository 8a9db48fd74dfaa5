"""One caller's items at a stage that takes batches: handed on as they come, one at a time, without a task for each."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from s2s.messages import Message
from s2s.place.options import Place
from s2s.place.pool import Pool, Ticket
from s2s.room import Room
from s2s.scope import Scope


class Way(Protocol):
    """The way that outputs go."""

    def send(self, name: str, scope: Scope, out: Message) -> None:
        """Send on what a stage gave."""

    def finished(self, name: str, scope: Scope, item: Message | None) -> None:
        """A stage is done with an item, or with its `finish` for None."""

    def failed(self, scope: Scope, stage: str, error: BaseException) -> None:
        """A stage has failed."""


class Lane:
    """Items that wait for the stage, and the one that it has in hand; `wake` says that there may be room behind it."""

    due = False
    dropped = 0

    def __init__(self, name: str, pool: Pool, place: Place, way: Way, room: Room) -> None:
        self._name = name
        self._pool = pool
        self._size = place.inbox
        self._timeout_s = place.timeout_s
        self._way = way
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[Scope, Message]] = deque()
        self._hand: tuple[Scope, Message, Ticket] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether senders must wait."""
        return len(self._items) >= self._size

    def put(self, scope: Scope, item: Message) -> None:
        """Add an item."""
        self._items.append((scope, item))
        if self._hand is None:
            self._next()

    def wake(self) -> None:
        """Look again: there is room behind the stage, or a scope was revoked."""
        if self._hand is not None and not self._hand[0].live:
            self._let_go()
        if self._items:
            self._next()

    def close(self) -> None:
        """Want nothing more."""
        if self._hand is not None:
            self._let_go()
        for scope, _ in self._items:
            scope.count(self._name, -1)
        self._items.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        while self._hand is None and self._items:
            scope, item = self._items[0]
            if scope.live and self._room.blocked(self._name, scope, item):
                return
            self._items.popleft()
            if scope.live:
                self._begin(scope, item)
            else:
                scope.count(self._name, -1)

    def _begin(self, scope: Scope, item: Message) -> None:
        call = scope.view(self._name)
        self._since = now = self._loop.time()
        call.due = scope.due(now)
        self._hand = (scope, item, self._pool.post(call, item, self._give, self._end))
        if self._timer is None and self._timeout_s is not None:
            self._timer = self._loop.call_later(self._timeout_s, self._ring)

    def _give(self, out: Message) -> None:
        assert self._hand is not None
        scope, item, _ = self._hand
        self._since = self._loop.time()
        if scope.live:
            try:
                self._way.send(self._name, scope, item.stamp(out))
            except Exception as error:
                self._way.failed(scope, self._name, error)

    def _end(self, error: BaseException | None) -> None:
        assert self._hand is not None
        scope, item, _ = self._hand
        self._hand = None
        if error is not None and scope.live:
            self._way.failed(scope, self._name, error)
        self._way.finished(self._name, scope, item)
        self._room.made()
        self._next()

    def _let_go(self) -> None:
        assert self._hand is not None
        scope, _, ticket = self._hand
        self._hand = None
        self._pool.drop(ticket)
        scope.count(self._name, -1)

    def _ring(self) -> None:
        """Take an item as failed of which there was no sign of life for too long."""
        self._timer = None
        if self._hand is None or self._timeout_s is None:
            return
        left = self._since + self._timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._ring)
            return
        self._pool.drop(self._hand[2])
        self._end(TimeoutError(f"no sign of life for {self._timeout_s:g} s"))
