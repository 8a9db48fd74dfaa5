"""Whole conversations of scripted stages, in virtual time."""

from __future__ import annotations

import re
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.settings import Detection, Settings
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts, ScriptedTurn
from tests.engine.graphs import graph


async def converse(seconds: float) -> list[tuple[float, f.Fact]]:
    """Talk for a while with turns, pauses and interruptions, and return all that was told."""
    async with Engine(graph(stt=ScriptedStt(texts=["one two three", "four five"], partials=True)), seed="t") as engine:
        caller = Caller(engine)
        turn = 0
        while caller.call.heard_ms < seconds * 1000:
            await caller.speak(800 + 140 * (turn % 4))
            await caller.be_silent(700 + 900 * (turn % 3))
            turn += 1
        await caller.hangup()
        assert len(caller.all(f.SpeechStarted)) == turn
        return caller.heard


def test_five_minutes_take_two_seconds_and_are_the_same_twice() -> None:
    began = time.process_time()
    first = run_virtual(converse(300))
    spent = time.process_time() - began
    assert spent < 2.0, f"300 s of conversation took {spent:.2f} s of processor time"
    assert first == run_virtual(converse(300))
    statuses = {fact.response.status for _, fact in first if isinstance(fact, f.ResponseDone)}
    assert statuses == {"completed", "cancelled"}


def virtual(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def test_a_turn_is_answered_in_contract_order() -> None:
    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(400)
            await caller.until(f.ResponseDone)
            kinds = [type(fact).__name__ for _, fact in caller.heard]
            order = [kind for kind in kinds if kind not in ("SoundDelta", "WordsDelta", "TurnTextDelta")]
            assert order == [
                *("SpeechStarted", "SpeechStopped", "TurnCommitted", "ItemAdded", "ItemDone", "TurnText"),
                *("ResponseCreated", "OutputItemAdded", "ItemAdded", "PartAdded", "SoundDone", "WordsDone"),
                *("PartDone", "ItemDone", "OutputItemDone", "ResponseDone"),
            ]
            said = "".join(fact.delta for fact in caller.all(f.WordsDelta))
            assert said == caller.all(f.WordsDone)[0].text == ScriptedLlm.words

    virtual(talk())


def test_speech_over_an_answer_cancels_it_and_history_holds_what_was_heard() -> None:
    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(320)
            await caller.until(f.SoundDelta, 3)
            await caller.speak(600)
            done = await caller.until(f.ResponseDone)
            assert (done.response.status, done.response.reason) == ("cancelled", "turn_detected")
            started = caller.heard.index(next(x for x in caller.heard if x[1] is caller.all(f.SpeechStarted)[1]))
            later = [type(fact) for _, fact in caller.heard[started + 1 :]]
            assert f.SoundDelta not in later and f.WordsDelta not in later
            answer = next(item for item in caller.call.state.items if item.role == "assistant")
            assert answer.text.startswith(answer.heard) and len(answer.heard) < len(answer.text)
            await caller.be_silent(2000)
            await caller.until(f.ResponseDone, 2)

    virtual(talk())


def test_speech_over_sound_that_is_still_playing_cuts_what_the_model_is_told() -> None:
    """The reference keeps the whole reply as said once its generation has finished."""

    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(400)
            await caller.until(f.ResponseDone)
            await caller.be_silent(200)
            await caller.speak(300)
            answer = next(item for item in caller.call.state.items if item.role == "assistant")
            assert 0 < len(answer.heard) < len(answer.text)
            assert caller.all(f.ResponseDone)[0].response.status == "completed"

    virtual(talk())


def test_a_caller_who_goes_on_is_answered_once_and_a_cough_does_not_lose_the_question() -> None:
    async def talk() -> None:
        stt = ScriptedStt(texts=["what time is it", ""], seconds=1.0)
        async with Engine(graph(stt=stt)) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(320)
            await caller.speak(100)
            await caller.be_silent(3000)
            await caller.until(f.ResponseDone)
            assert len(caller.all(f.ResponseCreated)) == 1

    virtual(talk())


def test_silence_and_noise_get_no_answer() -> None:
    async def talk() -> None:
        async with Engine(graph(stt=ScriptedStt(texts=[""]))) as engine:
            caller = Caller(engine)
            await caller.speak(200)
            await caller.be_silent(3000)
            assert caller.all(f.TurnText)[0].text == ""
            assert not caller.all(f.ResponseCreated)

    virtual(talk())


def test_a_speculative_answer_waits_at_the_gate_for_the_end_of_the_turn() -> None:
    async def talk() -> None:
        turn = ScriptedTurn(silence_ms=1500, soft_ms=200)
        async with Engine(graph(turn=turn)) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(1400)
            assert not caller.all(f.ResponseCreated) and not caller.all(f.TurnText)
            await caller.be_silent(200)
            await caller.until(f.ResponseDone)
            assert caller.when(f.SoundDelta) - caller.when(f.SpeechStopped) < 0.001

    virtual(talk())


def test_the_parts_of_the_gap_are_logged_also_of_an_answer_that_waited_for_the_commit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk(silence_ms: float, soft_ms: float | None) -> dict[str, int]:
        stt, llm = ScriptedStt(seconds=0.1), ScriptedLlm(words="yes, certainly.", first_seconds=0.2)
        async with Engine(graph(turn=ScriptedTurn(silence_ms=silence_ms, soft_ms=soft_ms), stt=stt, llm=llm)) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(2000)
            await caller.until(f.ResponseDone)
        (line,) = [record.getMessage() for record in caplog.records if "gap" in record.getMessage()]
        caplog.clear()
        return {name: int(value) for name, value in re.findall(r"(\w+) (-?\d+)", line)}

    caplog.set_level("INFO", "s2s")
    plain = run_virtual(talk(500, None))
    assert plain == {"gap": 870, "turn": 500, "stt": 100, "llm": 220, "clause": 20, "tts": 30, "commit": 0}
    trial = run_virtual(talk(500, 200))
    assert trial == {**plain, "gap": 570, "turn": 200}
    early = run_virtual(talk(1000, 200))
    assert early == {**trial, "gap": 1000, "commit": 430}


def test_a_speculative_answer_to_a_turn_that_goes_on_is_never_heard_of() -> None:
    async def talk() -> None:
        turn = ScriptedTurn(silence_ms=1500, soft_ms=200)
        stt = ScriptedStt(texts=["book a", "book a table"])
        async with Engine(graph(turn=turn, stt=stt)) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            await caller.be_silent(1000)
            await caller.speak(1000)
            await caller.be_silent(2000)
            await caller.until(f.ResponseDone)
            assert [fact.text for fact in caller.all(f.TurnText)] == ["book a table"]
            assert len(caller.all(f.ResponseCreated)) == 1
            users = [item.text for item in caller.call.state.items if item.role == "user"]
            assert users == ["book a table"]

    virtual(talk())


def test_a_caller_whose_sound_stops_coming_leaves_no_turn_open() -> None:
    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            done = await caller.until(f.ResponseDone)
            assert done.response.status == "completed"
            assert caller.call.state.turn is None

    virtual(talk())


def test_push_to_talk_is_silent_until_committed() -> None:
    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine, Settings(detection=None))
            await caller.speak(1000)
            await caller.be_silent(2000)
            assert not caller.heard
            assert await caller.call.commit() is None
            text = await caller.until(f.TurnText)
            assert text.text == "hello" and not caller.all(f.SpeechStarted)
            assert not caller.all(f.ResponseCreated)
            assert await caller.call.commit() is not None

    virtual(talk())


