"""Graphs of other shapes than the cascade: several voices, tools, recorders, texts, interpreters, captions."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.messages import Audio, Clause, Prompt, Reply, ReplyEnd, Sound, ToolCall, Transcript
from s2s.place.options import Place
from s2s.settings import Detection, Settings
from s2s.stage import Call, Stage
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.engine.graphs import ask, graph, only_response


@dataclasses.dataclass(kw_only=True)
class UnevenTts(Stage):
    """Takes longer for earlier clauses, and says the number of each."""

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        await asyncio.sleep(2.0 - item.index)
        yield Sound(pcm=item.index.to_bytes(2, "little") * 2400, rate=24000)


def test_what_runs_ahead_comes_out_in_order() -> None:
    async def talk() -> None:
        place = Place(kind="loop", ahead=2)
        async with Engine(graph(tts=UnevenTts(), places={"tts": place})) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert [fact.pcm[0] for fact in caller.all(f.SoundDelta)] == [0, 1]
            assert caller.when(f.SoundDelta, 2) - caller.when(f.ResponseCreated) < 2.5, "both were spoken at once"

    run_virtual(talk())


@dataclasses.dataclass(kw_only=True)
class Cast(Stage):
    """Gives every other clause to the narrator."""

    def run(self, call: Call, item: Clause) -> Iterator[Clause]:
        to = "narrator" if item.index % 2 else "tts"
        yield Clause(text=item.text, index=item.index, until=item.until, to=to)


def test_two_voices_take_turns_however_slow_one_is() -> None:
    async def talk() -> None:
        drawn = graph(
            {
                "voice": "caller | vad | turn | stt | chat | llm | clauses | cast | tts | caller",
                "narrator": "cast | narrator | caller",
            },
            places={"cast": Place(kind="inline")},
            cast=Cast(),
            tts=ScriptedTts(level=1, seconds=0.5),
            narrator=ScriptedTts(level=2, seconds=0.001),
            llm=ScriptedLlm(words="one. two. three. four."),
        )
        async with Engine(drawn) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            voices = [fact.pcm[0] for fact in caller.all(f.SoundDelta)]
            assert voices == [1, 1, 2, 2, 1, 1, 2, 2]

    run_virtual(talk())


def test_a_tool_in_the_graph_is_run_after_its_response_and_its_result_is_answered() -> None:
    async def talk() -> None:
        llm = ScriptedLlm(calls={"hello": ["weather", "time"]})
        async with Engine(graph({"tools": "llm | tools | chat"}, llm=llm)) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            first, second = (fact.response for fact in caller.all(f.ResponseDone))
            assert [item.name for item in first.items] == ["weather", "time"]
            assert second.items[0].text == ScriptedLlm.words
            outputs = [item.output for item in caller.call.state.items if item.kind == "function_call_output"]
            assert outputs == ['weather{"n": 0}', 'time{"n": 1}']

    run_virtual(talk())


@dataclasses.dataclass(kw_only=True)
class Insistent(Stage):
    """Calls a tool whenever it may."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        if call.settings.tool_choice == "none":
            yield Reply(text="enough.")
        else:
            yield ToolCall(call_id=f"call_{call.scope}", name="again", arguments="{}")
        yield ReplyEnd()


def test_tools_are_not_called_for_ever() -> None:
    async def talk() -> None:
        async with Engine(graph({"tools": "llm | tools | chat"}, llm=Insistent())) as engine:
            caller = Caller(engine)
            await ask(caller)
            await asyncio.sleep(60)
            rounds = caller.all(f.ResponseDone)
            assert len(rounds) == 6
            assert rounds[-1].response.items[0].kind == "message", "the last one must answer"

    run_virtual(talk())


@dataclasses.dataclass(kw_only=True)
class Recorder(Stage):
    """Keeps what it is given, once that is committed."""

    commits = True
    kept: list[str] = dataclasses.field(default_factory=list)

    def run(self, call: Call, item: Audio | Sound | Reply) -> Iterator[None]:
        self.kept.append(type(item).__name__)
        return iter(())


def test_a_stage_that_commits_sees_both_sides_and_its_failure_is_not_the_caller_s() -> None:
    recorder = Recorder()

    async def talk() -> None:
        routes: dict[str, str | None] = {"ears": "caller | recorder", "mouth": "tts | recorder"}
        async with Engine(graph(routes, recorder=recorder)) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"
            await caller.hangup()
            kept = engine.graph.nodes["recorder"].stage.kept  # type: ignore[union-attr]
            assert kept.count("Audio") == 50 and kept.count("Sound") == 20

    run_virtual(talk())


def test_text_answers_synthesise_nothing() -> None:
    async def talk() -> None:
        tts = ScriptedTts(fail_at=0)
        async with Engine(graph(tts=tts)) as engine:
            caller = Caller(engine, Settings(outputs=("text",)))
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"
            assert caller.all(f.TextDone)[0].text == ScriptedLlm.words

    run_virtual(talk())


@dataclasses.dataclass(kw_only=True)
class Louder(Stage):
    """Says again what was said, in capitals."""

    def run(self, call: Call, item: Transcript) -> Iterator[Reply]:
        if item.final:
            yield Reply(text=item.text.upper())


INTERPRETER: dict[str, str | None] = {
    "voice": "caller | vad | turn | stt | translate | clauses | tts | caller",
    "words": "translate | caller",
    "asked": None,
    "calls": None,
}


def test_an_interpreter_answers_every_turn_without_a_prompt() -> None:
    async def talk() -> None:
        async with Engine(graph(INTERPRETER, translate=Louder(), places={"translate": Place(kind="inline")})) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).items[0].text == "HELLO"
            assert caller.all(f.TurnText)[0].text == "hello"
            await ask(caller)
            await caller.until(f.ResponseDone, 2)

    run_virtual(talk())


def test_an_answer_that_comes_of_a_turn_spoken_into_another_answer_follows_it_whole() -> None:
    async def talk() -> None:
        said = [" ".join(f"{turn}{n}" for n in range(60)) for turn in "abc"]
        translate, stt = Louder(), ScriptedStt(texts=said)
        places = {"translate": Place(kind="inline")}
        async with Engine(graph(INTERPRETER, translate=translate, stt=stt, places=places)) as engine:
            caller = Caller(engine, Settings(detection=Detection(interrupt_response=False)))
            for _ in said:
                await ask(caller)
            while len(caller.all(f.ResponseDone)) < len(said):
                await caller.be_silent(100)
            answers = [fact.response for fact in caller.all(f.ResponseDone)]
            assert [(answer.status, answer.items[0].text) for answer in answers] == [
                ("completed", text.upper()) for text in said
            ]
            seconds = sum(len(sound.pcm) for sound in caller.all(f.SoundDelta)) / 2 / 24000
            assert seconds == pytest.approx(3 * 60 * 0.2)

    run_virtual(talk())


def test_captions_alone_answer_nothing() -> None:
    async def talk() -> None:
        routes: dict[str, str | None] = {
            "voice": "caller | vad | turn | stt | caller",
            "asked": None,
            "words": None,
            "calls": None,
            "captions": None,
        }
        async with Engine(graph(routes)) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.TurnText)
            await caller.be_silent(2000)
            assert not caller.all(f.ResponseCreated)

    run_virtual(talk())
