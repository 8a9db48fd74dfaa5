from __future__ import annotations

import numpy as np
import pytest

from s2s.log_mel import filters, log_mel


def test_the_filters_are_slaneys() -> None:
    bank = filters(80)
    assert bank.shape == (80, 201)
    assert bank[0, :3].tolist() == pytest.approx([0.0, 0.024862595, 0.0], abs=1e-6)
    assert bank[79, 192] == pytest.approx(0.00316471, abs=1e-7)
    assert (bank.sum(axis=1) > 0).all()


def test_a_tone_is_in_its_band_and_each_frame_is_10_ms() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    features = log_mel(tone, 80)
    assert features.shape == (80, 100)
    assert set(features[:, 5:-5].argmax(axis=0)) == {int(filters(80)[:, 25].argmax())}  # 25 * 40 Hz


def test_the_range_is_eight_tens() -> None:
    features = log_mel(np.random.default_rng(0).standard_normal(16000).astype(np.float32), 128)
    assert features.shape == (128, 100)
    assert features.max() - features.min() <= 2.0 + 1e-6
    assert log_mel(np.zeros(16000, np.float32), 80) == pytest.approx(-1.5)
