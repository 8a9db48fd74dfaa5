"""One caller: the conversation's reducer, and the flow of the graph that carries out what it decides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any

import msgspec

from s2s.asking import Asking
from s2s.conversation import events as ev
from s2s.conversation.facts import Problem
from s2s.conversation.reducer import step
from s2s.conversation.state import State
from s2s.flow import Flow
from s2s.gaps import Gaps
from s2s.gate import seconds
from s2s.hearing import Hearing
from s2s.messages import Message, Reply, ReplyEnd, Sound, Speech, ToolCall, ToolResult, Transcript
from s2s.reminder import Reminder
from s2s.scope import Scope
from s2s.settings import Settings
from s2s.sink import Sink
from s2s.wiring import Network

log = logging.getLogger("s2s")

FLUSH_S = 2.0
"""Seconds that a recorder has, when the caller is gone, to take what was said."""


class LiveCall:
    """A call in progress; all of it runs in the event loop."""

    def __init__(self, id: str, network: Network, sink: Sink, settings: Settings, clock: Any) -> None:
        self.id = id
        self.state = State(wiring=network.wiring(), settings=settings, prefix=f"{id}_")
        self.closed = False
        self._network = network
        self._sink = sink
        self._clock = clock
        self._memories: dict[str, dict[str, Any]] = {}
        self._scopes: dict[int, Scope] = {}
        self._events: deque[ev.Event] = deque()
        self._stepping = False
        self._epochs = 0
        self._waiting = False
        self.flow = Flow(network, self)
        self.hearing = Hearing(network, self.flow, clock, self)
        self._asking = Asking(id, network, self.flow, self.hearing.sound_of)
        self._gaps = Gaps(id, network, self.hearing)
        self._reminder = Reminder(self.flow, clock, lambda: self.feed(ev.Reminded(heard_ms=self.heard_ms)))
        network.rush.join(id, self.flow.room.made)
        self._listen()

    @property
    def heard_ms(self) -> float:
        """How much of the caller's sound was taken."""
        return self.hearing.heard_ms

    @property
    def idle(self) -> bool:
        """Whether nothing is said, thought about or waits to be played in it."""
        return self.state.idle and not self._sink.playing

    def scope(self, number: int) -> Scope | None:
        """A turn or response that is not over."""
        return self._scopes.get(number)

    async def audio(self, pcm: bytes, rate: int) -> None:
        """Take mono s16le sound of whole samples; waits while too much of it is unheard."""
        await self.hearing.audio(pcm, rate)

    async def commit(self) -> float | None:
        """End the caller's turn here; return None, or how many milliseconds there were if they are too few."""
        return await self.hearing.commit()

    def clear(self) -> None:
        """Forget the sound since the last commit."""
        self._revoke(self.flow.listening)
        self._listen()
        self.hearing.clear()
        self.feed(ev.Cleared())

    async def update(self, settings: Settings) -> None:
        """Change the settings: from the next turn and the next response on."""
        if settings.detection != self.state.settings.detection and self.state.turn is not None:
            await self.commit()
        if settings.detection is None and self.state.settings.detection is not None:
            self.hearing.clear()  # push to talk begins here
        self.flow.listening.rebind(settings)
        self.feed(ev.Updated(settings=settings))

    def feed(self, event: ev.Event) -> None:
        """Give the conversation an event and carry out what follows."""
        if self.closed:
            return
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                event = self._events.popleft()
                self.state, effects = step(self.state, msgspec.structs.replace(event, at=self._clock()))
                for effect in effects:
                    try:
                        self._carry_out(effect)
                    except Exception:  # of one effect: the others still count, or an answer would never end
                        log.exception("%s: %s was not carried out", self.id, type(effect).__name__)
        finally:
            self._stepping = False
        if self.state.waiting != self._waiting:
            self._waiting = self.state.waiting
            (self._network.rush.begin if self._waiting else self._network.rush.end)(self.id)

    def resume(self) -> None:
        """Let out what waited for the client to read."""
        for scope in list(self._scopes.values()):
            self.to_caller(scope)

    async def hangup(self) -> None:
        """End the call: nothing of it is left when this returns; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self.hearing.close()
        self._reminder.cancel()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.flow.flush(), FLUSH_S)
        for scope in [*self._scopes.values(), self.flow.listening]:
            self._revoke(scope)
        await self._asking.close()
        await self.flow.close()
        self._network.rush.leave(self.id)
        for name in self._memories:
            if name in self._network.pools:
                self._network.pools[name].hangup(self.flow.listening.view(name))

    def to_caller(self, scope: Scope) -> None:
        """Let out what waits at a scope's gate, in order, as far as it may go."""
        while scope.live and (item := self._next_out(scope)) is not None:
            if isinstance(item, Transcript):
                self.feed(ev.Transcribed(scope=scope.number, transcript=item))
            elif isinstance(item, (Reply, ReplyEnd, ToolCall, Sound)):
                if isinstance(item, Sound):
                    if scope.sound_until is None:
                        self._gaps.tell(scope, self.state.response(scope.number), self._clock())
                    scope.played_after(self._clock(), seconds(item))
                self.feed(ev.Output(scope=scope.number, item=item))
        self.flow.room.made()
        if scope.led_out and not scope.drained_told and scope.live:
            scope.drained_told = True
            self.feed(ev.Drained(scope=scope.number))
        if scope.drained_told and scope.empty:
            self._over(scope)

    def _next_out(self, scope: Scope) -> Message | None:
        heard = scope.gate.take_transcript()
        if heard is not None or not scope.committed or not self._sink.room:
            return heard
        return scope.gate.take()

    def to_chat(self, scope: Scope, item: Message) -> None:
        """Take what comes to the conversation from the graph."""
        if isinstance(item, Transcript):
            if not self._network.captions:
                self.feed(ev.Transcribed(scope=scope.number, transcript=item))
        elif isinstance(item, ToolResult):
            self.feed(ev.Resulted(scope=scope.number, result=item))

    def is_open(self, scope: Scope) -> bool:
        """Whether a scope is that of the turn which the caller is still in."""
        return self.state.turn is not None and self.state.turn.scope == scope.number

    def from_turn(self, item: Message) -> None:
        """Take a piece of the caller's turn."""
        if isinstance(item, Speech):
            self.hearing.speech(item)

    def failed(self, scope: Scope, stage: str, error: BaseException) -> None:
        """Tell the conversation that a stage has failed in a scope."""
        reason = str(error) or type(error).__name__
        log.error("%s: %s failed: %s", self.id, stage, reason, exc_info=error if log.isEnabledFor(10) else None)
        if scope.listening:
            self._sink.tell(Problem(code="server_error", message=f"{stage}: {reason}"))
        elif scope.leading(stage):
            self.feed(ev.Failed(scope=scope.number, stage=stage, reason=reason))
            self._revoke(scope)

    def _carry_out(self, effect: ev.Effect) -> None:
        if isinstance(effect, ev.Tell):
            self._sink.tell(effect.fact)
        elif isinstance(effect, ev.Open):
            plan = self._network.plan(effect.source, effect.settings)
            settings, lane = self._asking.settings(effect), effect.scope if effect.apart else 0
            opened = Scope(self.id, effect.scope, plan, settings, self._clock(), self._memories, lane=lane)
            self._scopes[effect.scope] = opened
        elif isinstance(effect, ev.Keep):
            self.hearing.keep(effect.item_id, effect.pcm, effect.rate)
        elif isinstance(effect, ev.Remind):
            self._reminder.set(effect.when)
        elif isinstance(effect, ev.Prime):
            self._asking.prime(effect)
        elif isinstance(effect, (ev.Commit, ev.Revoke, ev.Send, ev.End, ev.Replay, ev.Hear)):
            scope = self._scopes.get(effect.scope)
            if scope is not None:  # one that is all out needs nothing more
                self._work_on(scope, effect)

    def _work_on(self, scope: Scope, effect: ev.Commit | ev.Revoke | ev.Send | ev.End | ev.Replay | ev.Hear) -> None:
        if isinstance(effect, (ev.Send, ev.End)) and self._network.trials.holds(scope, effect):
            return
        if isinstance(effect, ev.Commit):
            scope.committed = True
            for held in self._network.trials.over(scope):
                self._work_on(scope, held)
            self.flow.changed(scope)
            self.to_caller(scope)
        elif isinstance(effect, ev.Revoke):
            self._revoke(scope)
        elif isinstance(effect, ev.Send):
            self._asking.ask(scope, effect)
        elif isinstance(effect, ev.End):
            self.flow.end(scope)
        elif isinstance(effect, ev.Hear):
            self.hearing.give(scope, effect.pcm, effect.rate)
        else:
            self.hearing.replay(scope)

    def _revoke(self, scope: Scope) -> None:
        if scope.live:
            scope.revoke()
            self.flow.changed(scope)
            self._over(scope)

    def _over(self, scope: Scope) -> None:
        self._network.trials.over(scope)
        self._scopes.pop(scope.number, None)
        if scope.lane:
            self.flow.forget(scope.lane)

    def _listen(self) -> None:
        self._epochs += 1
        settings, now = self.state.settings, self._clock()
        plan = self._network.plan("caller", settings)
        self.flow.listening = Scope(self.id, -self._epochs, plan, settings, now, self._memories, listening=True)
