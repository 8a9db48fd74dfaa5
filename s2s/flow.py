"""How one caller's items move through the graph: delivered, queued, run, counted, drained."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from s2s.inbox import Inbox
from s2s.jobs import Jobs
from s2s.lane import Lane
from s2s.messages import Asked, Clause, Message, Sound
from s2s.place.pool import finishes
from s2s.plan import Faces
from s2s.pump import Pump
from s2s.room import Room
from s2s.scope import Scope
from s2s.wiring import Network

log = logging.getLogger("s2s")


class Ears(Protocol):
    """Who is told what comes out of the graph."""

    def to_caller(self, scope: Scope) -> None:
        """Something waits at the scope's gate."""

    def to_chat(self, scope: Scope, item: Message) -> None:
        """Something for the conversation has come."""

    def is_open(self, scope: Scope) -> bool:
        """Whether a scope is that of the turn which the caller is still in."""

    def from_turn(self, item: Message) -> None:
        """The turn stage has cut the caller's sound."""

    def failed(self, scope: Scope, stage: str, error: BaseException) -> None:
        """A stage has failed."""


class Flow:
    """The queues, tasks and counts of one caller; `listening` is the scope that the caller's sound comes in."""

    listening: Scope

    def __init__(self, network: Network, ears: Ears) -> None:
        self._network = network
        self._faces: Faces = network.faces
        self._ears = ears
        self._loop = asyncio.get_running_loop()
        self._queues: dict[tuple[str, int], Pump | Lane] = {}
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._pumps: dict[tuple[str, int], Pump] = {}
        self.room = Room(network, self._queues)
        self._jobs = Jobs(network, self, self.room)
        self._to: dict[str, Callable[[Scope, Message], None]] = {name: self._way_to(name) for name in network.nodes}

    def deliver(self, left: str, scope: Scope, item: Message) -> None:
        """Send an item of `left` along every edge of the scope that carries it."""
        if not scope.listening:
            scope.marks.note(item, self._loop.time())
        to = item.to if isinstance(item, Clause) else ""
        for right in scope.plan.ways(left, type(item)):
            if not to or to == right or Sound not in self._network.nodes[right].sends:  # else for another voice
                self._to[right](scope, item)

    def _way_to(self, name: str) -> Callable[[Scope, Message], None]:
        """How an item comes to a stage."""
        name = self._network.merged.get(name, name)
        if name == "caller":
            return self._give
        if name == self._faces.chat:
            return self._ears.to_chat
        if name in self._network.inline:
            way = partial(self._run_inline, name)
        elif name in self._network.lanes:
            way = partial(self._line_up, name)
        else:
            way = partial(self._queue, name)
        if name == self._faces.turn:
            return lambda scope, item: way(scope, item) if scope.listening else self._hint(scope, item)
        return way

    def _give(self, scope: Scope, item: Message) -> None:
        scope.gate.put(item)
        self._ears.to_caller(scope)

    def _line_up(self, name: str, scope: Scope, item: Message) -> None:
        scope.count(name, 1)
        self._lane(name, scope.lane).put(scope, item)

    def _queue(self, name: str, scope: Scope, item: Message) -> None:
        scope.count(name, 1)
        dropped = self._pump(name, scope.lane).put(scope, item)
        if dropped is not None:
            dropped.count(name, -1)
            self.settle(dropped)

    def _run_inline(self, name: str, scope: Scope, item: Message | None) -> None:
        stage: Any = self._network.nodes[name].stage
        call = scope.view(name)
        try:
            for out in stage.finish(call) if item is None else stage.run(call, item):
                if not scope.live:
                    return
                self.send(name, scope, out if item is None else item.stamp(out))
        except Exception as error:
            self._ears.failed(scope, name, error)

    def _hint(self, scope: Scope, item: Message) -> None:
        """Let the turn detector know what was said or asked, as far as it concerns the open turn."""
        if not isinstance(item, Asked) and not self._ears.is_open(scope):
            return
        stage: Any = self._network.nodes[self._faces.turn].stage
        for out in stage.run(self.listening.view(self._faces.turn), item):
            self._ears.from_turn(out)

    def send(self, name: str, scope: Scope, out: Message) -> None:
        """Send on what a stage gave."""
        if scope.listening and name == self._faces.turn:
            self._ears.from_turn(out)
        else:
            self.deliver(name, scope, out)

    def _pump(self, name: str, lane: int) -> Pump:
        found = self._pumps.get((name, lane))
        if found is None:
            node = self._network.nodes[name]
            place = node.place
            commits = node.stage is not None and type(node.stage).commits
            inbox = Inbox(name, place.inbox, place.full == "drop-oldest", commits)
            found = Pump(name, inbox, place.ahead, self._jobs, self.room, self._network.rush)
            self._pumps[name, lane] = self._queues[name, lane] = found
        return found

    def _lane(self, name: str, lane: int) -> Lane:
        found = self._lanes.get((name, lane))
        if found is None:
            place = self._network.nodes[name].place
            found = Lane(name, self._network.pools[name], place, self, self.room)
            self._lanes[name, lane] = self._queues[name, lane] = found
        return found

    def finished(self, name: str, scope: Scope, item: Message | None) -> None:
        """Count an item, or a `finish` for None, that a stage is done with."""
        scope.count(name, -1)
        if isinstance(item, Clause) and Sound in self._network.nodes[name].sends:
            scope.gate.spoken(item.index)
            self._ears.to_caller(scope)
        if item is None and scope.live:
            scope.drain(name)
        self.settle(scope)

    def failed(self, scope: Scope, stage: str, error: BaseException) -> None:
        """Say that a stage has failed."""
        self._ears.failed(scope, stage, error)

    def end(self, scope: Scope) -> None:
        """Note that a scope's source gives no more."""
        scope.end(self._loop.time())
        self.room.made()
        scope.drain(scope.plan.source)
        self.settle(scope)

    def settle(self, scope: Scope) -> None:
        """Let stages finish whose input has ended, until nothing more follows from it."""
        if scope.listening or not scope.live or not scope.ended:
            return
        while idle := scope.idle_stages():
            for name in idle:
                scope.finishing(name)
                stage = self._network.nodes[name].stage
                if stage is None or not finishes(stage):
                    scope.drain(name)
                elif name in self._network.inline:
                    self._run_inline(name, scope, None)
                    scope.drain(name)
                else:
                    scope.count(name, 1)
                    self._jobs.start(name, scope, None)
        if scope.led and (not scope.drained_told or scope.empty):
            scope.gate.ended()
            self._ears.to_caller(scope)

    def changed(self, scope: Scope) -> None:
        """Look again at what waits for a scope's commit, or no longer needs to."""
        if not scope.live:
            for job in list(scope.jobs):
                job.cancel()
        for inbox in list(self._queues.values()):
            inbox.wake()
        self.room.made()

    def later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """Do something after a while."""
        return self._loop.call_later(seconds, do)

    def statistics(self) -> dict[str, dict[str, int]]:
        """How full every inbox is and what it has dropped."""
        found: dict[str, dict[str, int]] = {}
        for (name, _), box in self._queues.items():
            counts = found.setdefault(name, {"waiting": 0, "dropped": 0})
            counts["waiting"] += len(box)
            counts["dropped"] += box.dropped
        return found

    def forget(self, lane: int) -> None:
        """Drop the queues of a lane that nothing will come on any more."""
        for key in [key for key in self._queues if key[1] == lane]:
            self._queues.pop(key).close()
            self._pumps.pop(key, None)
            self._lanes.pop(key, None)

    async def flush(self) -> None:
        """Return when the stages that commit have taken what was let out to them."""
        for (name, _), inbox in list(self._queues.items()):
            stage = self._network.nodes[name].stage
            while stage is not None and type(stage).commits and (inbox.due or self._jobs.busy(name)):
                await self.room.change()

    async def close(self) -> None:
        """Cancel every task and wait for it."""
        for queue in self._queues.values():
            queue.close()
        await self._jobs.close()
