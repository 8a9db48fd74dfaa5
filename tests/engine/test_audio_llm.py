"""A graph without a recogniser: the language model is given the caller's sound, and all else is as before."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.engine import Engine
from s2s.graph import Graph
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings
from s2s.speculation import Speculation
from s2s.stage import Call
from s2s.testing.caller import FRAME_MS, LOUD, Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTurn
from s2s.text.chat import UNKEPT, Chat
from tests.engine.graphs import graph, only_response

AUDIO: dict[str, str | None] = {
    "voice": "caller | vad | turn | chat | llm | clauses | tts | caller",
    "partials": None,
    "captions": None,
}
CAPTIONS: dict[str, str | None] = {**AUDIO, "captions": "turn | stt | caller"}


@dataclasses.dataclass(kw_only=True)
class Listener(ScriptedLlm):
    """Notes its prompts, and when each came."""

    prompts: list[Prompt] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)

    def hears(self) -> bool:
        return True

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        self.prompts.append(item)
        self.times.append(asyncio.get_running_loop().time())
        async for out in super().run(call, item):
            yield out


def drawn(routes: dict[str, str | None] = AUDIO, **changes: Any) -> Graph:
    return graph(routes, **{"llm": Listener(), **changes})


def listener(engine: Engine) -> Any:
    return engine.graph.nodes["llm"].stage


async def say(caller: Caller, level: int, ms: float = 600) -> bytes:
    """Speak a turn of one loudness, in frames that differ, and return all its sound up to its end."""
    sent = b""
    for number in range(round(ms / FRAME_MS)):
        pcm = (level + number).to_bytes(2, "little") * (16 * FRAME_MS)
        sent += pcm
        await caller.call.audio(pcm, 16000)
        await asyncio.sleep(FRAME_MS / 1000)
    await caller.be_silent(400)
    return sent + bytes(2 * 16 * 300)


def heard(prompt: Prompt) -> list[tuple[str, bytes]]:
    """The words and the sound of each of the user's lines."""
    return [(line.text, line.audio) for line in prompt.lines if line.role == "user"]


def test_the_model_is_given_the_turn_bit_for_bit_and_the_caller_hears_it_answer() -> None:
    async def talk() -> None:
        async with Engine(drawn()) as engine:
            caller = Caller(engine)
            sound = await say(caller, 1000)
            await caller.until(f.ResponseDone)
            response = only_response(caller)
            assert response.status == "completed" and response.items[0].text == ScriptedLlm.words
            assert caller.all(f.SoundDelta)
            (prompt,) = listener(engine).prompts
            assert heard(prompt) == [("", sound)]
            turn = caller.all(f.ItemAdded)[0].item
            assert [(part.kind, part.text) for part in turn.parts] == [("input_audio", None)]
            assert not caller.all(f.TurnText) and not caller.all(f.TurnTextFailed)
            assert engine.network.wiring().hears and "stt" not in engine.graph.nodes

    run_virtual(talk())


def test_history_has_the_sound_of_the_last_turns() -> None:
    async def talk() -> None:
        async with Engine(drawn(chat=Chat(audio_turns=2))) as engine:
            caller = Caller(engine)
            sounds = []
            for turn in range(3):
                sounds.append(await say(caller, 1000 * (turn + 1)))
                await caller.until(f.ResponseDone, turn + 1)
                await caller.be_silent(5000)
            last = listener(engine).prompts[-1]
            assert heard(last) == [(UNKEPT, b""), ("", sounds[1]), ("", sounds[2])]
            assert [line.role for line in last.lines[1:]] == ["user", "assistant", "user", "assistant", "user"]
            assert len(caller.call.hearing._sounds) == 2, "no more is kept than is sent"

    run_virtual(talk())


def test_where_turns_are_transcribed_too_the_answer_does_not_wait_and_history_has_the_words() -> None:
    async def talk() -> None:
        stt = ScriptedStt(texts=["one", "two"], seconds=3.0)
        async with Engine(drawn(CAPTIONS, stt=stt, chat=Chat(audio_turns=1))) as engine:
            caller = Caller(engine)
            await say(caller, 1000)
            await caller.until(f.SoundDelta)
            assert not caller.all(f.TurnText), "the answer is heard before the words are known"
            await caller.until(f.TurnText)
            await caller.be_silent(5000)
            second = await say(caller, 2000)
            await caller.until(f.ResponseDone, 2)
            await caller.until(f.TurnText, 2)
            await caller.be_silent(3000)
            assert len(caller.all(f.ResponseCreated)) == 2, "the words are answered by nobody"
            assert heard(listener(engine).prompts[1]) == [("one", b""), ("", second)]
            assert [item.text for item in caller.call.state.items if item.role == "user"] == ["one", "two"]

    run_virtual(talk())


