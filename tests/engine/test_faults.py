"""Stages that are slow, fail, hang, never end; callers that stop reading; calls that end, servers that refuse."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine, EngineError, SessionLimit
from s2s.gate import CAP_S
from s2s.place.options import Place
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.engine.graphs import ask, graph, only_response


def test_a_model_that_fails_ends_the_response_with_the_reason_and_the_next_is_answered() -> None:
    async def talk() -> None:
        async with Engine(graph(llm=ScriptedLlm(fail_at=3))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "failed"
            assert only_response(caller).error == "llm: the model is out of order"
            await ask(caller)
            await caller.until(f.ResponseDone, 2)

    run_virtual(talk())


def test_a_voice_that_fails_is_no_completed_answer() -> None:
    """The reference ends such a response as completed, without a sound."""

    async def talk() -> None:
        async with Engine(graph(tts=ScriptedTts(fail_at=0))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert (only_response(caller).status, only_response(caller).error) == (
                "failed",
                "tts: the voice is out of order",
            )

    run_virtual(talk())


def test_a_recogniser_that_fails_says_so_and_hears_the_next_turn() -> None:
    async def talk() -> None:
        async with Engine(graph(stt=ScriptedStt(fails=[0]))) as engine:
            caller = Caller(engine)
            await ask(caller)
            failed = await caller.until(f.TurnTextFailed)
            assert failed.reason == "the recogniser is out of order"
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"

    run_virtual(talk())


def test_a_model_that_hangs_is_given_up_on() -> None:
    async def talk() -> None:
        place = Place(kind="loop", timeout_s=5.0)
        async with Engine(graph(llm=ScriptedLlm(hang_at=2), places={"llm": place})) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).error == "llm: no sign of life for 5 s"

    run_virtual(talk())


def test_a_model_that_hangs_can_be_interrupted_at_once() -> None:
    """The reference can't abort a read that hangs, for 20 seconds."""

    async def talk() -> None:
        async with Engine(graph(llm=ScriptedLlm(hang_at=2))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.WordsDelta, 2)
            await caller.speak(100)
            assert only_response(caller).reason == "turn_detected"
            assert caller.when(f.ResponseDone) == caller.when(f.SpeechStarted, 2)

    run_virtual(talk())


def test_an_endless_answer_is_paused_by_a_caller_who_stops_reading_and_ends_when_interrupted() -> None:
    async def talk() -> None:
        async with Engine(graph(llm=ScriptedLlm(endless=True, seconds=0.001))) as engine:
            idle, other = Caller(engine), Caller(engine)
            idle.reads = False
            await asyncio.gather(ask(idle), ask(other))
            await asyncio.sleep(120)
            assert not idle.all(f.SoundDelta)
            (scope,) = idle.call._scopes.values()
            assert scope.gate._sound_s <= CAP_S + 6.0, "no more is spoken than a clause beyond the cap"
            inboxes = idle.call.flow.statistics()
            assert all(box["waiting"] <= 66 for box in inboxes.values()), inboxes
            heard = sum(len(fact.pcm) / 2 / fact.rate for fact in other.all(f.SoundDelta))
            assert heard > 100, "one caller does not stall another"
            idle.read_on()
            await asyncio.sleep(10)
            assert sum(len(fact.pcm) / 2 / fact.rate for fact in idle.all(f.SoundDelta)) > CAP_S
            await ask(idle)
            assert idle.all(f.ResponseDone)[0].response.reason == "turn_detected"

    run_virtual(talk())


def test_a_hung_up_call_leaves_no_task_and_no_scope() -> None:
    async def talk() -> None:
        async with Engine(graph(llm=ScriptedLlm(endless=True))) as engine:
            before = len(asyncio.all_tasks())
            callers = [Caller(engine) for _ in range(5)]
            await asyncio.gather(*(ask(caller) for caller in callers))
            await asyncio.sleep(3)
            assert len(asyncio.all_tasks()) > before
            for caller in callers:
                await caller.hangup()
                await caller.hangup()
            assert len(asyncio.all_tasks()) == before
            assert not engine.calls

    run_virtual(talk())


def test_a_server_takes_no_more_calls_than_it_says() -> None:
    async def talk() -> None:
        async with Engine(graph(), sessions=1) as engine:
            Caller(engine)
            with pytest.raises(SessionLimit, match="all 1 sessions are in use"):
                Caller(engine)

    run_virtual(talk())


def test_a_stage_that_does_not_load_says_which_and_why() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Heavy(ScriptedTts):
        def load(self) -> None:
            raise FileNotFoundError("voice.onnx is not there")

    async def start() -> None:
        with pytest.raises(EngineError, match=r"^tts: voice\.onnx is not there$"):
            async with Engine(graph(tts=Heavy())):
                pass

    run_virtual(start())


def test_an_asynchronous_stage_in_a_thread_is_refused() -> None:
    async def start() -> None:
        with pytest.raises(EngineError, match="choose 'loop', not 'thread'"):
            async with Engine(graph(places={"tts": Place(kind="thread")})):
                pass

    run_virtual(start())
