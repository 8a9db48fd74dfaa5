"""The resampler that the graph inserts: streamed is whole, and what an item says travels with it."""

from __future__ import annotations

import numpy as np
import pytest

from s2s.audio import Resampler
from s2s.messages import Audio, Sound, Speech
from s2s.resample import Resample
from s2s.settings import Settings
from s2s.stage import Call


def tone(rate: int, seconds: float = 1.0) -> bytes:
    return (np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * 440 / rate) * 8000).astype("<i2").tobytes()


@pytest.fixture
def call() -> Call:
    return Call("a", 1, Settings())


def test_audio_streams_as_the_whole_and_keeps_its_place_on_the_clock(call: Call) -> None:
    stage, pcm = Resample(hz=16_000), tone(24_000)
    out = []
    for start in range(0, len(pcm), 960):
        out += stage.run(call, Audio(pcm=pcm[start : start + 960], rate=24_000, at_ms=500 + start / 48))
    out += stage.finish(call)
    whole = Resampler(16_000, at_once=True)
    told, truth = b"".join(item.pcm for item in out), whole.push(pcm, 24_000) + whole.flush()
    assert np.abs(np.frombuffer(told, "<i2").astype(int) - np.frombuffer(truth, "<i2")).max() <= 1
    clock = 500.0
    for item in out:
        assert isinstance(item, Audio)
        assert item.rate == 16_000
        assert item.at_ms == pytest.approx(clock, abs=0.1)
        clock += len(item.pcm) / 32
    assert clock == pytest.approx(1500, abs=0.1)
    assert call.state == {}


def test_sound_at_the_wanted_rate_passes_as_it_is(call: Call) -> None:
    item = Sound(pcm=b"\1\0" * 10, rate=16_000, index=3, until=7, text="hi")
    assert list(Resample(hz=16_000).run(call, item)) == [item]
    assert list(Resample(hz=16_000).finish(call)) == []


def test_sound_keeps_its_clause(call: Call) -> None:
    stage = Resample(hz=16_000)
    out = [*stage.run(call, Sound(pcm=tone(24_000), rate=24_000, index=3, until=7, text="hi")), *stage.finish(call)]
    assert {(item.index, item.until, item.text) for item in out if isinstance(item, Sound)} == {(3, 7, "hi")}


def test_a_mark_travels_even_without_sound_and_an_end_takes_all_with_it(call: Call) -> None:
    stage, pcm = Resample(hz=16_000), tone(48_000, 0.3)
    pieces = [
        Speech(pcm=pcm[:2], rate=48_000, mark="start", at_ms=100),
        Speech(pcm=pcm[2:], rate=48_000, mark="pause", at_ms=400),
        Speech(pcm=b"", rate=48_000, mark="end", at_ms=420),
    ]
    out = [o for piece in pieces for o in stage.run(call, piece)]
    assert [(o.mark, o.at_ms) for o in out if isinstance(o, Speech)] == [("start", 100), ("pause", 400), ("end", 420)]
    assert sum(len(o.pcm) for o in out) == pytest.approx(0.3 * 32_000, abs=4)
    assert list(stage.finish(call)) == []


def test_a_batch_is_each_alone_whatever_the_rates_and_lengths() -> None:
    stage = Resample(hz=16_000)
    rates = (24_000, 24_000, 16_000, 8_000, 44_100, 24_000)
    together, alone = ([Call(str(row), 1, Settings()) for row in range(len(rates))] for _ in range(2))
    for number in range(6):
        sizes = [960] * 5 + [959 if number == 2 else 960]
        items = [
            Audio(pcm=tone(rate, 0.3)[960 * number : 960 * number + size], rate=rate, at_ms=number)
            for rate, size in zip(rates, sizes, strict=True)
        ]
        heard = stage.run_batch(together, items)
        for row, item in enumerate(items):
            truth = [out for out in stage.run(alone[row], item) if isinstance(out, Audio)]
            assert [(o.rate, o.at_ms, len(o.pcm)) for o in heard[row]] == [(o.rate, o.at_ms, len(o.pcm)) for o in truth]
            mine, theirs = (np.frombuffer(b"".join(o.pcm for o in outs), "<i2") for outs in (heard[row], truth))
            assert np.abs(mine.astype(int) - theirs).max(initial=0) <= 1
