"""What waits for a client: in order, dropped where nobody wants it, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from s2s.realtime.outbox import FULL_BYTES, ROOM_BYTES, Frame, Outbox

pytestmark = pytest.mark.anyio


async def taken(box: Outbox) -> list[bytes]:
    box.close()
    frames = []
    while (frame := await box.get()) is not None:
        frames.append(frame.data)
    return frames


async def test_frames_come_in_order_and_the_rest_comes_after_closing() -> None:
    box = Outbox()
    for number in range(3):
        box.put(Frame(b"%d" % number))
    assert await taken(box) == [b"0", b"1", b"2"]
    box.put(Frame(b"late"))
    assert await taken(box) == []


async def test_what_streams_of_a_cut_response_is_dropped_and_nothing_else() -> None:
    box = Outbox()
    for frame in (Frame(b"a"), Frame(b"b", "r1"), Frame(b"c", "r2"), Frame(b"d")):
        box.put(frame)
    box.drop("r1")
    assert await taken(box) == [b"a", b"c", b"d"]


async def test_there_is_room_until_much_waits_and_again_once_it_was_read() -> None:
    box = Outbox()
    box.put(Frame(bytes(ROOM_BYTES - 1)))
    assert box.room
    box.put(Frame(b"x", "r"))
    assert not box.room
    box.drop("r")
    assert box.room
    box.put(Frame(b"x"))
    await box.get()
    assert box.room


async def test_requests_wait_while_far_too_much_does() -> None:
    box = Outbox()
    box.put(Frame(bytes(FULL_BYTES)))
    waiting = asyncio.create_task(box.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    await box.get()
    await waiting


async def test_get_waits_for_a_frame() -> None:
    box = Outbox()
    waiting = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    box.put(Frame(b"now"))
    assert await waiting == Frame(b"now")
