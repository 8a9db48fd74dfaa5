"""Fused: a turn ends when waiting on would cost more than cutting the caller off, by all that is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from s2s.stage import Call
from s2s.turn.ear import Ear
from s2s.turn.endpointer import Endpointer
from s2s.turn.syntax import completeness

HEARD_WEIGHT, HEARD_LIMIT = 0.1, 3.0
"""How much the verdict of `endpoint` counts, in log-odds, and where it is taken as sure enough."""
ENDED, RESUMED, PAUSE_MS = 4.0, 2.0, 600.0
"""What is known of a caller who has not paused yet: turns ended, pauses within turns, and their mean length."""
LEAST_PAUSE_MS = 200.0
"""A shorter pause is one between words."""
CUT_MS = 800.0
"""A caller who begins again so soon after their turn was ended had not finished."""


@dataclass(kw_only=True)
class Costs:
    """What it costs to keep a caller waiting, for each 100 ms, and to cut one off."""

    delay_per_100ms: float = 1.0
    cut_in: float = 22.0

    def __post_init__(self) -> None:
        if self.delay_per_100ms <= 0 or self.cut_in < 0:
            raise ValueError("delay_per_100ms should be more than 0, and cut_in 0 or more")


@dataclass
class _Habits:
    """How one caller speaks: turns that ended, pauses after which they went on, and the sum of those.

    `said` is what they said last, `before` as much of it as they were cut off in and now go on with.
    """

    ended: float = ENDED
    resumed: float = RESUMED
    paused_ms: float = RESUMED * PAUSE_MS
    ended_at_ms: float = -math.inf
    ended_after_ms: float = 0.0
    said: str = ""
    before: str = ""

    def pause(self, quiet_ms: float) -> None:
        if quiet_ms >= LEAST_PAUSE_MS:
            self.resumed += 1
            self.paused_ms += quiet_ms


@dataclass(kw_only=True)
class Fused(Endpointer):
    """Weighs the words so far, their sound (from the stage `endpoint`), what the agent asked, and the caller's habits.

    Pauses within turns are taken as exponentially distributed, with the caller's own mean m. Waiting for another dt
    costs `delay_per_100ms` where the turn is over, and saves `cut_in` where the caller goes on in it; so the best
    wait is m ln(K / o), with o the odds that the turn is over and K = cut_in / (delay_per_100ms m / 100 ms).
    """

    costs: Costs = field(default_factory=Costs)
    shortest_ms: int = 200
    longest_ms: int = 3000
    unheard_ms: int = 700
    prepare_ms: int = 800

    def wait_ms(self, call: Call, ear: Ear, patience: float) -> float:
        """Return the silence that costs least; `unheard_ms` while the words of the turn are not known."""
        habits = _habits(call)
        mean_ms = habits.paused_ms / habits.resumed
        odds = math.log(habits.ended / habits.resumed)
        if ear.text is None and ear.ended is None:
            return self.unheard_ms * patience
        if ear.text is not None:
            odds += completeness(f"{habits.before} {ear.text}", call.memory.get("asked", ""))
        if ear.ended is not None:
            heard = math.log(max(ear.ended, 1e-6) / max(1 - ear.ended, 1e-6))
            odds += HEARD_WEIGHT * min(HEARD_LIMIT, max(-HEARD_LIMIT, heard))
        price = self.costs.cut_in * patience**2 / (self.costs.delay_per_100ms * mean_ms / 100)
        best_ms = mean_ms * (math.log(max(price, 1e-6)) - odds)
        return min(self.longest_ms * patience, max(self.shortest_ms, best_ms))

    def ripe_ms(self, call: Call, ear: Ear, wait_ms: float) -> float:
        """Return when an answer has to be begun to be there in time, which nobody knows before anything was heard."""
        unheard = ear.text is None and ear.ended is None
        return wait_ms if unheard else wait_ms - self.prepare_ms

    def resumed(self, call: Call, quiet_ms: float) -> None:
        """Learn from a pause."""
        _habits(call).pause(quiet_ms)

    def ended(self, call: Call, ear: Ear) -> None:
        """Learn from a turn that seems to be over."""
        habits = _habits(call)
        habits.ended += 1
        habits.ended_at_ms, habits.ended_after_ms = ear.now_ms, ear.quiet_ms
        habits.said = f"{habits.before} {ear.text or ''}".strip()

    def began(self, call: Call, ear: Ear) -> None:
        """Learn from a turn that was not over: its caller goes on at once."""
        habits = _habits(call)
        since_ms = ear.now_ms - ear.speech_ms - habits.ended_at_ms
        goes_on = since_ms < CUT_MS and not ear.split
        if goes_on:
            habits.ended -= 1
            habits.pause(habits.ended_after_ms + since_ms)
        habits.before = habits.said if goes_on else ""
        habits.ended_at_ms = -math.inf


def _habits(call: Call) -> _Habits:
    habits: _Habits | None = call.memory.get("habits")
    if habits is None:
        habits = call.memory["habits"] = _Habits()
    return habits
