"""What a loudspeaker plays in another thread: blocks, how loud they were, and what of them was heard."""

from __future__ import annotations

import numpy as np
import pytest

from s2s.devices import Format
from s2s.line.loudspeaker import FADE_S, Loudspeaker
from tests.sounddevices import Flags

HZ = 16000
BLOCK = 320


class Clock:
    """Stands still until it is set."""

    now = 10.0

    def __call__(self) -> float:
        return self.now


def samples(ms: float, value: int = 1000) -> bytes:
    return value.to_bytes(2, "little", signed=True) * round(HZ * ms / 1000)


def speaker(clock: Clock, channels: int = 1) -> Loudspeaker:
    made = Loudspeaker(clock)
    made.tune(Format(HZ, channels))
    made.delayed(0.05)
    return made


def block(made: Loudspeaker, channels: int = 1, flags: Flags | None = None) -> np.ndarray:
    out = memoryview(bytearray(2 * BLOCK * channels))
    made.fill(out, BLOCK, None, flags or Flags())
    return np.frombuffer(out, "<i2")


def test_sound_is_played_in_blocks_and_silence_where_none_waits() -> None:
    made = speaker(Clock())
    made.put(samples(30), HZ)
    assert set(block(made)) == {1000}
    second = block(made)
    assert set(second[:160]) == {1000}
    assert not second[160:].any()
    assert not block(made).any()


def test_two_channels_say_the_same() -> None:
    made = speaker(Clock(), channels=2)
    made.put(np.arange(BLOCK, dtype="<i2").tobytes(), HZ)
    assert block(made, 2).reshape(-1, 2).tolist() == [[n, n] for n in range(BLOCK)]


def test_what_is_left_is_what_the_device_has_not_taken() -> None:
    made = speaker(Clock())
    assert made.left_s == 0
    made.put(samples(50), HZ)
    assert made.left_s == pytest.approx(0.05)
    block(made)
    assert made.left_s == pytest.approx(0.03)
    block(made)
    block(made)
    assert made.left_s == 0


def test_hushed_it_fades_and_is_silent() -> None:
    clock = Clock()
    made = speaker(clock)
    made.put(samples(500), HZ)
    block(made)
    made.hush()
    rest = block(made)
    fade = round(FADE_S * HZ)
    assert rest[0] == 1000
    assert all(np.diff(rest[:fade].astype(int)) <= 0)
    assert not rest[fade:].any()
    assert not block(made).any()
    made.hush()
    assert not block(made).any()


def test_a_gain_is_reached_within_a_block_and_without_a_step() -> None:
    made = speaker(Clock())
    made.put(samples(100), HZ)
    block(made)
    made.gain = 0.25
    slope = block(made).astype(int)
    assert slope[0] == 1000
    assert slope[-1] == 250
    assert abs(np.diff(slope)).max() <= 3
    assert set(block(made)) == {250}
    made.gain = 1.0
    block(made)
    assert set(block(made)) == {1000}


def test_how_loud_it_was_is_known_for_when_it_was_in_the_air() -> None:
    clock = Clock()
    made = speaker(clock)
    made.put(samples(20, 16384), HZ)
    block(made)  # it takes 50 ms to the air, at most
    assert made.sounding(9.0, 10.0) == 0
    assert made.sounding(9.9, 10.01) == pytest.approx(0.5)
    assert made.sounding(10.065, 10.2) == pytest.approx(0.5)
    assert made.sounding(10.07, 10.2) == 0


def test_sound_at_another_rate_is_converted() -> None:
    made = speaker(Clock())
    for _ in range(100):
        made.put(samples(10), 2 * HZ)
    assert made.left_s == pytest.approx(0.5, abs=0.05)


def test_late_blocks_are_counted() -> None:
    made = speaker(Clock())
    block(made, flags=Flags(output_underflow=True))
    block(made)
    assert made.underflows == 1
