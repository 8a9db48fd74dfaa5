"""A language model that reads ahead: given the question while it is spoken, and stopped for whoever waits."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

import msgspec
import pytest

from s2s.conversation import facts as f
from s2s.conversation import trial
from s2s.engine import Engine
from s2s.messages import Prompt, Reply, ReplyEnd, Speech, ToolCall, Transcript
from s2s.speculation import Speculation
from s2s.stage import Call
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTurn
from tests.engine.graphs import ask, graph, only_response

QUESTION = "what time is it"


@pytest.fixture(autouse=True)
def _every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "READ_WORDS", 1)


@dataclasses.dataclass(kw_only=True)
class Reader(ScriptedLlm):
    """Notes what it is given and what it lets go, with whose and when; how it reads ahead is its `mood`."""

    mood: Literal["read", "babble", "fail", "hang"] = "read"
    prompts: list[Prompt] = dataclasses.field(default_factory=list)
    log: list[tuple[str, float, str]] = dataclasses.field(default_factory=list)
    reads_ahead: ClassVar[bool] = True

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        self.prompts.append(item)
        said = item.lines[-1].text
        self._note(call, f"{item.ahead or 'asked'}: {said}")
        if item.ahead is None:
            async for out in super().run(call, item):
                yield out
        elif self.mood == "babble":
            yield Reply(text="nobody asked.")
            yield ReplyEnd()
        elif self.mood == "fail":
            raise RuntimeError("it can't read")
        elif self.mood == "hang":
            try:
                await asyncio.Event().wait()
            finally:
                self._note(call, f"gone: {said}")

    def _note(self, call: Call, what: str) -> None:
        self.log.append((call.id, asyncio.get_running_loop().time(), what))


class Unread(Reader):
    """Has no use for what it is not asked."""

    reads_ahead: ClassVar[bool] = False


class Growing(ScriptedStt):
    """Says a partial for every word, once."""

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        async for heard in super().run(call, item):
            if heard.text != call.state.get("said"):
                call.state["said"] = heard.text
                yield heard


def ears(*texts: str, silence_ms: float = 300, soft_ms: float | None = 200) -> dict[str, Any]:
    """Stages that hear these texts word by word."""
    stt = Growing(texts=list(texts or (QUESTION,)), partials=True)
    return {"stt": stt, "turn": ScriptedTurn(silence_ms=silence_ms, soft_ms=soft_ms)}


def notes(model: Reader, caller: Caller | None = None) -> list[str]:
    """What a model has noted, of all callers or of one."""
    return [what for call_id, _, what in model.log if caller is None or call_id == caller.call.id]


@pytest.mark.parametrize("mood", ["read", "babble", "fail"])
def test_a_question_is_read_while_it_is_spoken_and_only_the_whole_is_answered(mood: str) -> None:
    """Whatever comes of the reading, and also where it fails."""

    async def talk() -> None:
        unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
        model = Reader(mood=mood)  # type: ignore[arg-type]
        async with Engine(graph(llm=model, **ears())) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"
            assert [fact.text for fact in caller.all(f.WordsDone)] == [ScriptedLlm.words]
            assert not caller.all(f.Problem) and not unhandled
        assert notes(model) == [
            *("begun: what", "begun: what time", "begun: what time is", f"begun: {QUESTION}"),
            f"asked: {QUESTION}",
        ]

    run_virtual(talk())


def test_what_is_read_is_the_beginning_of_what_is_asked() -> None:
    async def talk() -> None:
        model = Reader()
        async with Engine(graph(llm=model, **ears(QUESTION, "and where am I"))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            await caller.be_silent(8000)
            model.prompts.clear()
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
        *begun, asked = model.prompts
        assert [line.role for line in asked.lines] == ["system", "user", "assistant", "user"]
        assert len(begun) == 4 and all(prompt.lines[:-1] == asked.lines[:-1] for prompt in begun)
        assert begun[-1] == msgspec.structs.replace(asked, ahead="begun")

    run_virtual(talk())


def test_a_stage_that_does_not_read_ahead_is_only_asked() -> None:
    async def talk() -> None:
        model = Unread()
        async with Engine(graph(llm=model, **ears())) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert not caller.call.state.wiring.primes
        assert notes(model) == [f"asked: {QUESTION}"]

    run_virtual(talk())


def test_nothing_is_read_ahead_where_nothing_may_be_done_in_vain() -> None:
    async def talk() -> None:
        model = Reader()
        async with Engine(graph(llm=model, **ears()), speculation=Speculation(enabled=False)) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
        assert notes(model) == [f"asked: {QUESTION}"]

    run_virtual(talk())


def test_a_reading_that_hangs_gives_way_to_the_next_and_to_the_question() -> None:
    async def talk() -> None:
        model = Reader(mood="hang")
        async with Engine(graph(llm=model, **ears("so what", silence_ms=900, soft_ms=None))) as engine:
            caller = Caller(engine)
            await ask(caller)
            assert notes(model) == ["begun: so", "gone: so", "begun: so what"], "one at a time"
            await caller.be_silent(600)
            await caller.until(f.ResponseDone)
            assert only_response(caller).status == "completed"
            *_, gone, asked = model.log
            assert (gone[2], asked[2]) == ("gone: so what", "asked: so what")
            assert gone[1] == asked[1], "nothing is waited for"

    run_virtual(talk())


def test_a_reading_that_hangs_ends_with_the_call() -> None:
    async def talk() -> None:
        model = Reader(mood="hang")
        async with Engine(graph(llm=model, **ears("so what"))) as engine:
            before = len(asyncio.all_tasks())
            caller = Caller(engine)
            await caller.speak(600)
            assert notes(model)[-1] == "begun: so what"
            await caller.hangup()
            assert notes(model)[-1] == "gone: so what"
            assert len(asyncio.all_tasks()) == before and engine.statistics()["llm"]["running"] == 0

    run_virtual(talk())


def test_nothing_is_read_ahead_while_somebody_waits_for_an_answer() -> None:
    async def talk() -> None:
        model = Reader(first_seconds=2.0)
        async with Engine(graph(llm=model, **ears())) as engine:
            waiting, speaking = Caller(engine), Caller(engine)
            await ask(waiting)
            await ask(speaking)
            assert not waiting.all(f.SoundDelta)
            await speaking.be_silent(12000)
            assert len(speaking.all(f.ResponseDone)) == 1 and not waiting.call.state.waiting
            assert notes(model, speaking) == [f"asked: {QUESTION}"]
            await speaking.speak(600)
            assert notes(model, speaking)[1] == "begun: what"

    run_virtual(talk())
