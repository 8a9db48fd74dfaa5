"""The sound of a simulated caller: a script's speech, cut into frames that a microphone could have sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from s2s.testing.simulation.ear import stretches
from s2s.testing.simulation.script import Act

RATE = 16000
FINE_S = 0.7
"""Seconds of silence that come in frames as short as those of speech: by then a turn is over."""
IDLE_S = 1.0
"""Seconds of one frame of the silence that follows."""


class Frame(msgspec.Struct, frozen=True):
    """`samples` of speech, or of silence, the last of which is recorded `at` seconds."""

    at: float
    samples: int
    loud: bool


def frames(acts: Sequence[Act], frame_s: float, tail_s: float) -> Iterator[Frame]:
    """Yield what is said, and the silence before, between and `tail_s` after; after a `mute` nothing comes at all."""
    now = 0.0
    muted = False
    for begin, end, mute in stretches(acts):
        if not muted:
            yield from _silence(now, begin, frame_s)
        yield from _cut(begin, end, frame_s, loud=True)
        now, muted = end, mute
    if not muted:
        yield from _silence(now, now + tail_s, frame_s)


def _silence(begin: float, end: float, frame_s: float) -> Iterator[Frame]:
    fine = min(end, begin + FINE_S)
    yield from _cut(begin, fine, frame_s, loud=False)
    yield from _cut(fine, end, IDLE_S, loud=False)


def _cut(begin: float, end: float, frame_s: float, loud: bool) -> Iterator[Frame]:
    """Cut a stretch at whole samples, so that all frames together are as long as it is."""
    first, last, size = round(begin * RATE), round(end * RATE), round(frame_s * RATE)
    for at in range(first, last, size):
        until = min(at + size, last)
        yield Frame(until / RATE, until - at, loud)
