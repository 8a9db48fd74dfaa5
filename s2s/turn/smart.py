"""Smart: a turn ends after a short silence where a model of speech takes it as complete, else after a long one."""

from __future__ import annotations

from dataclasses import dataclass

from s2s.stage import Call
from s2s.turn.ear import Ear
from s2s.turn.endpointer import Endpointer


@dataclass(kw_only=True)
class Smart(Endpointer):
    """Believes the stage `endpoint`, which listens to the end of what was said."""

    complete: float = 0.5
    silence_ms: int = 200
    longest_ms: int = 3000
    unheard_ms: int = 800
    soft_ms: int | None = 96

    def wait_ms(self, call: Call, ear: Ear, patience: float) -> float:
        """Return the short silence for a turn that sounds complete, the long one for any other."""
        if ear.ended is None:
            return self.unheard_ms * patience
        return self.silence_ms if ear.ended >= self.complete else self.longest_ms * patience