def test_a_recogniser_that_fails_costs_the_words_and_not_the_answer() -> None:
    async def talk() -> None:
        async with Engine(drawn(CAPTIONS, stt=ScriptedStt(fails=[0]))) as engine:
            caller = Caller(engine)
            await say(caller, 1000)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed" and len(caller.all(f.TurnTextFailed)) == 1

    run_virtual(talk())


def test_speech_over_the_answer_stops_it_and_is_heard_itself() -> None:
    async def talk() -> None:
        async with Engine(drawn(llm=Listener(endless=True))) as engine:
            caller = Caller(engine)
            first = await say(caller, 1000)
            await caller.until(f.SoundDelta)
            second = await say(caller, 2000)
            while len(listener(engine).prompts) < 2:
                await caller.be_silent(100)
            done = caller.all(f.ResponseDone)[0].response
            assert (done.status, done.reason) == ("cancelled", "turn_detected")
            assert heard(listener(engine).prompts[1]) == [("", first), ("", second)]

    run_virtual(talk())


@pytest.mark.parametrize("enabled", [True, False])
def test_an_answer_is_prepared_at_a_pause_only_where_it_may_be(enabled: bool) -> None:
    async def talk() -> None:
        turn = ScriptedTurn(silence_ms=600, soft_ms=200)
        async with Engine(drawn(turn=turn), speculation=Speculation(enabled=enabled)) as engine:
            caller = Caller(engine)
            await caller.speak(600)
            await caller.be_silent(700)
            await caller.until(f.ResponseDone)
            ended = caller.when(f.SpeechStopped)
            (asked,) = listener(engine).times
            assert asked == pytest.approx(ended - (0.4 if enabled else 0.0), abs=0.03)
            assert len(heard(listener(engine).prompts[0])[0][1]) / 32 >= 800
            assert caller.when(f.ResponseCreated) >= ended

    run_virtual(talk())


def test_an_answer_prepared_at_a_pause_is_dropped_when_the_caller_goes_on() -> None:
    async def talk() -> None:
        turn = ScriptedTurn(silence_ms=600, soft_ms=200)
        async with Engine(drawn(turn=turn)) as engine:
            caller = Caller(engine)
            await caller.speak(600)
            await caller.be_silent(400)
            await caller.speak(600)
            await caller.be_silent(700)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"
            first, *_, last = listener(engine).prompts
            assert len(heard(first)[0][1]) / 32 == pytest.approx(800, abs=25)
            assert len(heard(last)) == 1
            spoken = heard(last)[0][1].count(LOUD) / 16
            assert spoken == pytest.approx(1200, abs=25), "the whole turn, once"
            assert caller.call.state.dropped == 1

    run_virtual(talk())


def test_push_to_talk_and_sound_given_as_an_item() -> None:
    async def talk() -> None:
        async with Engine(drawn()) as engine:
            caller = Caller(engine, Settings(detection=None))
            await caller.speak(500)
            assert await caller.call.commit() is None
            given = bytes(range(256)) * 125
            item = Item(id="", parts=(Part(kind="input_audio"),))
            caller.call.feed(ev.CreateItem(item=item, sound=given, rate=16000))
            assert not caller.all(f.Problem)
            caller.call.feed(ev.CreateResponse(settings=Settings()))
            await caller.until(f.ResponseDone)
            (first, second) = heard(listener(engine).prompts[0])
            assert second == ("", given) and len(first[1]) >= 500 * 32

    run_virtual(talk())


def test_a_typed_turn_among_spoken_ones() -> None:
    async def talk() -> None:
        async with Engine(drawn()) as engine:
            caller = Caller(engine)
            sound = await say(caller, 1000)
            await caller.until(f.ResponseDone)
            part = Part(kind="input_text", text="and in writing?")
            caller.call.feed(ev.CreateItem(item=Item(id="", parts=(part,))))
            caller.call.feed(ev.CreateResponse(settings=Settings()))
            await caller.until(f.ResponseDone, 2)
            assert heard(listener(engine).prompts[1]) == [("", sound), ("and in writing?", b"")]

    run_virtual(talk())


def test_a_turn_that_is_cleared_is_not_heard() -> None:
    async def talk() -> None:
        async with Engine(drawn()) as engine:
            caller = Caller(engine)
            await caller.speak(500)
            caller.call.clear()
            await caller.be_silent(1000)
            assert not caller.all(f.ResponseCreated) and not listener(engine).prompts
            sound = await say(caller, 1000)
            await caller.until(f.ResponseDone)
            assert heard(listener(engine).prompts[0]) == [("", sound)]

    run_virtual(talk())
