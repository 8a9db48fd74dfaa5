from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s.audio import (
    Resampler,
    Samples,
    alaw_decode,
    alaw_encode,
    duration_ms,
    float32,
    pcm16,
    ulaw_decode,
    ulaw_encode,
)

CODES = bytes(range(256))
EVERY = np.arange(-32768, 32768).astype("<i2")


def words(pcm: bytes) -> list[int]:
    return np.frombuffer(pcm, "<i2").tolist()


def tone(rate: int, seconds: float = 0.5) -> bytes:
    times = np.arange(round(rate * seconds)) / rate
    return pcm16((0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32))


def test_every_sample_survives_float_and_back() -> None:
    assert pcm16(float32(EVERY.tobytes())) == EVERY.tobytes()


def test_pcm16_rounds_and_clips() -> None:
    samples = np.array([-2.0, -1.0, 0.4 / 32768, 0.6 / 32768, 1.0, 2.0], np.float32)
    assert words(pcm16(samples)) == [-32768, -32768, 0, 1, 32767, 32767]


def test_half_a_sample_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"3 bytes.*carry it by Samples"):
        float32(b"abc")


def test_duration() -> None:
    assert duration_ms(bytes(960), 24000) == 20.0


@given(st.lists(st.binary(max_size=7)))
def test_odd_bytes_wait_for_their_other_half(chunks: list[bytes]) -> None:
    samples = Samples()
    out = [samples.push(chunk) for chunk in chunks]
    whole = b"".join(chunks)
    assert all(len(piece) % 2 == 0 for piece in out)
    assert b"".join(out) == whole[: len(whole) // 2 * 2]


@pytest.mark.parametrize(("rate", "hz"), [(24000, 16000), (8000, 16000), (48000, 16000), (22050, 24000), (16000, 8000)])
@given(sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=30))
@settings(max_examples=20, deadline=None)
def test_streamed_is_whole(rate: int, hz: int, sizes: list[int]) -> None:
    pcm = tone(rate)
    resampler, out, start = Resampler(hz), b"", 0
    for size in [*sizes, len(pcm)]:
        out += resampler.push(pcm[start : start + size], rate)
        start += size
    out += resampler.flush()
    assert out == pcm16(soxr.resample(float32(pcm), rate, hz))


def test_the_same_rate_passes_through_at_once() -> None:
    resampler = Resampler(16000)
    assert resampler.push(b"abc", 16000) == b"ab"
    assert resampler.push(b"d", 16000) == b"cd"
    assert resampler.flush() == b""


def test_another_rate_flushes_the_stream_before() -> None:
    resampler = Resampler(16000)
    out = resampler.push(tone(24000), 24000) + resampler.push(tone(8000), 8000) + resampler.push(tone(16000), 16000)
    whole = [soxr.resample(float32(tone(rate)), rate, 16000) for rate in (24000, 8000)]
    assert out + resampler.flush() == b"".join(map(pcm16, whole)) + tone(16000)


def test_a_flushed_resampler_begins_anew() -> None:
    resampler = Resampler(16000)
    once = resampler.push(tone(24000), 24000) + resampler.flush()
    assert resampler.push(tone(24000), 24000) + resampler.flush() == once
    assert abs(duration_ms(once, 16000) - 500) < 0.1


def test_ulaw_levels_are_those_of_g711() -> None:
    assert words(ulaw_decode(bytes([0x00, 0x0F, 0x10, 0x7E, 0x7F, 0x80, 0x8F, 0xEF, 0xFE, 0xFF]))) == [
        *(-32124, -16764, -15996, -8, 0, 32124, 16764, 132, 8, 0)
    ]


def test_alaw_levels_are_those_of_g711() -> None:
    assert words(alaw_decode(bytes([0x00, 0x2A, 0x55, 0x54, 0x80, 0xAA, 0xD5, 0xD4]))) == [
        *(-5504, -32256, -8, -24, 5504, 32256, 8, 24)
    ]


def test_g711_codes_survive_the_round_trip() -> None:
    assert alaw_encode(alaw_decode(CODES)) == CODES
    # the negative zero of µ-law comes back as the positive one
    assert ulaw_encode(ulaw_decode(CODES)) == CODES.replace(b"\x7f", b"\xff")


def test_ulaw_codes_at_the_decision_values() -> None:
    loud = np.array([0, 3, 4, 11, 12, 32635, 32767, -3, -4, -32768], "<i2").tobytes()
    assert ulaw_encode(loud).hex(" ") == "ff ff fe fe fd 80 80 7f 7e 00"


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_g711_is_monotone_and_near(encode, decode) -> None:  # type: ignore[no-untyped-def]
    heard = np.frombuffer(decode(encode(EVERY.tobytes())), "<i2").astype(int)
    assert (np.diff(heard) >= 0).all()
    assert (np.abs(heard - EVERY) <= np.maximum(np.abs(EVERY.astype(int)) / 24, 16))[130:-130].all()
