"""An agent's sound on its way to a player, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from s2s.line.playout import ROOM_S, Playout
from s2s.testing.clock import run_virtual

HZ = 16000


def sound(ms: int, level: int = 1) -> bytes:
    return level.to_bytes(2, "little") * (HZ * ms // 1000)


class Player:
    """Takes frames as they come, with the time at which each did."""

    def __init__(self, frame_ms: float = 100, lead_s: float | None = 0.5) -> None:
        self.loop = asyncio.get_running_loop()
        self.asked = 0
        self.playout = Playout(HZ, frame_ms, lead_s, self.loop.time, self._more)
        self.frames: list[tuple[float, bytes]] = []
        self.task = asyncio.create_task(self._take())

    def _more(self) -> None:
        self.asked += 1

    async def _take(self) -> None:
        async for frame in self.playout.frames():
            self.frames.append((round(self.loop.time(), 3), frame))

    @property
    def heard(self) -> bytes:
        return b"".join(frame for _, frame in self.frames)


def virtual(test: Callable[[], Awaitable[Any]]) -> Callable[[], None]:
    """Run a test in virtual time."""

    def run() -> None:
        run_virtual(test())  # type: ignore[arg-type]

    return run


@virtual
async def test_frames_are_whole_but_for_the_last_of_a_reply() -> None:
    player = Player(lead_s=None)
    for piece in (30, 90, 7, 200, 3):
        player.playout.put("a", "item", sound(piece))
        await asyncio.sleep(0)
    player.playout.end("a")
    player.playout.put("b", "item2", sound(50, 2))
    player.playout.end("b")
    await asyncio.sleep(0.01)
    assert [len(frame) // 32 for _, frame in player.frames] == [100, 100, 100, 30, 50]
    assert player.heard == sound(330) + sound(50, 2)


@virtual
async def test_without_a_lead_sound_leaves_as_it_is_made() -> None:
    player = Player(lead_s=None)
    player.playout.put("a", "item", sound(20_000))
    await asyncio.sleep(0.01)
    assert len(player.frames) == 200 and {at for at, _ in player.frames} == {0.0}


@virtual
async def test_sound_leaves_no_further_ahead_of_its_playing_than_the_lead() -> None:
    player = Player(lead_s=0.5)
    player.playout.put("a", "item", sound(2000))
    player.playout.end("a")
    await asyncio.sleep(3)
    assert [at for at, _ in player.frames] == [0.0] * 6 + [round(0.1 * n, 3) for n in range(1, 15)]
    assert player.heard == sound(2000) and not player.playout.busy


@virtual
async def test_what_is_dropped_does_not_leave_and_what_was_heard_is_told() -> None:
    player = Player(lead_s=0.2)
    player.playout.put("a", "item", sound(5000))
    await asyncio.sleep(1.0)
    assert player.playout.drop() == ("item", pytest.approx(1000, abs=1))
    assert player.playout.drop() is None, "it was told"
    sent = len(player.heard)
    player.playout.put("b", "other", sound(100, 2))
    player.playout.end("b")
    await asyncio.sleep(1.0)
    assert player.heard[sent:] == sound(100, 2)


@virtual
async def test_nothing_was_heard_of_what_was_played_to_its_end() -> None:
    player = Player()
    player.playout.put("a", "item", sound(300))
    player.playout.end("a")
    await asyncio.sleep(1.0)
    assert player.playout.drop() is None


@virtual
async def test_more_is_asked_for_when_there_is_room_again() -> None:
    player = Player(lead_s=0.1)
    player.playout.put("a", "item", sound(round(ROOM_S * 1000) + 500))
    assert not player.playout.room
    await asyncio.sleep(0.05)
    assert player.asked == 0
    await asyncio.sleep(0.6)
    assert player.asked == 1 and player.playout.room


@virtual
async def test_dropping_makes_room_too() -> None:
    player = Player(lead_s=0.1)
    player.playout.put("a", "item", sound(10_000))
    player.playout.drop()
    assert player.asked == 1 and player.playout.room


@virtual
async def test_frames_end_when_it_is_closed_while_they_wait() -> None:
    player = Player(lead_s=0.1)
    player.playout.put("a", "item", sound(10_000))
    await asyncio.sleep(0.3)
    player.playout.close()
    await asyncio.wait_for(player.task, 0.01)
