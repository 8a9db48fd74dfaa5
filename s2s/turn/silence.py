"""Silence: a turn ends when its speaker has been quiet for a while."""

from __future__ import annotations

from dataclasses import dataclass

from s2s.stage import Call
from s2s.turn.ear import Ear
from s2s.turn.endpointer import Endpointer


@dataclass(kw_only=True)
class Silence(Endpointer):
    """Ends each turn after the same silence."""

    silence_ms: int = 500
    soft_ms: int | None = 200

    def wait_ms(self, call: Call, ear: Ear, patience: float) -> float:
        """Return the silence that ends every turn."""
        return self.silence_ms * patience
