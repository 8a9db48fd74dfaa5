"""Pools with a fallback, for tests in virtual time: a language model that has moods, and a steady one."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from s2s.messages import Message, Prompt, Reply, ReplyEnd, ToolCall, Transcript
from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.place.pool import Pool
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm

ASK = Prompt(lines=())


@dataclasses.dataclass(kw_only=True)
class Moody(ScriptedLlm):
    """Answers as the next of `moods` says: fine, refuse, hang, break or stall; `asked` holds when it was."""

    moods: list[str] = dataclasses.field(default_factory=list)
    usual: str = "fine"
    asked: list[float] = dataclasses.field(default_factory=list)
    ended: list[str] = dataclasses.field(default_factory=list)
    gone: list[tuple[str, Any]] = dataclasses.field(default_factory=list)
    lingers_s: float = 0.0

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer, or not."""
        mood = self.moods.pop(0) if self.moods else self.usual
        self.asked.append(asyncio.get_running_loop().time())
        call.memory["answers"] = call.state["answers"] = call.memory.get("answers", 0) + 1
        said = 0
        try:
            if mood == "refuse":
                raise RuntimeError("nobody is there")
            if mood == "hang":
                await asyncio.Event().wait()
            async for out in super().run(call, item):
                if said == 2 and mood == "break":
                    raise RuntimeError("the line is cut")
                if said == 2 and mood == "stall":
                    await asyncio.Event().wait()
                yield out
                said += 1
        finally:
            if self.lingers_s:
                await asyncio.sleep(self.lingers_s)
            self.ended.append(mood)

    def hangup(self, call: Call) -> None:
        """Note what there was to forget."""
        self.gone.append((call.id, dict(call.memory)))


def both(primary: Stage, backup: Stage, **place: Any) -> FallbackPool:
    """A pool of two stages in the loop."""
    at = Place(kind="loop", **place)
    return FallbackPool(LoopPool("llm", primary, at), LoopPool("backup", backup, Place(kind="loop")))


async def answer(pool: Pool, call: Call | None = None, item: Message | None = ASK) -> str:
    """What comes of an item."""
    call = call or Call("a", 1, Settings())
    return "".join([out.text async for out in pool.run(call, item) if isinstance(out, (Reply, Transcript))])


def pair(**primary: Any) -> tuple[Moody, Moody]:
    """A stage that has moods, and a steady one."""
    return Moody(words="one two three four", **primary), Moody(words="five six seven")


def virtual(main: Any) -> Any:
    """Run a test in virtual time, from the beginning of which nothing is known of any stage."""
    return run_virtual(main())
