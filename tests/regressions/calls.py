"""Calls of scripted stages in virtual time, and stages that note what they are given."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ParamSpec

from s2s.conversation import facts as f
from s2s.conversation.invariants import Broken
from s2s.engine import Engine
from s2s.messages import Clause, Prompt, Reply, ReplyEnd, Sound, ToolCall
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedTts
from tests.engine.graphs import graph

P = ParamSpec("P")

LONGEST_S = 600.0
"""Virtual seconds after which a test that still waits has failed."""


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine that runs in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtual(asyncio.wait_for(test(*args, **kwargs), LONGEST_S))

    return run


class Attentive(Caller):
    """A caller who remembers what it was told against the rules: a call survives what its client raises."""

    def __init__(self, engine: Engine, settings: Settings | None = None) -> None:
        self.engine = engine
        self.broken: Broken | None = None
        super().__init__(engine, settings)

    def tell(self, fact: f.Fact) -> None:
        """Take a fact."""
        try:
            super().tell(fact)
        except Broken as broken:
            self.broken = broken

    async def ask(self) -> f.ResponseView:
        """Speak one turn, and return how its answer has ended."""
        count = len(self.all(f.ResponseCreated)) + 1
        await self.speak(600)
        await self.be_silent(400)
        while len(self.all(f.ResponseCreated)) < count or len(self.all(f.ResponseDone)) < count:
            await self.be_silent(100)
        return self.all(f.ResponseDone)[count - 1].response

    def seconds(self, response_id: str | None = None) -> float:
        """How much sound it was sent: of one response, or of all."""
        sounds = [x for x in self.all(f.SoundDelta) if response_id in (None, x.response_id)]
        return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)

    def said(self) -> list[tuple[str, str]]:
        """Who has said what, as the next prompt would tell it."""
        items = [item for item in self.call.state.items if item.kind == "message"]
        return [(item.role, item.heard) for item in items if item.heard]


@contextlib.asynccontextmanager
async def serving(
    routes: dict[str, str | None] | None = None, sessions: int = 64, places: Any = None, **changes: Any
) -> AsyncIterator[Engine]:
    """An engine of scripted stages, some of them replaced."""
    async with Engine(graph(routes, places, **changes), sessions, seed="t") as engine:
        yield engine


@contextlib.asynccontextmanager
async def calling(settings: Settings | None = None, **changes: Any) -> AsyncIterator[Attentive]:
    """One caller of such an engine; fails where it was told anything against the rules."""
    async with serving(**changes) as engine:
        caller = Attentive(engine, settings)
        yield caller
        if caller.broken is not None:
            raise caller.broken


@dataclasses.dataclass(kw_only=True)
class NotingLlm(ScriptedLlm):
    """Notes every prompt and its time, and how many it answers at once."""

    prompts: list[Prompt] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)
    at_once: list[int] = dataclasses.field(default_factory=lambda: [0])

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer the last line."""
        self.prompts.append(item)
        self.times.append(asyncio.get_running_loop().time())
        self.at_once.append(self.at_once[-1] + 1)
        try:
            async for out in super().run(call, item):
                yield out
        finally:
            self.at_once.append(self.at_once[-1] - 1)

    def told(self, role: str, prompt: int = -1) -> list[str]:
        """The lines of a role in a prompt."""
        return [line.text for line in self.prompts[prompt].lines if line.role == role]


@dataclasses.dataclass(kw_only=True)
class EchoLlm(NotingLlm):
    """Says what the caller has said."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer with the last line."""
        self.prompts.append(item)
        await asyncio.sleep(self.first_seconds)
        yield Reply(text=f"{item.lines[-1].text}.")
        yield ReplyEnd()


@dataclasses.dataclass(kw_only=True)
class NotingTts(ScriptedTts):
    """Notes every clause that it begins to speak."""

    clauses: list[Clause] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        self.clauses.append(item)
        async for out in super().run(call, item):
            yield out
