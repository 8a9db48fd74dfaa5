"""Recognition, language model and voice of a simulation: each takes its time, and some of it goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable

from s2s.conversation import events as ev
from s2s.messages import Reply, ReplyEnd, Sound, ToolCall, Transcript
from s2s.testing.simulation.script import Fault, FaultAt, Script

STALL_S = (5.0, 20.0)
WORDS = ("well,", "this is", "an answer.", "it goes on", "and on.", "so there.")
LATE_S = 1.5
"""Seconds by which a late output may miss its scope's end."""


class _Scope:
    """One scope's work: what waits for its commit, and whether it is still wanted."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.live = True
        self.committed = False
        self.waiting: list[ev.Event] = []
        self.begun = False


class Stages:
    """Carries out effects: opens scopes, lets them work, holds back what is not committed, drops what is revoked."""

    def __init__(
        self, script: Script, later: Callable[[float, Callable[[], None]], None], feed: Callable[[ev.Event], None]
    ) -> None:
        self._later = later
        self._feed = feed
        self._chance = random.Random(script.seed + 1)
        self._faults = {(fault.at, fault.number): fault for fault in script.faults}
        self._counts: dict[FaultAt, int] = {"stt": 0, "llm": 0, "tts": 0}
        self._scopes: dict[int, _Scope] = {}
        self._chat = script.chat

    def carry_out(self, effect: ev.Effect) -> None:
        """Do what the conversation wants."""
        if isinstance(effect, ev.Open):
            self._scopes[effect.scope] = _Scope(effect.source)
        elif isinstance(effect, ev.Commit):
            scope = self._scopes[effect.scope]
            scope.committed = True
            waiting, scope.waiting = scope.waiting, []
            for event in waiting:
                self._later(0.0, lambda event=event: self._let_out(effect.scope, event))  # type: ignore[misc]
        elif isinstance(effect, ev.Revoke):
            self._scopes[effect.scope].live = False
        elif isinstance(effect, ev.End):
            if self._scopes[effect.scope].source == "turn":
                self._recognise(effect.scope)
            else:
                self._answer(effect.scope)

    def _fault(self, at: FaultAt) -> Fault | None:
        number = self._counts[at]
        self._counts[at] += 1
        return self._faults.get((at, number))

    def _latency(self, low: float, high: float, fault: Fault | None) -> float:
        stalled = fault is not None and fault.kind == "stall"
        return self._chance.uniform(low, high) + (self._chance.uniform(*STALL_S) if stalled else 0.0)

    def _recognise(self, number: int) -> None:
        fault = self._fault("stt")
        kind = "" if fault is None else fault.kind
        delay = self._latency(0.03, 0.4, fault)
        if kind == "fail":
            self._at(delay, number, ev.Failed(scope=number, stage="stt", reason="out of order"), gated=False)
            return
        text = "" if kind == "silent" else f"turn {number}"
        heard = ev.Transcribed(scope=number, transcript=Transcript(text=text))
        partial = ev.Transcribed(scope=number, transcript=Transcript(text=text[:4], final=False, stable=2))
        self._at(delay / 2, number, partial, gated=False)
        self._at(delay, number, heard, gated=False)
        if kind == "duplicate":
            self._at(delay + 0.01, number, heard, gated=False)
        if kind == "late":
            self._at(delay + LATE_S, number, heard, gated=False, whatever=True)
        if self._chat:
            self._at(delay + 0.02, number, ev.Drained(scope=number), gated=False)
        else:
            self._speak(number, delay, "")

    def _answer(self, number: int) -> None:
        fault = self._fault("llm")
        kind = "" if fault is None else fault.kind
        delay = self._latency(0.1, 0.9, fault)
        if kind == "call":
            for name in ("a", "b"):
                whole = ToolCall(call_id=f"{name}{number}", name=name, arguments="{}")
                self._at(delay, number, ev.Output(scope=number, item=whole))
            self._at(delay, number, ev.Output(scope=number, item=ReplyEnd(reason="tool_calls")))
            self._at(delay + 0.05, number, ev.Drained(scope=number))
        else:
            self._speak(number, delay, kind)

    def _speak(self, number: int, delay: float, kind: str) -> None:
        fault = self._fault("tts")
        voice = "" if fault is None else fault.kind
        tts = self._latency(0.05, 0.3, fault)
        until = 0
        pieces = self._chance.randint(1, len(WORDS)) if kind != "endless" else 400
        for place in range(pieces):
            word = WORDS[place % len(WORDS)] + " "
            until += len(word)
            self._at(delay, number, ev.Output(scope=number, item=Reply(text=word)))
            sound = Sound(pcm=bytes(9600), rate=24000, index=place, until=until, text=word)
            late = voice == "late" and place == pieces - 1
            self._at(delay + tts, number, ev.Output(scope=number, item=sound), whatever=late)
            delay += self._chance.uniform(0.02, 0.2)
            if (kind == "fail" or voice == "fail") and place == pieces // 2:
                stage = "llm" if kind == "fail" else "tts"
                self._at(delay, number, ev.Failed(scope=number, stage=stage, reason="out of order"), gated=False)
                return
        end = ReplyEnd(reason="length" if kind == "length" else "stop")
        self._at(delay, number, ev.Output(scope=number, item=end))
        self._at(delay + tts + 0.01, number, ev.Drained(scope=number))

    def _at(self, seconds: float, number: int, event: ev.Event, gated: bool = True, whatever: bool = False) -> None:
        """Let an event come after a while: past the gate, and only to a scope that lives, unless `whatever`."""

        def come() -> None:
            scope = self._scopes[number]
            if not scope.live and not whatever:
                return
            if isinstance(event, ev.Failed):
                if scope.live:
                    self._feed(event)
                    scope.live = False
            elif gated and not scope.committed:
                scope.waiting.append(event)
            else:
                self._let_out(number, event)

        self._later(seconds, come)

    def _let_out(self, number: int, event: ev.Event) -> None:
        scope = self._scopes[number]
        if isinstance(event, ev.Drained):
            if scope.live:
                scope.live = False
                self._feed(event)
        elif scope.live or not isinstance(event, ev.Output) or scope.committed:
            self._feed(event)
