"""What a microphone hears, from another thread: in order, with its loudness, and what is lost is counted."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from s2s.devices import Format
from s2s.line.microphone import Microphone, level
from tests.line.test_loudspeaker import BLOCK, HZ, Clock, samples
from tests.sounddevices import Flags


@pytest.mark.anyio
async def test_blocks_come_in_order_from_another_thread_with_their_loudness() -> None:
    clock = Clock()
    made = Microphone(clock)
    made.tune(Format(HZ, 2), 20)
    made.delayed(0.04)
    pieces = made.pieces()
    waiting = asyncio.ensure_future(pieces.__anext__())
    stereo = np.repeat(np.frombuffer(samples(20, 16384), "<i2"), 2)
    stereo[1::2] = 7
    await asyncio.to_thread(made.capture, stereo.tobytes(), BLOCK, None, Flags())
    first = await asyncio.wait_for(waiting, 5)
    assert first.pcm == samples(20, 16384), "the first of two channels"
    assert (first.hz, first.since, first.at) == (HZ, pytest.approx(9.94), 10.0)
    assert (first.seconds, first.level) == (pytest.approx(0.02), pytest.approx(0.5))
    await asyncio.to_thread(made.capture, bytes(4 * BLOCK), BLOCK, None, Flags(input_overflow=True))
    assert (await asyncio.wait_for(pieces.__anext__(), 5)).level == 0
    assert (made.overflows, made.dropped) == (1, 0)


@pytest.mark.anyio
async def test_who_does_not_take_it_in_time_loses_the_oldest_and_it_is_counted() -> None:
    made = Microphone(Clock())
    made.tune(Format(HZ, 1), 20)
    for number in range(103):
        made.capture(samples(20, number), BLOCK, None, Flags())
    assert made.dropped == 3
    assert (await made.pieces().__anext__()).pcm == samples(20, 3)


def test_loudness_is_the_root_of_the_mean_square() -> None:
    assert level(np.zeros(0, "<i2")) == 0
    assert level(np.array([-32768, 32767], "<i2")) == pytest.approx(1, abs=1e-4)
    wave = np.round(32767 * np.sin(np.arange(16000) / 10)).astype("<i2")
    assert level(wave) == pytest.approx(2**-0.5, abs=1e-3)
