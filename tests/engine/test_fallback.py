"""A language model that fails in the middle of a conversation: the other one goes on, and hands back."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.engine import Engine, EngineError
from s2s.graph import Graph, Node
from s2s.place.fallback import FallbackPool
from s2s.place.options import Place
from s2s.place.process import ProcessPool
from s2s.settings import Settings
from s2s.stage import Stage, ports
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm
from tests.engine.graphs import ask, graph
from tests.place.fallbacks import Moody

PROMPTLY = Place(kind="loop", first_s=1.5)


def beside(whole: Graph, backup: Stage, of: str = "llm") -> Graph:
    """The graph with a fallback for one of its stages."""
    other = Node("backup", backup, Place(kind="loop"), *ports(type(backup)))
    return dataclasses.replace(whole, nodes={**whole.nodes, of: dataclasses.replace(whole.nodes[of], fallback=other)})


def pair(place: Place = PROMPTLY, **primary: Any) -> tuple[Graph, Moody, Moody]:
    """A cascade with two language models."""
    stages = Moody(words="the first one.", **primary), Moody(words="the second one.")
    whole = beside(graph(llm=stages[0], places={"llm": place}), stages[1])
    return whole, whole.nodes["llm"].stage, whole.nodes["llm"].fallback.stage  # type: ignore[return-value, union-attr]


def words(caller: Caller) -> list[str]:
    """What each whole answer said."""
    return [fact.text for fact in caller.all(f.WordsDone)]


@pytest.mark.parametrize("mood", ["refuse", "hang"])
def test_an_answer_that_the_model_does_not_begin_comes_from_the_other(mood: str) -> None:
    async def talk() -> None:
        whole, primary, backup = pair(moods=[mood])
        async with Engine(whole) as engine:
            caller = Caller(engine)
            await ask(caller)
            done = await caller.until(f.ResponseDone)
            assert done.response.status == "completed" and words(caller) == ["the second one."]
            assert primary.ended == [mood]
            assert backup.asked[0] - primary.asked[0] == (1.5 if mood == "hang" else 0.0)

    run_virtual(talk())


def test_a_model_that_breaks_off_fails_its_answer_the_next_is_in_time_and_it_is_taken_back() -> None:
    async def talk() -> None:
        whole, primary, _ = pair(moods=["break"])
        async with Engine(whole) as engine:
            caller, other = Caller(engine), Caller(engine)
            await ask(caller)
            failed = (await caller.until(f.ResponseDone)).response
            assert (failed.status, failed.error) == ("failed", "llm: the line is cut")
            assert engine.statistics()["llm"]["on_fallback"] == 1 and engine.live
            loop = asyncio.get_running_loop()
            began = loop.time()
            other.call.feed(ev.CreateResponse(settings=Settings()))
            await other.until(f.WordsDelta)
            assert loop.time() - began < 2.0
            assert len(primary.asked) == 1, "nobody waits for a model that is known to be down"
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            await ask(caller)
            await caller.until(f.ResponseDone, 3)
            assert words(caller)[-1] == "the first one."
            assert engine.statistics()["llm"] == {"waiting": 0, "running": 0, "replicas": 1, "on_fallback": 0}
            for one in (caller, other):
                await one.hangup()
            assert primary.gone, "and the other hears of it too"

    run_virtual(talk())


def test_the_time_of_one_is_not_counted_against_the_other() -> None:
    """One watch over both would give up a slow fallback for what the primary has taken."""

    async def talk() -> None:
        primary, backup = Moody(usual="hang"), ScriptedLlm(words="slow but sure.", first_seconds=9.0)
        place = Place(kind="loop", timeout_s=5.0)
        async with Engine(beside(graph(llm=primary, places={"llm": place}), backup)) as engine:
            caller = Caller(engine)
            await ask(caller)
            done = await caller.until(f.ResponseDone)
            assert done.response.status == "completed"

    run_virtual(talk())


@pytest.mark.parametrize("moods", [["hang"], ["refuse"]])
def test_a_response_that_is_cancelled_while_either_hangs_ends_at_once_and_the_stage_is_let_go(moods: list[str]) -> None:
    async def talk() -> None:
        whole, primary, backup = pair(Place(kind="loop"), moods=moods)
        backup.moods.append("hang")
        async with Engine(whole) as engine:
            caller = Caller(engine)
            await ask(caller)
            await asyncio.sleep(2)
            caller.call.feed(ev.CancelResponse())
            done = (await caller.until(f.ResponseDone)).response
            assert (done.status, done.reason) == ("cancelled", "client_cancelled")
            await asyncio.sleep(0.01)
            assert (primary.ended, backup.ended) in ((["hang"], []), (["refuse"], ["hang"]))
            assert engine.statistics()["llm"]["running"] == 0

    run_virtual(talk())


def test_a_fallback_that_does_not_load_stops_the_start() -> None:
    class Heavy(ScriptedLlm):
        def load(self) -> None:
            raise FileNotFoundError("model.gguf is not there")

    async def start() -> None:
        with pytest.raises(EngineError, match=r"^llm: its fallback 'backup': model\.gguf is not there$"):
            async with Engine(beside(graph(), Heavy())):
                pass

    run_virtual(start())


@pytest.mark.anyio
async def test_a_process_that_is_killed_in_the_middle_of_an_answer_holds_up_nobody() -> None:
    """Its pool begins another; until that is there, the other model answers."""
    first = ScriptedLlm(words="the first one.", seconds=0.05, first_seconds=0.0)
    routes = {
        "voice": "caller | chat | llm | caller",
        **dict.fromkeys(("partials", "asked", "captions", "words", "calls")),
    }
    whole = beside(
        graph(routes, places={"llm": Place(kind="process")}, llm=first), ScriptedLlm(words="the second one.")
    )
    async with Engine(whole) as engine:
        pool: Any = engine.pools["llm"]
        assert isinstance(pool, FallbackPool) and isinstance(pool._primary, ProcessPool)
        caller, loop = Caller(engine), asyncio.get_running_loop()
        text = Settings(outputs=("text",))
        caller.call.feed(ev.CreateResponse(settings=text))
        await caller.until(f.TextDelta)
        (child,) = pool._primary._children()
        os.kill(child.pid, signal.SIGKILL)
        assert (await caller.until(f.ResponseDone)).response.status == "failed"
        began, said = loop.time(), len(caller.all(f.TextDelta))
        caller.call.feed(ev.CreateResponse(settings=text))
        await caller.until(f.TextDelta, said + 1)
        print(f"first output {loop.time() - began:.3f} s after it was asked for")
        assert loop.time() - began < 1.0 and not pool._primary.live and engine.live
        await caller.until(f.ResponseDone, 2)
        while not (pool._primary.live and pool.statistics()["on_fallback"] == 0):
            await asyncio.sleep(0.2)
            caller.call.feed(ev.CreateResponse(settings=text))
            await caller.until(f.ResponseDone, len(caller.all(f.ResponseDone)) + 1)
        assert [fact.text for fact in caller.all(f.TextDone)][-1] == "the first one."
