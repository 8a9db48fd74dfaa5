"""The bounded queue in front of a stage, one for each caller; it can say how full it is and what it dropped."""

from __future__ import annotations

from collections import deque

from s2s.messages import Message, Speech
from s2s.scope import Scope


class Inbox:
    """Items that wait for a stage, each with its scope; stale ones fall on the floor on the way out.

    `size` bounds what its senders may start, not what a running one still gives: that spills over the bound
    rather than holding up a shared worker.
    """

    def __init__(self, stage: str, size: int, drops_oldest: bool, commits: bool) -> None:
        self.stage = stage
        self.size = size
        self.dropped = 0
        self._drops_oldest = drops_oldest
        self._commits = commits
        self._items: deque[tuple[Scope, Message]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether senders must wait; never, where the oldest item is dropped instead."""
        return len(self._items) >= self.size and not self._drops_oldest

    @property
    def due(self) -> bool:
        """Whether an item waits that may go."""
        return any(scope.live and (scope.committed or not self._commits) for scope, _ in self._items)

    def put(self, scope: Scope, item: Message) -> Scope | None:
        """Add an item, and return the scope of the one dropped for it, if any."""
        gone = None
        if self._drops_oldest and len(self._items) >= self.size:
            gone = self._items.popleft()[0]
            self.dropped += 1
        self._items.append((scope, item))
        return gone

    def take(self) -> tuple[Scope, Message] | None:
        """Take the first item that may go; pieces of one turn that wait in a row go as one."""
        for at, (scope, item) in enumerate(self._items):
            if not scope.live or scope.committed or not self._commits:
                del self._items[at]
                if isinstance(item, Speech) and scope.live:
                    item = self._join(at, scope, item)
                return scope, item
        return None

    def clear(self) -> None:
        """Forget all that waits."""
        while self._items:
            self._items.popleft()[0].count(self.stage, -1)

    def _join(self, at: int, scope: Scope, item: Speech) -> Speech:
        pieces = [item]
        while at < len(self._items):
            later, more = self._items[at]
            if later is not scope or not isinstance(more, Speech) or more.rate != item.rate:
                break
            del self._items[at]
            pieces.append(more)
            scope.count(self.stage, -1)
        if len(pieces) == 1:
            return item
        mark = "start" if item.mark == "start" else pieces[-1].mark
        pcm = b"".join(piece.pcm for piece in pieces)
        return Speech(pcm=pcm, rate=item.rate, mark=mark, at_ms=item.at_ms)
