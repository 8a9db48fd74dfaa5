"""Stages of a graph in which a script's faults happen: they stall, fail, repeat themselves, come late, never end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

from s2s.messages import (
    Activity,
    Ask,
    Asked,
    Audio,
    Clause,
    Line,
    Prompt,
    Reply,
    ReplyEnd,
    Sound,
    Speech,
    ToolCall,
    ToolResult,
    Transcript,
)
from s2s.stage import Call, Stage
from s2s.testing.caller import LOUD
from s2s.testing.simulation.script import Fault, FaultAt, FaultKind
from s2s.testing.simulation.stages import LATE_S, STALL_S, WORDS
from s2s.testing.stages import ScriptedVad

SAID = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORD_SAMPLES = 6400
"""Samples of speech in which the recogniser hears a word."""
HZ = 24000
SAMPLES_PER_WORD = 2400
"""Samples that the voice speaks for a word."""


class OutOfOrder(RuntimeError):
    """A stage fails, as its script says."""

    def __init__(self) -> None:
        super().__init__("out of order")


class Work:
    """What one stage does in one scope: what goes wrong in it, if anything, and its own chance."""

    def __init__(self, stage: FaultyStage, number: int) -> None:
        found = (fault.kind for fault in stage.faults if (fault.at, fault.number) == (stage.at, number))
        self.fault: FaultKind | None = next(found, None)
        self.chance = random.Random(f"{stage.seed} {stage.at} {number}")
        self.samples = 0
        self.stalls = self.fault == "stall"

    async def begin(self, low: float, high: float) -> None:
        """Take a while, or much longer, once, for a stage that stalls."""
        seconds = self.chance.uniform(low, high)
        if self.stalls:
            self.stalls = False
            seconds += self.chance.uniform(*STALL_S)
        await asyncio.sleep(seconds)

    async def go_on(self, low: float, high: float) -> None:
        """Take a while."""
        await asyncio.sleep(self.chance.uniform(low, high))

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Let go when nobody wants the work any more: at once, unless the stage is late."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            if self.fault == "late":
                await asyncio.sleep(LATE_S)
            raise


@dataclasses.dataclass(kw_only=True)
class FaultyStage(Stage):
    """The base of the stages that things go wrong in."""

    seed: int = 0
    faults: tuple[Fault, ...] = ()

    at: ClassVar[FaultAt]

    def work(self, call: Call) -> Work:
        """Return the work in this scope, counted when it begins."""
        found: Work | None = call.state.get("work")
        if found is None:
            number = call.memory["scopes"] = call.memory.get("scopes", -1) + 1
            found = call.state["work"] = Work(self, number)
        return found


@dataclasses.dataclass(kw_only=True)
class TickedVad(ScriptedVad):
    """The scripted detector, for batches."""

    def run_batch(self, calls: list[Call], items: list[Audio]) -> list[list[Activity]]:
        """Pass every sound on."""
        return [list(self.run(call, item)) for call, item in zip(calls, items, strict=True)]


@dataclasses.dataclass(kw_only=True)
class FaultyStt(FaultyStage):
    """Hears a word in every 400 ms of speech; in every other scope the whole ends with a full stop."""

    at = "stt"

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Say a partial for a piece."""
        work = self.work(call)
        work.samples += item.pcm.count(LOUD)
        words = self._words(work)
        if words and work.fault != "silent":
            yield Transcript(text=" ".join(words), final=False, stable=len(" ".join(words[:-1])))

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole."""
        work = self.work(call)
        async with work.going():
            await work.begin(0.03, 0.4)
            if work.fault == "fail":
                raise OutOfOrder
            text = " ".join(self._words(work)) + "." * (call.scope % 2)
            heard = Transcript(text="" if work.fault == "silent" else text)
            yield heard
            if work.fault in ("duplicate", "late"):
                await asyncio.sleep(0.01 if work.fault == "duplicate" else LATE_S)
                yield heard

    def _words(self, work: Work) -> list[str]:
        return [SAID[number % len(SAID)] for number in range(1 + work.samples // WORD_SAMPLES)]


@dataclasses.dataclass(kw_only=True)
class PlainChat(Stage):
    """The face of the conversation: every ask becomes a prompt as it is."""

    face: ClassVar[str] = "chat"

    def run(self, call: Call, item: Ask | Transcript | ToolResult | Speech) -> Iterator[Prompt | Asked]:
        """Send the prompt."""
        if isinstance(item, Ask):
            yield Asked(text="yes?")
            yield Prompt(lines=item.lines)


@dataclasses.dataclass(kw_only=True)
class PlainTranslator(Stage):
    """Has every turn answered on its own, once, in a graph without conversation."""

    def run(self, call: Call, item: Transcript) -> Iterator[Prompt]:
        """Send the prompt."""
        if item.final and item.text and not call.state.get("sent"):
            call.state["sent"] = True
            yield Prompt(lines=(Line(role="user", text=item.text),))


@dataclasses.dataclass(kw_only=True)
class FaultyLlm(FaultyStage):
    """Answers with a few words, or calls two functions, or never ends."""

    at = "llm"
    honours = frozenset({"tools", "tool_choice"})
    reads_ahead = True

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer a prompt, or read it ahead."""
        if item.ahead:
            await asyncio.sleep(LATE_S if len(item.lines) % 3 else 0.05)
            if len(item.lines) % 2:
                raise OutOfOrder
            return
        work = self.work(call)
        async with work.going():
            await work.begin(0.1, 0.9)
            if work.fault == "call":
                for name in ("a", "b"):
                    yield ToolCall(call_id=f"{name}{call.scope}", name=name, arguments="{}")
                yield ReplyEnd(reason="tool_calls")
                return
            least = work.chance.randint(1, len(WORDS))
            said = 0
            while said < least or work.fault == "endless":
                if work.fault == "fail" and said >= least // 2:
                    raise OutOfOrder
                word = WORDS[said % len(WORDS)]
                yield Reply(text=f" {word}" if said else word)
                said += 1
                await work.go_on(0.02, 0.2)
            if work.fault == "late":
                await asyncio.sleep(LATE_S)
            yield ReplyEnd(reason="length" if work.fault == "length" else "stop")


@dataclasses.dataclass(kw_only=True)
class FaultyTts(FaultyStage):
    """Speaks 100 ms for every word, each sample the number of the clause, in pieces of at most 200 ms."""

    at = "tts"

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        work = self.work(call)
        left = len(item.text.split()) * SAMPLES_PER_WORD
        async with work.going():
            await work.begin(0.05, 0.3)
            while left > 0:
                samples = min(left, 2 * SAMPLES_PER_WORD)
                left -= samples
                if work.fault == "late" and left <= 0:
                    await asyncio.sleep(LATE_S)
                yield Sound(pcm=item.index.to_bytes(2, "little") * samples, rate=HZ)
                if work.fault == "fail":
                    raise OutOfOrder
                await work.go_on(0.01, 0.05)
