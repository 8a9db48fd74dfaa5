"""`response.cancel` while a stage hangs for good, wherever it runs: the answer ends at once, and so does the work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.graph import Graph
from s2s.messages import Prompt
from s2s.place.options import Place
from s2s.place.process import ProcessPool
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.caller import Caller
from tests.engine.graphs import graph
from tests.place.stages import Hanging, Native

pytestmark = pytest.mark.anyio

SPOKEN = {"voice": "caller | chat | llm | clauses | tts | caller", "words": "llm | caller"}


def typed(stage: str, kind: Any, **changes: Any) -> Graph:
    """A graph without ears, with a stage in a place of its own."""
    others: dict[str, str | None] = dict.fromkeys(("partials", "asked", "captions", "calls"))
    return graph({**others, **SPOKEN}, places={stage: Place(kind=kind)}, **changes)


def read(log: Path) -> str:
    """What a stage has noted so far."""
    return log.read_text() if log.exists() else ""


async def noted(log: Path, what: str) -> str:
    """Return what a stage has noted once `what` is in it; fail after a while."""
    for _ in range(500):
        if what in read(log):
            return read(log)
        await asyncio.sleep(0.01)
    raise AssertionError(f"'{what}' was not noted within 5 s: {read(log)!r}")


async def cancelled(whole: Graph, stage: str, log: Path, last: str) -> str:
    """Cancel an answer while a stage hangs, and return what that noted, until it begins another answer."""
    async with Engine(whole) as engine:
        caller = Caller(engine)
        caller.call.feed(ev.CreateResponse(settings=Settings()))
        await noted(log, "began")
        caller.call.feed(ev.CancelResponse())
        (done,) = caller.all(f.ResponseDone)
        assert done.response.status == "cancelled", "without waiting for anything"
        text = await noted(log, last)
        while engine.statistics()[stage]["running"]:
            await asyncio.sleep(0.01)
        caller.call.feed(ev.CreateResponse(settings=Settings()))
        await noted(log, f"{text}began")
        return text


@pytest.mark.parametrize("kind", ["loop", "process"])
async def test_a_model_that_hangs_is_closed(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = await cancelled(typed("llm", kind, llm=Hanging(log=str(log))), "llm", log, "closed")
    assert sorted(text.split()) == ["began", "cancelled", "closed"]


@pytest.mark.parametrize("kind", ["thread", "process"])
async def test_a_voice_in_a_long_native_run_is_stopped(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = await cancelled(typed("tts", kind, tts=Native(log=str(log))), "tts", log, "stopped")
    assert text.split() == ["began", "stopped"]


async def test_what_is_cancelled_as_soon_as_a_child_has_it_is_never_left_there(tmp_path: Path) -> None:
    """It would be taken for a child that hangs, and cost the others their process."""
    pool = ProcessPool("llm", Hanging(log=str(tmp_path / "log")), Place(kind="process"))
    await pool.start()
    (child,) = pool._children()
    for number in range(100):
        outputs: Any = pool.run(Call(str(number), 1, Settings()), Prompt(lines=()))
        asked = asyncio.ensure_future(outputs.__anext__())
        await asyncio.sleep(0.001 * (number % 2))
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    for _ in range(300):
        if not pool.statistics()["running"]:
            break
        await asyncio.sleep(0.01)
    assert pool.statistics()["running"] == 0 and pool._children() == [child]
    await pool.close()