def test_detection_without_answers_leaves_them_to_the_client() -> None:
    async def talk() -> None:
        settings = Settings(detection=Detection(create_response=False))
        async with Engine(graph()) as engine:
            caller = Caller(engine, settings)
            await caller.speak(1000)
            await caller.be_silent(2000)
            await caller.until(f.TurnText)
            assert not caller.all(f.ResponseCreated)

    virtual(talk())


def test_cleared_speech_is_never_answered() -> None:
    async def talk() -> None:
        async with Engine(graph()) as engine:
            caller = Caller(engine)
            await caller.speak(1000)
            caller.call.clear()
            await caller.be_silent(3000)
            assert caller.all(f.InputCleared) and not caller.all(f.TurnCommitted)
            await caller.speak(500)
            await caller.be_silent(400)
            await caller.until(f.ResponseDone)

    virtual(talk())


def test_weights_that_earn_no_money_are_said_at_every_start(caplog: pytest.LogCaptureFixture) -> None:
    class Unpaid(ScriptedTts):
        non_commercial = "usual weights: CC BY-NC 4.0"

    async def start() -> None:
        async with Engine(graph(tts=Unpaid())):
            pass

    run_virtual(start())
    assert "tts: usual weights: CC BY-NC 4.0: not for commercial use; see docs/licences.md" in caplog.messages
