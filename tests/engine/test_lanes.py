"""A detector that takes batches: its items need no task, and all that holds for queues holds for its lanes."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Any, ClassVar

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.graph import Graph
from s2s.messages import Activity, Audio
from s2s.place.options import Place
from s2s.place.ticks import TickPool
from s2s.stage import Call
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedStt, ScriptedVad
from tests.engine.graphs import ask, graph, only_response


@dataclasses.dataclass(kw_only=True)
class BatchedVad(ScriptedVad):
    """The scripted one, many callers at once; `fails` at the batch of that number."""

    fails: int | None = None
    sizes: ClassVar[list[int]] = []
    rates: ClassVar[set[int]] = set()

    def run_batch(self, calls: list[Call], items: list[Audio]) -> list[list[Activity]]:
        """Pass every sound on."""
        self.sizes.append(len(items))
        self.rates.update(item.rate for item in items)
        if len(self.sizes) - 1 == self.fails:
            raise RuntimeError("the detector is out of order")
        return [list(self.run(call, item)) for call, item in zip(calls, items, strict=True)]


@pytest.fixture(autouse=True)
def _afresh() -> None:
    BatchedVad.sizes.clear()
    BatchedVad.rates.clear()


def batched(vad: ScriptedVad | None = None, kind: Any = "loop", **changes: Any) -> Graph:
    place = Place(kind=kind, batch=8, wait_ms=4, timeout_s=changes.pop("timeout_s", 30.0))
    return graph(places={"vad": place}, vad=vad or BatchedVad(), **changes)


@pytest.mark.parametrize("rate", [16000, 24000])
def test_callers_share_batches_and_each_is_answered(rate: int) -> None:
    async def talk() -> None:
        async with Engine(batched()) as engine:
            assert isinstance(engine.pools["vad"], TickPool)
            callers = [Caller(engine, rate=rate) for _ in range(5)]
            await asyncio.gather(*(ask(caller) for caller in callers))
            for caller in callers:
                await caller.until(f.ResponseDone)
                assert only_response(caller).status == "completed"
                assert caller.all(f.SpeechStarted)[0].at_ms <= 20
                await caller.hangup()

    run_virtual(talk())
    assert max(BatchedVad.sizes) == 5
    assert BatchedVad.rates == {16000}, "what comes at another rate is resampled on the way"


def test_a_batch_that_fails_is_told_to_those_in_it_and_ends_nothing() -> None:
    async def talk() -> None:
        async with Engine(batched(BatchedVad(fails=3))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert [p.message for p in caller.all(f.Problem)] == ["vad: the detector is out of order"]
            assert only_response(caller).status == "completed"

    run_virtual(talk())


def test_sound_waits_while_the_recogniser_has_no_room_and_none_is_lost() -> None:
    async def talk() -> None:
        stt = Place(kind="loop", inbox=2)
        async with Engine(
            graph(
                places={"vad": Place(kind="loop", batch=8), "stt": stt},
                vad=BatchedVad(),
                stt=ScriptedStt(texts=["one", "two"], partials=True),
            )
        ) as engine:
            caller = Caller(engine)
            loud, quiet = b"\xd0\x07" * 3200, bytes(6400)
            for pcm in (loud, loud, quiet, quiet, loud, loud, quiet, quiet):
                await caller.call.audio(pcm, 16000)
            texts = [(await caller.until(f.TurnText, number)).text for number in (1, 2)]
            assert texts == ["one", "two"]
            await caller.hangup()

    run_virtual(talk())


def test_what_is_in_hand_is_dropped_with_its_scope() -> None:
    async def talk() -> None:
        async with Engine(batched()) as engine:
            caller, other = Caller(engine), Caller(engine)
            caller.call.hearing.hear(b"\xd0\x07" * 320, 16000)
            assert caller.call.flow.listening.in_flight() == 1
            caller.call.clear()
            await caller.be_silent(100)
            assert not caller.all(f.SpeechStarted)
            caller.call.hearing.hear(bytes(640), 16000)
            await caller.hangup()
            await ask(other)
            await other.until(f.ResponseDone)
            assert engine.statistics()["vad"] == {"waiting": 0, "running": 0, "replicas": 1}

    run_virtual(talk())


@pytest.mark.anyio
async def test_a_detector_that_hangs_is_told_and_replaced() -> None:
    release = threading.Event()

    class Hanging(BatchedVad):
        def run_batch(self, calls: list[Call], items: list[Audio]) -> list[list[Activity]]:
            if not self.sizes:
                self.sizes.append(1)
                release.wait(20)
            return super().run_batch(calls, items)

    async with Engine(batched(Hanging(), "thread", timeout_s=0.05)) as engine:
        caller = Caller(engine)
        caller.call.hearing.hear(bytes(640), 16000)
        problem = await asyncio.wait_for(caller.until(f.Problem), 5)
        assert problem.message == "vad: no sign of life for 0.05 s"
        while engine.pools["vad"].statistics()["running"]:
            await asyncio.sleep(0.01)
        await ask(caller)
        await asyncio.wait_for(caller.until(f.ResponseDone), 5)
        await caller.hangup()
        release.set()
