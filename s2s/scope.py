"""A scope: a piece of a call's work that is kept, committed or revoked as one.

It counts its items in flight for each stage, so that it knows when a stage's input has ended and when all is out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from s2s.gate import Gate
from s2s.metrics import Marks
from s2s.plan import Plan
from s2s.settings import Settings
from s2s.stage import Call

FIRST_S = 0.5
"""Seconds after the end of a turn when its answer's first sound is taken to be due."""
LEAD_S = 1.0
"""Seconds before the sound already sent has been played by which the next words are due: they have to be spoken yet."""
OPEN_S = 2.0
"""Seconds that work on a turn that is still open may take."""


class Scope:
    """One turn revision, one response, or the listening itself (`listening`), of one call.

    Scopes of one `lane` are worked on in the order in which they were asked for: 0 is the conversation's own.
    """

    def __init__(
        self,
        call_id: str,
        number: int,
        plan: Plan,
        settings: Settings,
        now: float,
        memories: dict[str, dict[str, Any]],
        listening: bool = False,
        lane: int = 0,
    ) -> None:
        self.call_id = call_id
        self.number = number
        self.plan = plan
        self.settings = settings
        self.since = now
        self.live = True
        self.committed = listening
        self.listening = listening
        self.lane = lane
        self.ended = False
        self.drained_told = False
        self.gate = Gate()
        self.marks = Marks(now)
        self.jobs: set[asyncio.Task[None]] = set()
        self.sound_until: float | None = None
        self._counts: dict[str, int] = {}
        self._open: dict[str, set[str]] = {name: set(lefts) for name, lefts in plan.producers.items()}
        self._leaders = set(plan.leaders)
        self._finishing: set[str] = set()
        self._drained: set[str] = set()
        self._views: dict[str, Call] = {}
        self._memories = memories

    def view(self, stage: str) -> Call:
        """The call as this stage sees it in this scope."""
        found = self._views.get(stage)
        if found is None:
            memory = self._memories.setdefault(stage, {})
            found = self._views[stage] = Call(self.call_id, self.number, self.settings, memory)
            found.due, found.playing = self._first_or_next()
        return found

    def rebind(self, settings: Settings) -> None:
        """Let the listening go on under new settings."""
        self.settings = settings
        for view in self._views.values():
            view.settings = settings

    def revoke(self) -> None:
        """Want nothing of it any more."""
        self.live = False
        for view in self._views.values():
            view.live = False
        self.gate.clear()

    def count(self, stage: str, change: int) -> None:
        """Note an item that has come for a stage (+1) or that the stage is done with (-1)."""
        self._counts[stage] = self._counts.get(stage, 0) + change

    def in_flight(self) -> int:
        """How many items are on their way or in work."""
        return sum(self._counts.values())

    def due(self, now: float) -> float:
        """When what this scope works on is needed, in loop seconds.

        A first sound is due soon after the turn has ended, the next somewhat before what was sent has been played; a
        turn that is still open can wait.
        """
        if self.listening:
            return now
        return self._first_or_next()[0] if self.ended else now + OPEN_S

    def _first_or_next(self) -> tuple[float, bool]:
        if self.sound_until is None:
            return self.since + FIRST_S, False
        return self.sound_until - LEAD_S, True

    def played_after(self, now: float, seconds: float) -> None:
        """Note sound that has gone out."""
        self.sound_until = max(now, self.sound_until or now) + seconds
        for view in self._views.values():
            view.due, view.playing = self._first_or_next()

    def idle_stages(self) -> list[str]:
        """The stages whose input has ended and that have no item in work: it is time for their `finish`."""
        found: list[str] = []
        if not self.live:
            return found
        for stage, lefts in self._open.items():
            if stage in self._finishing or self._counts.get(stage, 0):
                continue
            if lefts <= self._drained:
                found.append(stage)
        return found

    def finishing(self, stage: str) -> None:
        """Note that a stage's `finish` is under way."""
        self._finishing.add(stage)

    def end(self, now: float) -> None:
        """Note that its source gives no more: from now on somebody waits for it."""
        self.ended = True
        self.since = self.marks.ended = now

    def drain(self, stage: str) -> None:
        """Note that nothing more comes of a stage."""
        self._drained.add(stage)
        self._leaders.discard(stage)

    @property
    def led(self) -> bool:
        """Whether all that leads to the caller or to `chat` is out, of a scope that is wanted."""
        return self.live and not self._leaders

    @property
    def led_out(self) -> bool:
        """Whether all that leads out is out of the graph and past the gate."""
        if self.listening or not self.led or len(self.gate):
            return False
        return self.committed or self.plan.source != "chat"

    @property
    def empty(self) -> bool:
        """Whether every stage is done with it."""
        return self._drained >= self._open.keys() and self.plan.source in self._drained

    def leading(self, stage: str) -> bool:
        """Whether the caller or `chat` waits for this stage, so that its failure is the scope's."""
        reached, todo = set(), [stage]
        while todo:
            name = todo.pop()
            if name in self.plan.leaders:
                return True
            for edge in self.plan.after.get(name, ()):
                if edge.right not in reached and edge.right != self.plan.source:
                    reached.add(edge.right)
                    todo.append(edge.right)
        return False

    def close(self, cancel: Callable[[asyncio.Task[None]], object]) -> None:
        """Cancel what runs."""
        for job in list(self.jobs):
            cancel(job)
