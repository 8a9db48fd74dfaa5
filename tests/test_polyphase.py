"""The resampler that holds nothing back: late by a known shift, otherwise what soxr makes of the same sound."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s.audio import float32, pcm16
from s2s.polyphase import Polyphase, is_simple, push_together


def noise(rate: int, seconds: float = 0.5) -> bytes:
    """Noise up to 5 kHz, which every rate here holds."""
    spectrum = np.fft.rfft(np.random.default_rng(7).normal(0, 0.1, round(rate * seconds)))
    spectrum[round(3000 * seconds) :] = 0
    return pcm16(np.fft.irfft(spectrum).astype(np.float32))


@pytest.mark.parametrize(("rate", "hz"), [(24000, 16000), (8000, 16000), (48000, 16000), (32000, 16000), (16000, 8000)])
@given(sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=30))
@settings(max_examples=20, deadline=None)
def test_streamed_is_whole(rate: int, hz: int, sizes: list[int]) -> None:
    pcm = noise(rate)
    whole = Polyphase(rate, hz)
    truth = np.frombuffer(whole.push(pcm) + whole.flush(), "<i2").astype(int)
    stream, out, start = Polyphase(rate, hz), b"", 0
    for size in [*sizes, len(pcm)]:
        out += stream.push(pcm[2 * start : 2 * (start + size)])
        start += size
    told = np.frombuffer(out + stream.flush(), "<i2").astype(int)
    assert len(told) == len(truth) == -(-len(pcm) // 2 * hz // rate)
    assert np.abs(told - truth).max() <= 1, "a matrix product rounds as its size wants it"


@pytest.mark.parametrize(("rate", "hz"), [(24000, 16000), (8000, 16000), (48000, 16000), (16000, 8000)])
def test_it_is_what_soxr_makes_but_for_its_shift(rate: int, hz: int) -> None:
    pcm = noise(rate)
    stream = Polyphase(rate, hz)
    shift = stream.shift_s * hz
    assert shift == pytest.approx(round(shift)), "or the two can not be compared sample by sample"
    assert stream.shift_s <= 0.003
    out = float32(stream.push(pcm))[round(shift) :]
    truth = soxr.resample(float32(pcm), rate, hz)[: len(out)]
    assert np.abs(out - truth)[200:-200].max() < 10 ** (-66 / 20)


@pytest.mark.parametrize("rate", [8000, 24000, 32000, 48000])
@pytest.mark.parametrize("ms", [10, 20, 32, 40])
def test_nothing_is_held_back_of_frames_of_whole_milliseconds(rate: int, ms: int) -> None:
    stream = Polyphase(rate, 16000)
    for _ in range(20):
        assert len(stream.push(bytes(2 * rate * ms // 1000))) == 32 * ms


@pytest.mark.parametrize("callers", [1, 2, 7])
def test_together_is_each_alone(callers: int) -> None:
    pcm = noise(24000, 1.0)
    alone, together = ([Polyphase(24000, 16000) for _ in range(callers)] for _ in range(2))
    for at in range(0, 20000, 1920):
        pieces = [pcm[at + 96 * row : at + 96 * row + 1920] for row in range(callers)]
        given = push_together(together, pieces)
        for stream, piece, heard in zip(alone, pieces, given, strict=True):
            truth = np.frombuffer(stream.push(piece), "<i2").astype(int)
            assert np.abs(np.frombuffer(heard, "<i2") - truth).max() <= 1
    assert [stream.flush() for stream in together] == [stream.flush() for stream in alone]


def test_less_than_2_ms_wait_of_any_other() -> None:
    stream, given, taken = Polyphase(24000, 16000), 0.0, 0.0
    for size in (1, 7, 1000, 1023, 441, 2):
        given += len(stream.push(bytes(2 * size))) / 32
        taken += size / 24
        assert 0 <= taken - given < 2


@pytest.mark.parametrize(("hertz", "decibel"), [(200, 0), (3000, 0), (6800, -0.5), (8700, -70), (11000, -70)])
def test_what_16_khz_can_not_hold_is_filtered_out(hertz: int, decibel: float) -> None:
    tone = 0.9 * np.sin(2 * np.pi * hertz * np.arange(24000) / 24000).astype(np.float32)
    heard = float32(Polyphase(24000, 16000).push(pcm16(tone)))[1000:-1000] / 0.9
    level = 20 * np.log10(np.sqrt(2 * np.mean(heard**2)) + 1e-9)
    assert level <= decibel if decibel == -70 else abs(level) <= 0.5


def test_what_is_too_loud_is_clipped() -> None:
    square = np.where(np.arange(4800) // 40 % 2, 32767, -32768).astype("<i2").tobytes()
    heard = np.frombuffer(Polyphase(24000, 16000).push(square), "<i2")
    assert heard.max() == 32767
    assert heard.min() == -32768


@pytest.mark.parametrize(("rate", "hz", "simple"), [(24000, 16000, True), (8000, 16000, True), (22050, 16000, False)])
def test_ratios_of_small_numbers_are_simple(rate: int, hz: int, simple: bool) -> None:
    assert is_simple(rate, hz) is simple
