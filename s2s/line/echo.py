"""What a microphone hears of the loudspeaker beside it, and how the caller is told from it, without a canceller."""

from __future__ import annotations

import math
from typing import Literal, Protocol

Policy = Literal["half-duplex", "duck", "none"]

REVERB_S = 0.25
"""Seconds for which a sound is still in the room."""
AUDIBLE = 0.002
"""A loudspeaker that is quieter than this, of 1, gives no echo that counts."""
VOICE = 0.006
"""Who is quieter than this, of 1, says nothing."""
SOMETHING = 2.0
"""How much louder than the expected echo something is that makes the agent quieter: 6 dB."""
SOMEBODY = 4.0
"""How much louder than its echo somebody is who may interrupt: 12 dB, which a quiet agent gives for nothing."""
QUIET = 0.25
"""The gain of an agent that somebody may be speaking into: 12 dB less."""
LONG_S = 0.25
"""Seconds of somebody that interrupt."""
GAP_S = 0.3
"""Seconds without anything after which nobody speaks."""
DOUBT_S = 1.0
"""Seconds of something that never becomes somebody: it is the echo, louder than was expected."""
COUPLING = 1.0
"""How loud the echo is of a sound of 1, until it has been heard: more than most desks give, so it interrupts nobody."""
RISES_S, FALLS_S = 0.3, 1.0
"""Seconds in which the expected echo follows a louder one and a quieter one."""


class Echo(Protocol):
    """Decides what of a microphone's sound is heard; `gain` is how loud the agent may be meanwhile."""

    gain: float

    def hear(self, pcm: bytes, seconds: float, level: float, sounding: float) -> bytes:
        """Return what is heard of a piece; `level` is its loudness, `sounding` that of what the agent says, 0 to 1."""


def echo(policy: Policy) -> Echo:
    """Return who decides by a policy."""
    kinds: dict[Policy, type[HalfDuplex] | type[Duck] | type[Headphones]] = {
        "half-duplex": HalfDuplex,
        "duck": Duck,
        "none": Headphones,
    }
    return kinds[policy]()


class Headphones:
    """Hears everything: nothing comes back."""

    gain = 1.0

    def hear(self, pcm: bytes, seconds: float, level: float, sounding: float) -> bytes:
        """Return the piece."""
        return pcm


class HalfDuplex:
    """Hears nothing while the agent is in the room."""

    gain = 1.0

    def hear(self, pcm: bytes, seconds: float, level: float, sounding: float) -> bytes:
        """Return the piece, or nothing."""
        return pcm if sounding < AUDIBLE else b""


class Duck:
    """Makes the agent quieter for who may be speaking, and hears them if they are louder than its echo, and go on.

    Their sound waits meanwhile, and is heard from its beginning or as silence. A quieter agent has a quieter echo,
    while a caller is as loud as before: so what was taken for one by mistake falls back.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        self.coupling = COUPLING
        self._held = bytearray()
        self._open = False
        self._since_s = self._sure_s = self._gap_s = 0.0

    def hear(self, pcm: bytes, seconds: float, level: float, sounding: float) -> bytes:
        """Return the piece and what waited before it, as much silence, or nothing while it waits."""
        if sounding < AUDIBLE:
            return self._take() + pcm
        ratio = level / sounding if level > VOICE else 0.0
        something = ratio > SOMETHING * self.coupling
        if not something and not self._open:
            self._learn(level / sounding, seconds)
        if self._open:
            self._gap_s = 0.0 if something else self._gap_s + seconds
            if self._gap_s > GAP_S:
                self._forget()
            return pcm
        if self.gain == 1:
            if not something:
                return bytes(len(pcm))
            self.gain = QUIET
        return self._weigh(pcm, seconds, something, ratio > SOMEBODY * self.coupling)

    def _weigh(self, pcm: bytes, seconds: float, something: bool, somebody: bool) -> bytes:
        """Hold a piece until it is known whether somebody speaks."""
        self._held += pcm
        self._since_s += seconds
        self._sure_s += seconds if somebody else 0.0
        self._gap_s = 0.0 if something else self._gap_s + seconds
        if self._sure_s >= LONG_S:
            self._open, held = True, bytes(self._held)
            self._held.clear()
            return held
        if self._since_s > DOUBT_S and self._gap_s == 0:
            self.coupling *= SOMETHING
        elif self._gap_s <= GAP_S:
            return b""
        silence = bytes(len(self._held))
        self._forget()
        return silence

    def _learn(self, ratio: float, seconds: float) -> None:
        """Follow how loud the echo is, a louder one sooner."""
        step = 1 - math.exp(-seconds / (RISES_S if ratio > self.coupling else FALLS_S))
        self.coupling += step * (ratio - self.coupling)

    def _take(self) -> bytes:
        """Return what waited for the end of the agent's sound."""
        held = bytes(self._held)
        self._forget()
        return held

    def _forget(self) -> None:
        self.gain, self._open = 1.0, False
        self._held.clear()
        self._since_s = self._sure_s = self._gap_s = 0.0
