"""Callers' sound on its way to a call, in virtual time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from s2s.line.intake import AHEAD_S, FASTER, TAIL_S, Intake
from tests.line.test_playout import HZ, sound, virtual


class Heard:
    """What a call hears, and when."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.pieces: list[tuple[float, bytes]] = []
        self.intake = Intake(HZ, self._hear, self.loop.time)
        self.task = asyncio.create_task(self.intake.run())

    async def _hear(self, pcm: bytes) -> None:
        assert len(pcm) % 2 == 0
        self.pieces.append((self.loop.time(), pcm))

    @property
    def sound(self) -> bytes:
        return b"".join(pcm for _, pcm in self.pieces)


@virtual
async def test_frames_of_any_size_are_heard_to_the_last_sample() -> None:
    heard = Heard()
    whole = np.arange(4000, dtype="<i2").tobytes()
    at = 0
    for size in (1, 3, 1023, 1025, 2, 999, 4000, 947):
        await heard.intake.put("one", whole[at : at + size])
        at += size
        await asyncio.sleep(0)
    assert at == len(whole)
    await asyncio.sleep(0.3)
    assert heard.sound[: len(whole)] == whole


@virtual
async def test_a_caller_in_real_time_is_heard_at_once_and_nothing_is_added() -> None:
    heard = Heard()
    for _ in range(500):
        await heard.intake.put("one", sound(20))
        await asyncio.sleep(0.02)
    assert heard.sound == sound(10_000)
    assert all(at == pytest.approx(0.02 * number) for number, (at, _) in enumerate(heard.pieces))
    await asyncio.sleep(5)
    assert heard.sound == sound(10_000) and not heard.intake.busy


@virtual
async def test_a_clock_that_is_a_little_fast_builds_no_backlog() -> None:
    heard = Heard()
    for number in range(6000):
        await heard.intake.put("one", sound(20))
        assert heard.loop.time() == pytest.approx(number * 0.0196), "nobody was held up"
        await asyncio.sleep(0.0196)
    assert heard.sound == sound(120_000)


@virtual
async def test_a_whole_file_in_one_frame_is_heard_at_the_pace_of_its_samples_and_silence_after_it() -> None:
    heard = Heard()
    await heard.intake.put("one", sound(10_000))
    await asyncio.sleep(20)
    speech = [(at, pcm) for at, pcm in heard.pieces if any(pcm)]
    assert b"".join(pcm for _, pcm in speech) == sound(10_000)
    assert speech[-1][0] == pytest.approx((10 - AHEAD_S) / FASTER, abs=0.1)
    assert heard.sound[len(sound(10_000)) :] == bytes(round(2 * TAIL_S * HZ))


@virtual
async def test_who_sends_faster_than_is_heard_is_held_up() -> None:
    heard = Heard()
    for _ in range(100):
        await heard.intake.put("one", sound(1000))
    assert heard.loop.time() > 90, "or its sound would fill the memory"


@virtual
async def test_two_who_speak_at_once_are_mixed_and_one_who_sends_nothing_is_not_waited_for() -> None:
    heard = Heard()
    await heard.intake.put("silent", sound(10, 7))
    await asyncio.sleep(1)
    for _ in range(50):
        await heard.intake.put("one", sound(32, 100))
        await heard.intake.put("two", sound(32, 20))
        await asyncio.sleep(0.032)
    assert heard.sound == sound(10, 7) + sound(1600, 120)
    await asyncio.sleep(1)
    for _ in range(10):
        await heard.intake.put("two", sound(20, 20))
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert heard.sound.endswith(sound(200, 20))


@virtual
async def test_loud_voices_are_clipped_not_wrapped() -> None:
    heard = Heard()
    await heard.intake.put("one", sound(32, 30000))
    await heard.intake.put("two", sound(32, 30000))
    await asyncio.sleep(0.1)
    assert heard.sound == sound(32, 32767)


@virtual
async def test_silence_follows_who_leaves_and_nothing_of_who_is_forgotten() -> None:
    heard = Heard()
    await heard.intake.put("one", sound(200))
    heard.intake.leave("one")
    await asyncio.sleep(10)
    assert heard.sound == sound(200) + bytes(round(2 * TAIL_S * HZ))
    await heard.intake.put("two", sound(1000, 5))
    heard.intake.forget("two")
    await asyncio.sleep(10)
    assert len(heard.sound) <= 2 * HZ * (0.2 + 2 * TAIL_S) + len(sound(500))
