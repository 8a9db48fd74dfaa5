from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.tts.loudness import KNEE, gain_to, limited, trimmed, without_lead

RATE = 22050


def tone(seconds: float, peak: float) -> NDArray[np.float32]:
    time = np.arange(int(RATE * seconds)) / RATE
    return (peak * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


@pytest.mark.parametrize("peak", [0.05, 0.4, 1.0])
def test_speech_comes_to_the_level_whatever_its_pauses(peak: float) -> None:
    speech = np.concatenate([np.zeros(RATE, np.float32), tone(1, peak), np.zeros(RATE // 2, np.float32)])
    made = tone(1, peak) * gain_to(-20, speech, RATE)
    assert 20 * np.log10(np.sqrt(np.square(made).mean())) == pytest.approx(-20, abs=0.2)


def test_silence_is_not_made_much_of() -> None:
    assert gain_to(-20, np.zeros(RATE, np.float32), RATE) == pytest.approx(10)
    assert gain_to(-20, np.zeros(3, np.float32), RATE) == pytest.approx(10)


def test_quiet_samples_pass_and_loud_ones_stay_within_full_scale() -> None:
    samples = np.linspace(-3, 3, 6001, dtype=np.float32)
    bent = limited(samples)
    quiet = np.abs(samples) <= KNEE
    assert np.array_equal(bent[quiet], samples[quiet])
    assert np.abs(bent).max() <= 1
    assert (np.diff(bent) >= 0).all() and np.abs(np.diff(bent)).max() < 1.01 * 6 / 6000  # no step at the knee
    assert bent.dtype == np.float32


@pytest.mark.parametrize("size", [1, 50, 1000, 5000])
def test_the_lead_is_dropped_in_pieces_of_any_size(size: int) -> None:
    word = tone(0.1, 0.5)
    speech = np.concatenate([np.full(1200, 0.001, np.float32), word, np.zeros(900, np.float32), word])
    begin = int(np.flatnonzero(np.abs(speech) >= 0.003)[0]) - 220
    pieces = list(without_lead(iter(np.split(speech, range(size, len(speech), size))), 220))
    assert np.array_equal(np.concatenate(pieces), speech[begin:])
    assert np.abs(pieces[0]).max() >= 0.003


def test_speech_that_begins_at_once_is_left_alone() -> None:
    assert np.array_equal(np.concatenate(list(without_lead(iter([tone(0.1, 0.5)]), 220))), tone(0.1, 0.5))


def test_silence_has_no_first_word() -> None:
    assert list(without_lead(iter([np.zeros(500, np.float32)] * 3), 0)) == []


def test_speech_is_trimmed_on_both_sides() -> None:
    word = tone(0.1, 0.5)
    speech = np.concatenate([np.full(1200, 0.001, np.float32), word, np.full(900, 0.001, np.float32)])
    audible = np.flatnonzero(np.abs(speech) >= 0.003)
    assert np.array_equal(trimmed(speech, 220, 100), speech[audible[0] - 220 : audible[-1] + 101])
    assert np.array_equal(trimmed(word, 220, 100), word)
    assert trimmed(speech[:1200], 220, 100).size == 0
