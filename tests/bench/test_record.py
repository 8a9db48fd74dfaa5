"""The figures of many turns, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from s2s.bench.record import TurnRecord, figure, mean, percentile, summary, word_errors


def turn(number: int, **fields: object) -> TurnRecord:
    """A record."""
    return TurnRecord(caller=0, number=number, kind="plain", voice="a", said="the cat", **fields)  # type: ignore[arg-type]


def test_percentiles_are_values_that_came() -> None:
    data = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert [percentile(p)(data) for p in (0, 20, 50, 95, 100)] == [1.0, 1.0, 3.0, 5.0, 5.0]


def test_an_interval_holds_the_value_and_narrows_with_the_count() -> None:
    rng = np.random.default_rng(1)
    few, many = (figure(rng.normal(100, 10, count).tolist(), mean) for count in (10, 1000))
    assert few is not None and many is not None
    assert few.low < few.value < few.high and few.count == 10
    assert many.high - many.low < (few.high - few.low) / 3
    assert figure([], mean) is None
    assert figure([7.0], percentile(50)) == figure([7.0], mean)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    found = [figure(rng.normal(0, 1, 40).tolist(), mean, seed) for seed in range(200)]
    assert 0.82 < np.mean([f.low <= 0 <= f.high for f in found if f is not None]) < 0.96


def test_the_summary_counts_what_it_says() -> None:
    records = [
        turn(0, heard="the cat", gap_ms=300.0, parts={"stt": 100.0}, read=50, cached=40, written=10),
        turn(1, heard="the hat", gap_ms=500.0, parts={"stt": 140.0}, late_ms=30.0, read=30, written=20, cut_in=True),
        turn(2, missed=True),
        TurnRecord(caller=0, number=1, kind="interruption", voice="a", said="stop", stop_ms=120.0),
    ]
    values = {name: (found.value, found.count) for name, found in summary(records).items()}
    assert values == {
        "gap_p50": (300.0, 2),
        "gap_p95": (500.0, 2),
        "cut_ins": (pytest.approx(1 / 3), 3),
        "missed": (pytest.approx(1 / 3), 3),
        "glitches": (0.5, 2),
        "wer": (0.25, 2),
        "read": (20.0, 2),
        "written": (15.0, 2),
        "stop_p50": (120.0, 1),
        "stt_ms": (100.0, 2),
    }


def test_word_errors_are_counted_after_normalisation() -> None:
    assert word_errors("It's twenty-two, Dr. Smith!", "it is 22 doctor smith") == (0, 5)
    assert word_errors("the cat sat", "the dog sat down") == (2, 3)
    assert word_errors("...", "") == (0, 0)
