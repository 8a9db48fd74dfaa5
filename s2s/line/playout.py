"""What an agent says on its way to a player: in frames, and no further ahead of what is heard than a little."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

ROOM_S = 2.0
"""Seconds of sound that may wait before no more is made: replies are made faster than they are heard."""
LEAST_S = 0.002
"""Seconds that a wait for a player lasts at least: one that stands still is not asked all the time."""


@dataclass
class _Reply:
    """The sound of one reply that waits; `whole` says that no more comes."""

    id: str
    item_id: str = ""
    sound: bytearray = field(default_factory=bytearray)
    whole: bool = False
    left_ms: float = 0.0


class Playout:
    """Mono s16le at `hz`: frames of `frame_ms`, shorter only at the end of a reply, `lead_s` before they are played.

    With `lead_s` None frames leave as they are made. `made_room` is called when more sound is wanted again. A player
    that knows how many seconds of what has left can still be dropped tells by `player_left_s`; else the clock does.
    """

    def __init__(
        self,
        hz: int,
        frame_ms: float,
        lead_s: float | None,
        clock: Callable[[], float],
        made_room: Callable[[], None],
        player_left_s: Callable[[], float] | None = None,
    ) -> None:
        self._hz = hz
        self._frame = 2 * max(1, round(hz * frame_ms / 1000))
        self._lead_s = lead_s
        self._clock = clock
        self._made_room = made_room
        self._player_left_s = player_left_s
        self._replies: deque[_Reply] = deque()
        self._news = asyncio.Event()
        self._until = 0.0
        self._playing: tuple[str, float] | None = None
        self._closed = False

    @property
    def room(self) -> bool:
        """Whether more sound would be taken."""
        return sum(len(reply.sound) for reply in self._replies) < 2 * self._hz * ROOM_S

    @property
    def busy(self) -> bool:
        """Whether something waits, or is still being played."""
        return bool(self._replies) or self.left_s > 0

    @property
    def left_s(self) -> float:
        """Seconds for which what has left is still being played."""
        if self._player_left_s is not None:
            return self._player_left_s()
        return max(0.0, self._until - self._clock())

    def put(self, reply_id: str, item_id: str, pcm: bytes) -> None:
        """Add sound of a reply."""
        reply = self._reply(reply_id)
        reply.item_id = item_id
        reply.sound += pcm
        self._news.set()

    def end(self, reply_id: str) -> None:
        """Say that a reply is whole."""
        if any(reply.id == reply_id for reply in self._replies):
            self._reply(reply_id).whole = True
            self._news.set()

    @property
    def heard(self) -> tuple[str, float] | None:
        """The item that is being played, and how many ms of it were heard; None while nothing plays."""
        if self._playing is None or not self.busy:
            return None
        return self._playing[0], max(0.0, self._playing[1] - self.left_s * 1000)

    def drop(self) -> tuple[str, float] | None:
        """Drop all that waits; return what was `heard` of it."""
        heard = self.heard
        had_room = self.room
        self._playing = None
        self._replies.clear()
        self._news.set()
        if not had_room:
            self._made_room()
        return heard

    def hush(self) -> None:
        """Note that the player was silenced: nothing that has left is played any more."""
        self._until = self._clock()

    def close(self) -> None:
        """Let `frames` end."""
        self._closed = True
        self._news.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield each frame when it is time for it."""
        while not self._closed:
            reply = self._next()
            if reply is None:
                self._news.clear()
                await self._news.wait()
                continue
            wait_s = self.left_s - self._lead_s if self._lead_s is not None else 0.0
            if wait_s > 0:
                await self._sleep(max(wait_s, LEAST_S))
                continue  # it may have been dropped by now
            yield self._take(reply)

    async def _sleep(self, seconds: float) -> None:
        """Wait for a time, or until it is closed or dropped."""
        self._news.clear()
        with_time = asyncio.get_running_loop().call_later(seconds, self._news.set)
        try:
            await self._news.wait()
        finally:
            with_time.cancel()

    def _reply(self, reply_id: str) -> _Reply:
        for reply in self._replies:
            if reply.id == reply_id:
                return reply
        self._replies.append(_Reply(reply_id))
        return self._replies[-1]

    def _next(self) -> _Reply | None:
        """Return the reply whose next frame is there; one that is whole and all out is over."""
        while self._replies:
            reply = self._replies[0]
            if len(reply.sound) >= self._frame or (reply.whole and reply.sound):
                return reply
            if not reply.whole:
                return None
            self._replies.popleft()
        return None

    def _take(self, reply: _Reply) -> bytes:
        had_room = self.room
        frame = bytes(reply.sound[: self._frame])
        del reply.sound[: self._frame]
        seconds = len(frame) / 2 / self._hz
        self._until = max(self._clock(), self._until) + seconds
        reply.left_ms += seconds * 1000
        self._playing = (reply.item_id, reply.left_ms)
        if reply.whole and not reply.sound:
            self._replies.popleft()
        if not had_room and self.room:
            self._made_room()
        return frame
