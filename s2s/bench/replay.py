"""A caller's recorded turns, replayed to a turn stage in virtual time: what it cuts into, and when answers come.

The turn stage and the conversation's reducer are those of a call; how long recognition, the end-of-turn model and the
answer take is given.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any, NamedTuple, Protocol

import msgspec

from s2s.audio import duration_ms
from s2s.bench.record import TurnRecord
from s2s.bench.recorded import Recorded
from s2s.conversation import events as ev
from s2s.conversation.reducer import step
from s2s.conversation.state import State, Wiring
from s2s.messages import EndOfTurn, Message, Speech, Transcript
from s2s.settings import Settings
from s2s.stage import Call, Stage


class Delays(NamedTuple):
    """How long after a pause its words and its verdict are there, and after a question the answer's first sound."""

    stt_ms: float
    endpoint_ms: float
    answer_ms: float


class Judge(Protocol):
    """Who knows what the sound of a turn so far comes to."""

    async def transcript(self, sound: bytes, rate: int) -> Transcript:
        """Return its words."""

    async def end_of_turn(self, sound: bytes, rate: int) -> EndOfTurn | None:
        """Return how whole it sounds."""


class _Due(NamedTuple):
    """Something that a stage will have made of a turn's sound at a time."""

    at_ms: float
    order: int
    scope: int
    kind: type[Message]
    sound: bytes
    rate: int


class Replay:
    """One caller to one turn stage, which is told of these `hints`; their turns follow each other in one call."""

    def __init__(
        self, stage: Stage, delays: Delays, judge: Judge, hints: frozenset[type[Message]], wiring: Wiring | None = None
    ) -> None:
        self._stage: Any = stage
        self._delays = delays
        self._judge = judge
        self._hints = hints
        self._call = Call("turns", 1, Settings())
        self._state = State(wiring=wiring or Wiring())
        self._now_ms = self._since_ms = 0.0
        self._sound = bytearray()
        self._due: list[_Due] = []
        self._order = itertools.count()
        self._turns: set[int] = set()
        self._asked: dict[int, float] = {}
        self._let_out: dict[int, float] = {}
        self._stopped: list[float] = []
        self._number = 0

    async def hear(self, recorded: Recorded) -> TurnRecord:
        """Return what one turn comes to, and the silence after it; times are as in a bench."""
        self._stopped = []
        for hop in recorded.hops:
            ends_ms = self._since_ms + hop.at_ms + duration_ms(hop.pcm, hop.rate)
            await self._deliver(ends_ms)
            self._now_ms = ends_ms
            self._run(msgspec.structs.replace(hop, at_ms=self._since_ms + hop.at_ms))
        self._since_ms += recorded.length_ms
        await self._deliver(float("inf"))
        record = self._told(recorded, self._since_ms - recorded.length_ms + recorded.end_ms)
        self._be_done()
        return record

    async def _deliver(self, until_ms: float) -> None:
        """Give what is there by then to whom it concerns, unless its turn has gone on since."""
        while self._due and self._due[0].at_ms <= until_ms:
            due = heapq.heappop(self._due)
            if due.scope not in self._turns:
                continue
            self._now_ms = due.at_ms
            turn = self._state.turn
            hints = due.kind in self._hints and turn is not None and turn.scope == due.scope
            if due.kind is Transcript:
                words = await self._judge.transcript(due.sound, due.rate)
                if hints:
                    self._run(words)
                self._feed(ev.Transcribed(scope=due.scope, transcript=words))
                self._feed(ev.Drained(scope=due.scope))
            elif hints:
                verdict = await self._judge.end_of_turn(due.sound, due.rate)
                if verdict is not None:
                    self._run(verdict)

    def _run(self, item: Message) -> None:
        for speech in self._stage.run(self._call, item):
            self._mark(speech)

    def _mark(self, speech: Speech) -> None:
        """Let the conversation judge a mark, as `s2s.hearing` does."""
        event = ev.Spoken(mark=speech.mark, at_ms=speech.at_ms)
        if speech.mark in ("start", "resume"):
            if speech.mark == "start":
                self._sound.clear()
            self._feed(event)
        self._sound += speech.pcm
        self._rate = speech.rate
        if speech.mark == "more" and self._state.on_trial:
            self._feed(msgspec.structs.replace(event, at_ms=speech.at_ms + duration_ms(speech.pcm, speech.rate)))
        if speech.mark in ("pause", "ripe", "end"):
            if speech.mark == "end":
                self._stopped.append(self._now_ms)
            self._feed(event)

    def _feed(self, event: ev.Event) -> None:
        self._state, effects = step(self._state, msgspec.structs.replace(event, at=self._now_ms / 1000))
        for effect in effects:
            if isinstance(effect, ev.Open) and effect.source == "turn":
                self._turns.add(effect.scope)
            elif isinstance(effect, ev.End) and effect.scope in self._turns:
                self._ask_stages(effect.scope)
            elif isinstance(effect, ev.Send):
                self._asked[effect.scope] = self._now_ms
            elif isinstance(effect, ev.Commit):
                self._let_out[effect.scope] = self._now_ms
            elif isinstance(effect, ev.Revoke):
                self._turns.discard(effect.scope)

    def _ask_stages(self, scope: int) -> None:
        """Have the sound so far recognised and judged."""
        sound = bytes(self._sound)
        for kind, takes_ms in ((Transcript, self._delays.stt_ms), (EndOfTurn, self._delays.endpoint_ms)):
            at_ms = self._now_ms + takes_ms
            heapq.heappush(self._due, _Due(at_ms, next(self._order), scope, kind, sound, self._rate))

    def _told(self, recorded: Recorded, end_ms: float) -> TurnRecord:
        answer = next((r for r in reversed(self._state.responses) if r.told), None)
        gap_ms = None
        if answer is not None and answer.scope in self._asked:
            first_ms = max(self._asked[answer.scope] + self._delays.answer_ms, self._let_out[answer.scope])
            gap_ms = round(first_ms - end_ms, 1)
        turn = recorded.turn
        self._number += 1
        return TurnRecord(
            caller=0,
            number=self._number - 1,
            kind=turn.kind,
            voice=turn.voice,
            said=turn.text,
            stopped_ms=round(self._stopped[-1] - end_ms, 1) if self._stopped else None,
            gap_ms=gap_ms,
            cut_in=any(at_ms < end_ms for at_ms in self._stopped),
            missed=gap_ms is None,
        )

    def _be_done(self) -> None:
        """Let the answer be heard to its end, and forget a turn that has not ended by now."""
        if self._state.turn is not None:
            self._call = Call("turns", 1, Settings(), self._call.memory)
            self._feed(ev.Cleared())
        for response in self._state.responses:
            if response.told:
                self._feed(ev.Drained(scope=response.scope))
        self._asked.clear()
        self._let_out.clear()
        self._turns.clear()
        self._due.clear()
