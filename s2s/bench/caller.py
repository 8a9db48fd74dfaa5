"""A simulated caller: speaks its turns at the pace of speech, listens as a player would, and notes what it noticed."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from s2s.bench.corpus import Turn
from s2s.bench.ears import Answer, Ears
from s2s.bench.link import HZ, Link
from s2s.bench.record import TurnRecord

GIVE_UP_S = 30.0
"""Seconds after which an answer that has not ended is given up on."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How callers behave."""

    turns: int = 10
    warm_up: int = 1
    ramp_s: float = 3.0
    before_s: float = 0.5
    think_s: float = 0.3
    frame_ms: int = 20
    listen_s: float | None = None
    interrupt: float = 0.0
    drop: float = 0.0
    mute: float = 0.0
    miss_s: float = 3.0
    seed: int = 1


MUTE_S = 4.0
"""Seconds for which the sound of a caller stops who is muted."""


class BenchError(RuntimeError):
    """A caller could not go on; the message says why."""


class Caller:
    """One caller of a plan; iterate over `run` for its records."""

    def __init__(
        self, number: int, link: Callable[[], Link], plan: Plan, turns: Sequence[Turn], interjections: Sequence[Turn]
    ) -> None:
        self.number = number
        self._new_link = link
        self._plan = plan
        self._random = random.Random(f"{plan.seed}:{number}")
        self._turns = list(turns)
        self._random.shuffle(self._turns)
        self._interjections = list(interjections)
        self._loop = asyncio.get_running_loop()
        self._ears = Ears()
        self._due = 0.0
        self._frame_s = plan.frame_ms / 1000
        self._frame = HZ * plan.frame_ms // 1000 * 2

    async def run(self) -> AsyncIterator[TurnRecord]:
        """Speak all turns; the records of the warm-up have negative numbers."""
        await self._call()
        try:
            await self._silence(self._plan.before_s)
            for number in range(-self._plan.warm_up, self._plan.turns):
                turn = self._turns[(number + self._plan.warm_up) % len(self._turns)]
                if self._random.random() < self._plan.drop:
                    yield await self._drop(number, turn)
                    continue
                record, answer = await self._take_turn(number, turn, self._random.random() < self._plan.mute)
                yield record
                if answer is not None and self._interjections and self._random.random() < self._plan.interrupt:
                    yield await self._interrupt(number)
                elif answer is not None:
                    await self._silence(max(0.0, self._listens_until(answer) - self._loop.time()))
                await self._silence(self._plan.think_s)
        finally:
            await self._link.close()

    async def _call(self) -> None:
        link = self._new_link()
        await link.open(lambda told: self._ears.tell(told))
        self._link = link
        self._due = self._loop.time() + self._random.random() * self._frame_s  # no two speak in step

    async def _drop(self, number: int, turn: Turn) -> TurnRecord:
        """Vanish in the middle of a turn, and call again."""
        await self._say(turn.pcm[: len(turn.pcm) // (2 * self._frame) * self._frame])
        await self._link.abort()
        self._ears = Ears()
        await self._call()
        return TurnRecord(caller=self.number, number=number, kind="dropped", voice=turn.voice, said=turn.text)

    async def _take_turn(self, number: int, turn: Turn, mute: bool) -> tuple[TurnRecord, Answer | None]:
        self._ears = ears = Ears()
        began = self._due
        await self._say(turn.pcm)
        end = began + turn.seconds
        cut_in = bool(ears.stopped)
        if mute:
            await asyncio.sleep(MUTE_S)
            self._due = self._loop.time()

        def answer() -> Answer | None:
            # one that began before the end of the turn answered a part of it
            whole = [a for a in ears.answers.values() if not (a.done and a.done.status == "cancelled")]
            return next((a for a in reversed(whole) if (a.began or 0.0) >= end or (a.first or 0.0) >= end), None)

        def over() -> bool:
            found = answer()
            return found is not None and found.done is not None

        await self._silence_until(lambda: over() or self._loop.time() > end + self._plan.miss_s, GIVE_UP_S)
        missed = answer() is None
        await self._silence_until(
            lambda: over() or self._enough(answer()), GIVE_UP_S if not missed else self._plan.miss_s
        )
        found = answer()
        cancelled = None
        if found is not None and found.done is None:
            cancelled = self._loop.time()
            await self._link.cancel()
            await self._silence_until(lambda: found.done is not None, self._plan.miss_s)
        record = TurnRecord(
            caller=self.number,
            number=number,
            kind="muted" if mute else turn.kind,
            voice=turn.voice,
            said=turn.text,
            heard=" ".join(text for _, text in ears.heard),
            stopped_ms=_after(ears.stopped[-1:], end),
            heard_ms=_after([at for at, _ in ears.heard[-1:]], end),
            onset_ms=_after(ears.started[:1], began),
            cut_in=cut_in,
            missed=missed,
        )
        if found is None:
            return record, None
        read, cached, written = found.done.tokens if found.done else (0, 0, 0)
        return msgspec.structs.replace(
            record,
            words_ms=_after([found.words_at], end),
            gap_ms=_after([found.began], end),
            late_ms=found.late_s * 1000,
            cancel_ms=None if cancelled is None else max(0.0, found.last - cancelled) * 1000,
            lead_ms=0.0 if found.audible is None or found.first is None else (found.audible - found.first) * 1000,
            id=found.id,
            answer=found.words,
            answer_s=found.seconds,
            status=found.done.status if found.done else "",
            read=read,
            cached=cached,
            written=written,
        ), found

    def _enough(self, answer: Answer | None) -> bool:
        """Whether as much of an answer was heard as is listened to."""
        listen_s = self._plan.listen_s
        return listen_s is not None and answer is not None and self._loop.time() > (answer.first or math.inf) + listen_s

    def _listens_until(self, answer: Answer) -> float:
        """When an answer has been played, or as much of it as is listened to."""
        listen_s = math.inf if self._plan.listen_s is None else self._plan.listen_s
        return min(answer.played_until, (answer.first or 0.0) + listen_s)

    async def _interrupt(self, number: int) -> TurnRecord:
        """Speak into the answer while it is played, and wait for what is answered to that."""
        turn, ears = self._random.choice(self._interjections), self._ears
        ears.started.clear()
        ears.stopped.clear()
        began = self._due
        await self._say(turn.pcm)
        onset = [at for at in ears.started if at >= began]
        await self._silence_until(lambda: bool(ears.stopped) and all(a.done for a in ears.answers.values()), GIVE_UP_S)
        return TurnRecord(
            caller=self.number,
            number=number,
            kind="interruption",
            voice=turn.voice,
            said=turn.text,
            stop_ms=_after(onset, began),
        )

    async def _say(self, pcm: bytes) -> None:
        """Send sound frame by frame, each when its last sample would have been spoken; padded to whole frames."""
        for at in range(0, len(pcm), self._frame):
            self._due += self._frame_s
            wait = self._due - self._loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if self._ears.failed:
                raise BenchError(self._ears.failed)
            await self._link.send(pcm[at : at + self._frame].ljust(self._frame, b"\0"))

    async def _silence(self, seconds: float) -> None:
        for _ in range(round(seconds / self._frame_s)):
            await self._say(bytes(self._frame))

    async def _silence_until(self, ready: Callable[[], bool], seconds: float) -> None:
        until = self._loop.time() + seconds
        while not ready() and self._loop.time() < until:
            await self._say(bytes(self._frame))


def _after(times: Sequence[float | None], end: float) -> float | None:
    return next(((at - end) * 1000 for at in times if at is not None), None)


async def call(
    callers: int,
    plan: Plan,
    turns: Sequence[Turn],
    interjections: Sequence[Turn],
    link: Callable[[], Link],
    tell: Callable[[TurnRecord], None],
) -> None:
    """Let callers call, their starts spread over `plan.ramp_s`; every record is told as it comes."""

    async def one(number: int) -> None:
        await asyncio.sleep(plan.ramp_s * number / callers)
        async for record in Caller(number, link, plan, turns, interjections).run():
            tell(record)

    tasks = [asyncio.create_task(one(number)) for number in range(callers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
