"""A reducer whose every step is checked."""

from __future__ import annotations

from typing import Any

import msgspec

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.invariants import Ledger
from s2s.conversation.reducer import step
from s2s.conversation.state import State


class Bench:
    """A reducer with its ledger: every step is checked."""

    def __init__(self, **changes: Any) -> None:
        self.state = State(prefix="t_", **changes)
        self.ledger = Ledger()
        self.now = 0.0
        self.told: list[f.Fact] = []
        self.effects: list[ev.Effect] = []

    def do(self, event: ev.Event) -> list[f.Fact]:
        """Take a step, check it, and return what is told."""
        self.now += 0.01
        event = msgspec.structs.replace(event, at=self.now)
        before = self.state
        self.state, effects = step(before, event)
        again, same = step(before, event)
        assert (again, same) == (self.state, effects), "a step depends on nothing but its state and event"
        self.ledger.stepped(event, self.state, effects)
        self.effects.extend(effects)
        told = [effect.fact for effect in effects if isinstance(effect, ev.Tell)]
        self.told.extend(told)
        return told

    @property
    def scopes(self) -> list[int]:
        """Every scope ever opened, the revoked and finished ones included: late work comes from those too."""
        return sorted(self.ledger.opened)
