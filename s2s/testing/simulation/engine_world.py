"""One conversation in virtual time through the engine itself: its queues, lanes, gates, scopes and pools."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.invariants import Broken, require
from s2s.engine import Engine
from s2s.settings import Detection, Settings
from s2s.testing.caller import LOUD, QUIET, Caller
from s2s.testing.clock import run_virtual
from s2s.testing.simulation.account import adds_up, all_ended, answered
from s2s.testing.simulation.acts import event, updated
from s2s.testing.simulation.faulty_graph import graph_of
from s2s.testing.simulation.mouth import RATE, frames
from s2s.testing.simulation.script import Act, Script
from s2s.testing.simulation.witness import Witness
from s2s.testing.simulation.world import AFTER_S

FRAMES_S = (0.06, 0.1, 0.1, 0.2)
"""Lengths of a microphone's frames, of which a conversation has one."""
TAIL_S = 3.0
"""Seconds of silence after the last speech: the turn is over by then."""
MUTED_S = 5.0
"""Seconds until a turn is over whose sound stopped coming."""
GONE_S = 60.0
"""Virtual seconds after the end of a call in which nothing more may happen."""
LONGEST_S = 1800.0
"""Virtual seconds in which all of a script must have been said, however long the engine takes no more sound."""
ROUNDS = 20
"""Answers, one called off after another, that there may be to the turns of one conversation."""


class EngineWorld:
    """Plays a script to an engine; `run` raises Broken where anything is wrong. `heard` is what the caller was told."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.witness = Witness()
        self.heard: list[tuple[float, f.Fact]] = []
        self._caller: Caller
        self._engine: Engine
        self._own: set[asyncio.Task[None]]
        self._frame_s = random.Random(script.seed).choice(FRAMES_S)

    @property
    def steps(self) -> int:
        """How many steps the reducer took."""
        return self.witness.steps

    def run(self) -> EngineWorld:
        """Let everything happen and see that it ends."""
        run_virtual(self._converse())
        if self.witness.wrong is not None:
            raise Broken(self.witness.wrong)
        return self

    async def _converse(self) -> None:
        detection = Detection(
            create_response=self.script.create,
            interrupt_response=self.script.interrupt,
            idle_ms=self.script.idle_ms,
        )
        self._task = asyncio.current_task()
        with self.witness.watching():
            async with Engine(graph_of(self.script), seed="s") as engine:
                self._engine = engine
                self._caller = Caller(engine, Settings(detection=detection))
                self.heard = self._caller.heard
                self._own = {asyncio.create_task(self._speak()), asyncio.create_task(self._act())}
                try:
                    await asyncio.wait_for(asyncio.gather(*self._own), LONGEST_S)
                    if not self._caller.call.closed:
                        await self._end()
                        await self._leave()
                    await self._be_gone()
                except Broken as broken:
                    self.witness.note(str(broken))
                except asyncio.TimeoutError:
                    self.witness.note("sound is taken in the end")

    @property
    def _over(self) -> bool:
        return self._caller.call.closed or self.witness.wrong is not None

    async def _until(self, at: float) -> None:
        loop = asyncio.get_running_loop()
        if at > loop.time():
            await asyncio.sleep(at - loop.time())

    async def _speak(self) -> None:
        for frame in frames(self.script.acts, self._frame_s, TAIL_S):
            await self._until(frame.at)
            if self._over:
                return
            await self._caller.call.audio((LOUD if frame.loud else QUIET) * frame.samples, RATE)

    async def _act(self) -> None:
        for act in self.script.acts:
            await self._until(act.at)
            if self._over:
                return
            await self._do(act)

    async def _do(self, act: Act) -> None:
        call = self._caller.call
        told = event(act, call.state)
        if told is not None:
            call.feed(told)
        elif act.kind == "clear":
            call.clear()
        elif act.kind == "update":
            await call.update(updated(act, call.state))
        elif act.kind == "drop":
            await self._leave()

    async def _end(self) -> None:
        """Nothing is left open, and whoever spoke was answered."""
        call = self._caller.call
        await asyncio.sleep(MUTED_S)
        require(call.state.turn is None, "no turn stays open")
        if self.script.idle_ms is not None:  # who is gone for good is asked for ever otherwise
            detection = msgspec.structs.replace(call.state.settings.detection or Detection(), idle_ms=None)
            await call.update(msgspec.structs.replace(call.state.settings, detection=detection))
        rounds = 0
        while any(fault.kind == "endless" for fault in self.script.faults) and rounds < ROUNDS:
            rounds += 1
            for response in call.state.responses:
                call.feed(ev.CancelResponse(response_id=response.id))
            await asyncio.sleep(1.0)
        stalls = sum(fault.kind == "stall" for fault in self.script.faults)
        await asyncio.sleep(AFTER_S + stalls * AFTER_S)
        require(not call.state.due, "every turn comes to its end")
        require(not call.state.responses, "every response comes to its end")
        all_ended([fact for _, fact in self.heard])
        answered(self.script, self.heard)
        self._idle()
        require(not call._scopes, "every scope is let go")
        require(not call.flow.listening.in_flight(), "all sound is heard")

    def _idle(self) -> None:
        """Nothing runs and nothing waits."""
        for name, counts in self._engine.statistics().items():
            require(counts["running"] == 0 and counts["waiting"] == 0, f"{name} has no job left")
        for name, counts in self._caller.call.flow.statistics().items():
            require(counts["waiting"] == 0, f"nothing waits for {name}")
        tasks = asyncio.all_tasks() - self._own
        require(tasks <= {self._task}, "no task is left")

    async def _leave(self) -> None:
        """Hang up: nothing of the call is left."""
        await self._caller.hangup()
        self._idle()

    async def _be_gone(self) -> None:
        """Nothing more happens after the end."""
        timers: list[Any] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        require(all(timer.cancelled() for timer in timers), "no timer is left")
        told = len(self.heard)
        await asyncio.sleep(GONE_S)
        require(len(self.heard) == told, "nothing is told after the end")
        adds_up([fact for _, fact in self.heard])
