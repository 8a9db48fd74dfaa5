"""Modes of plain sound on free ports over scripted stages, and what tells what was heard there."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from s2s.engine import Engine
from s2s.graph import Graph
from s2s.messages import Activity, Audio
from s2s.modes.mode import Mode
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedTts, ScriptedVad
from tests.modes.served import quick

HZ = 16000
LEVEL = 1000
"""The sample value that the scripted voice speaks in."""


def sound(ms: float, level: int = 2000) -> bytes:
    """Return a constant."""
    return level.to_bytes(2, "little") * round(HZ * ms / 1000)


def turn(ms: float = 400, level: int = 2000) -> bytes:
    """Return what is a turn to the scripted stages."""
    return sound(ms, level) + bytes(len(sound(200)))


def short(**stages: Any) -> Graph:
    """A cascade whose answer lasts 300 ms."""
    own = {"llm": ScriptedLlm(words="yes it is.", first_seconds=0.005, seconds=0.001)}
    return quick(**{**own, **stages})


def endless(**stages: Any) -> Graph:
    """A cascade whose answers never end, made at ten times the pace at which they are heard."""
    own = {
        "llm": ScriptedLlm(first_seconds=0.005, seconds=0.005, endless=True),
        "tts": ScriptedTts(seconds=0.01, ms_per_word=100),
    }
    return quick(**{**own, **stages})


@dataclasses.dataclass(kw_only=True)
class Recorder(ScriptedVad):
    """Keeps all that callers say in `heard`, by call."""

    heard: dict[str, bytearray] = dataclasses.field(default_factory=dict)

    def run(self, call: Call, item: Audio) -> Iterator[Activity]:
        """Keep a sound, and pass it on."""
        self.heard.setdefault(call.id, bytearray()).extend(item.pcm)
        yield from super().run(call, item)


class Served:
    """A mode that serves, and its engine."""

    def __init__(self, engine: Engine, mode: Any) -> None:
        self.engine = engine
        self.mode = mode

    @property
    def heard(self) -> dict[str, bytearray]:
        """What each call has heard, where a Recorder is the `vad`."""
        stage: Any = self.engine.pools["vad"].stage
        found: dict[str, bytearray] = stage.heard
        return found


@contextlib.asynccontextmanager
async def serving(mode: Mode, stages: Graph | None = None, sessions: int = 8) -> AsyncIterator[Served]:
    """Serve a mode until the block ends; no call is left then."""
    mode.bind("mode.test")
    async with Engine(stages or short(), sessions, seed="t") as engine:
        mode.open()
        task = asyncio.create_task(mode.serve(engine))
        try:
            yield Served(engine, mode)
            assert not task.done() or task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(ready: Callable[[], Any], seconds: float = 5.0) -> None:
    """Return when `ready()`; fail after a while."""

    async def wait() -> None:
        while not ready():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), seconds)
