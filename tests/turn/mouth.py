"""A caller for turn stages: it speaks in hops, and is told what the stage says."""

from __future__ import annotations

import numpy as np

from s2s.messages import Activity, Asked, EndOfTurn, Speech, Transcript
from s2s.settings import Settings
from s2s.stage import Call
from s2s.turn.endpointer import Endpointer
from s2s.turn.silence import Silence

HOP_MS = 32


class Mouth:
    """A caller who speaks in hops of 32 ms, each of its own sample value."""

    def __init__(self, stage: Endpointer | None = None, settings: Settings | None = None) -> None:
        self.stage = stage or Silence()
        self.call = Call("caller", 1, settings or Settings())
        self.count = 0

    def say(self, *chances: float) -> list[Speech]:
        out = []
        for chance in chances:
            activity = Activity(pcm=hop(self.count), rate=16000, speech=chance, at_ms=self.count * HOP_MS)
            self.count += 1
            out += list(self.stage.run(self.call, activity))
        return out

    def tell(self, hint: Transcript | Asked | EndOfTurn) -> list[Speech]:
        return list(self.stage.run(self.call, hint))


def hop(number: int) -> bytes:
    return np.full(512, number, "<i2").tobytes()


def marks(speech: list[Speech]) -> list[str]:
    return [piece.mark for piece in speech]


def sound(speech: list[Speech]) -> bytes:
    return b"".join(piece.pcm for piece in speech)
