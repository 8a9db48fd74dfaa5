"""One conversation in virtual time: the reducer, the caller of a script, and stages that take their time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import msgspec

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.invariants import Ledger, require
from s2s.conversation.reducer import step
from s2s.conversation.responses import SILENCE
from s2s.conversation.state import State, Wiring
from s2s.settings import Detection, Settings
from s2s.testing.simulation.acts import event, updated
from s2s.testing.simulation.ear import marks
from s2s.testing.simulation.script import Act, Script
from s2s.testing.simulation.stages import Stages

HARMLESS = ("duplicate", "late", "length")
"""Faults in spite of which a turn is answered."""
TALK = ("speak", "backchannel", "mute", "aside", "truncate", "update")
"""Acts in spite of which it is, too."""
AFTER_S = 60.0
"""Virtual seconds after the last act in which everything must have come to its end."""


class World:
    """Runs a script; `run` raises Broken where an invariant does not hold after any step."""

    def __init__(self, script: Script) -> None:
        detection = Detection(
            create_response=script.create, interrupt_response=script.interrupt, idle_ms=script.idle_ms
        )
        self.script = script
        self.now = 0.0
        self.steps = 0
        self.dropped = False
        self.state = State(
            wiring=Wiring(chat=script.chat, primes=True), settings=Settings(detection=detection), prefix="s_"
        )
        self.ledger = Ledger()
        self.committed: list[tuple[float, str]] = []
        self.answered: list[float] = []
        self._asked: dict[int, list[str]] = {}
        self._last = max((act.at + act.seconds for act in script.acts), default=0.0)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stages = Stages(script, self.later, self.feed)

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something after a while."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), do))

    def feed(self, event: ev.Event) -> None:
        """Take a step, check it, and carry out what follows."""
        if self.dropped:
            return
        self.steps += 1
        event = msgspec.structs.replace(event, at=self.now)
        self.state, effects = step(self.state, event)
        self.ledger.stepped(event, self.state, effects)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: ev.Effect) -> None:
        if isinstance(effect, ev.Tell):
            self._note(effect.fact)
        elif isinstance(effect, ev.Remind):
            if effect.when <= self._last:  # who is gone for good is asked for ever otherwise
                self.later(effect.when - self.now, lambda: self.feed(ev.Reminded(heard_ms=self.now * 1000)))
        else:
            if isinstance(effect, ev.Send):
                self._asked[effect.scope] = [line.text for line in effect.item.lines if line.role == "user"]
            elif isinstance(effect, ev.Commit):
                self._heard(self._asked.get(effect.scope, []))
            self._stages.carry_out(effect)

    def _heard(self, asked: list[str]) -> None:
        """What an answer that was prepared on trial is to, was said in the end."""
        said = {item.text for item in self.state.items if item.role == "user"} | {SILENCE}
        require(not asked or asked[-1] in said, "an answer is to what was said")

    def _note(self, fact: f.Fact) -> None:
        if isinstance(fact, f.TurnCommitted):
            self.committed.append((self.now, fact.item_id))
        elif isinstance(fact, f.ResponseCreated) and fact.response.in_conversation:
            self.answered.append(self.now)

    def run(self) -> World:
        """Let everything happen and see that it ends."""
        for at, mark in marks(self.script.acts):
            self.later(at, lambda mark=mark: self.feed(ev.Spoken(mark=mark, at_ms=self.now * 1000)))  # type: ignore[misc]
        for act in self.script.acts:
            self.later(act.at, lambda act=act: self._act(act))  # type: ignore[misc]
        while self._queue and self._queue[0][0] <= self._last + AFTER_S:
            self.now, _, do = heapq.heappop(self._queue)
            do()
        if not self.dropped:
            self._ended()
        return self

    def _act(self, act: Act) -> None:
        told = event(act, self.state)
        if told is not None:
            self.feed(told)
        elif act.kind == "clear":
            self.feed(ev.Cleared())
        elif act.kind == "update":
            self.feed(ev.Updated(settings=updated(act, self.state)))
        elif act.kind == "drop":
            self.dropped = True

    def _ended(self) -> None:
        """Nothing is left open, and whoever spoke was answered."""
        endless = any(fault.kind in ("endless", "stall") for fault in self.script.faults)
        require(self.state.turn is None, "no turn stays open")
        if not endless:
            require(not self.state.due, "every turn comes to its end")
            require(not self.state.responses, "every response comes to its end")
        told = [item for item in self.state.items if item.role == "user" and item.kind == "message" and item.text]
        spoken = {item.id for item in told if item.parts[0].kind == "input_audio"}
        turns = [at for at, item_id in self.committed if item_id in spoken]
        if turns and self._undisturbed():
            require(any(at >= turns[-1] for at in self.answered), "the last turn is answered")

    def _undisturbed(self) -> bool:
        """Whether nothing in the script is a reason not to answer a turn."""
        script = self.script
        quiet = all(fault.kind in HARMLESS for fault in script.faults) and all(act.kind in TALK for act in script.acts)
        return quiet and script.create and script.interrupt and script.chat
