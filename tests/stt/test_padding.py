"""How long sound is made for Whisper, and when it is heard again."""

from __future__ import annotations

import numpy as np
import pytest

from s2s.stt.padding import heard, longest, padded

LOOP = "it is yes " + "please " * 5


@pytest.mark.parametrize(
    ("texts", "length_s", "pad_s", "lengths", "text"),
    [
        (["hello there"], 2.0, 8.0, [8.0], "hello there"),
        (["hello there"], 6.0, 8.0, [10.0], "hello there"),
        (["hello there"], 29.0, 8.0, [30.0], "hello there"),
        ([LOOP, "hello there"], 2.0, 8.0, [8.0, 12.0], "hello there"),
        ([LOOP, LOOP, "hello there"], 2.0, 8.0, [8.0, 12.0, 30.0], "hello there"),
        ([LOOP, "hello there"], 2.0, 30.0, [30.0], LOOP),
        (["no way no way"] * 2, 2.0, 8.0, [8.0, 12.0], "no way no way"),
    ],
)
def test_sound_in_which_words_repeat_is_heard_again_with_more_silence(
    texts: list[str], length_s: float, pad_s: float, lengths: list[float], text: str
) -> None:
    asked: list[float] = []

    def hear(padded_s: float) -> str:
        asked.append(padded_s)
        return texts[len(asked) - 1]

    found = heard(hear, length_s, pad_s)
    assert asked == lengths
    assert found == text


def test_sound_is_padded_or_cut_to_whole_frames() -> None:
    sound = np.ones(16000, np.float32)
    long, short = padded(sound, 2.0), padded(sound, 0.5)
    assert (len(long), long.sum()) == (32000, 16000)
    assert (len(short), short.sum()) == (8000, 8000)
    assert longest(0) == 16
    assert longest(10) == 96
