"""Whisper on sound padded to less than the 30 s of its training, and heard again with more where it repeats itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from s2s.stt.recognizer import RATE
from s2s.stt.words import endless, repeats, said_once

TAIL_S = 4.0
"""Silence after the last word, without which Whisper repeats itself."""
LONGEST_S = 30.0
AGAIN_S = (12.0, LONGEST_S)
"""Lengths to which sound is padded that has to be heard again."""
TOKENS_PER_S = 8
NO_SPEECH = 0.6
UNSURE = -1.0
"""Words are noise where no speech is likelier than this and their mean log-probability is lower: Whisper's own rule."""


def heard(hear: Callable[[float], str], length_s: float, pad_s: float) -> str:
    """Return what `hear` gives for sound of `length_s`, padded to the seconds that it is called with.

    Sound that has the model repeat itself is heard again with more silence after it, up to all that it knows from
    its training, unless it hears the same again and that is what people say, or nobody says it as fast: then once
    is enough.
    """
    padded_s = min(max(pad_s, length_s + TAIL_S), LONGEST_S)
    text = said_once(hear(padded_s), length_s)
    for more_s in AGAIN_S:
        if more_s <= padded_s or not repeats(text):
            continue
        text, before = hear(more_s), text
        if text == before and not endless(text):
            break
    return text


def padded(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Return `samples` at 16 kHz with silence after them, or cut, to an even number of Whisper's frames."""
    sound = np.zeros(round(seconds * 50) * (RATE // 50), np.float32)
    taken = samples[: len(sound)]
    sound[: len(taken)] = taken
    return sound


def longest(length_s: float) -> int:
    """Return how many tokens sound of `length_s` may have: more are the model repeating itself."""
    return 16 + int(length_s * TOKENS_PER_S)
