from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.log_mel import filters, log_mel


def plain(samples: NDArray[np.float32], bands: int) -> NDArray[np.float64]:
    """The same features, of every frame by itself and in double precision."""
    padded = np.pad(samples.astype(np.float64), 200, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = [padded[at : at + 400] * hann for at in range(0, len(samples), 160)]
    power = np.abs(np.fft.rfft(np.stack(frames), axis=1)) ** 2
    logs = np.log10(np.maximum(filters(bands).astype(np.float64) @ power.T, 1e-10))
    return np.asarray((np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0)


def voice(seconds: float) -> NDArray[np.float32]:
    """Sound in which no frame is like another."""
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16000))).astype(np.float32)


def even(value: float, seconds: float) -> NDArray[np.float32]:
    return np.full(round(seconds * 16000), value, np.float32)


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


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize(
    "parts",
    [
        (voice(1.0),),
        (voice(0.7), even(0.0, 2.0)),
        (voice(0.7123), even(0.0, 2.0)),
        (even(0.02, 2.0), voice(0.7)),
        (even(0.0, 2.0), voice(0.7)),
        (even(0.0, 1.0), voice(0.7), even(0.0, 2.0)),
        (even(0.02, 2.0), voice(0.7), even(0.0, 1.0)),
        (voice(0.3), even(0.0, 1.0), voice(0.3)),
        (voice(0.5), even(0.0, 0.02)),
        (voice(0.01), even(0.0, 1.0)),
    ],
)
def test_what_was_padded_is_as_if_every_frame_were_computed(parts: tuple[NDArray[np.float32], ...], bands: int) -> None:
    sound = np.concatenate(parts)
    assert log_mel(sound, bands) == pytest.approx(plain(sound, bands), abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.5, -0.25])
def test_sound_that_never_changes_has_one_frame_over_and_over(value: float) -> None:
    features = log_mel(even(value, 1.0), 80)
    assert features.shape == (80, 100) and (features == features[:, :1]).all()
    assert features == pytest.approx(plain(even(value, 1.0), 80), abs=1e-6)
