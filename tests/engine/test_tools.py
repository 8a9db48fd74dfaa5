"""Functions that the graph runs: the model is told of them, clients are not, and no interruption loses one."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.functions import UNKNOWN
from s2s.conversation.items import Item, Part
from s2s.engine import Engine
from s2s.messages import Line, Prompt, Reply, ReplyEnd, Speech, ToolCall, ToolResult, Transcript
from s2s.settings import Settings, Tool
from s2s.stage import Call, Stage
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedStt, ScriptedTools
from tests.engine.graphs import ask, graph

ROUTES: dict[str, str | None] = {"tools": "llm | tools | chat"}
OWN = Tool(name="weather", description="Look it up.", here=True)


@dataclasses.dataclass(kw_only=True)
class OwnTools(ScriptedTools):
    """Says what it runs, as the real one does, and notes it."""

    max_tool_rounds: int = 5
    ran: list[str] = dataclasses.field(default_factory=list)

    def offers(self) -> tuple[Tool, ...]:
        return (OWN,)

    async def run(self, call: Call, item: ToolCall) -> AsyncIterator[ToolResult]:
        if item.arguments is not None and not any(t.name == item.name and not t.here for t in call.settings.tools):
            self.ran.append(item.name)
            async for result in super().run(call, item):
                yield result


@dataclasses.dataclass(kw_only=True)
class Model(Stage):
    """Calls the functions of `calls` after a user's line, and says what it was told of results."""

    calls: list[str] = dataclasses.field(default_factory=lambda: ["weather"])
    prompts: list[tuple[Line, ...]] = dataclasses.field(default_factory=list)
    seen: list[Settings] = dataclasses.field(default_factory=list)
    insists: bool = False

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        self.prompts.append(item.lines)
        self.seen.append(call.settings)
        await asyncio.sleep(0.1)
        last = item.lines[-1]
        if (last.role == "user" or self.insists) and call.settings.tool_choice != "none":
            for number, name in enumerate(self.calls):
                call_id = f"c{call.scope}{number}"
                yield ToolCall(call_id=call_id, name=name, delta="{")
                yield ToolCall(call_id=call_id, name=name, arguments="{}")
            yield ReplyEnd(reason="tool_calls")
            return
        yield Reply(text=f"it is {last.text}.")
        yield ReplyEnd()


def stages(engine: Engine) -> tuple[Any, Any]:
    """The model and the tools that run."""
    return engine.graph.nodes["llm"].stage, engine.graph.nodes["tools"].stage


def told_names(caller: Caller) -> set[str]:
    """The kinds of facts that a client was told."""
    return {type(fact).__name__ for _, fact in caller.heard}


def test_a_client_hears_the_answer_and_nothing_of_the_function() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools())) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            first, second = (fact.response for fact in caller.all(f.ResponseDone))
            assert (first.status, first.items) == ("completed", ())
            assert second.items[0].text == "it is weather{}."
            assert not told_names(caller) & {"ArgumentsDelta", "ArgumentsDone"}
            added = [(fact.item.kind, fact.previous_id) for fact in caller.all(f.ItemAdded)]
            assert added == [("message", None), ("message", caller.all(f.ItemAdded)[0].item.id)]
            assert not first.settings.tools, "nor of the session's functions"
            model, _ = stages(engine)
            assert [settings.tools for settings in model.seen] == [(OWN,), (OWN,)]
            assert [line.role for line in model.prompts[1][1:]] == ["user", "assistant", "tool"]

    run_virtual(talk())


def test_what_a_client_is_not_told_of_it_can_t_ask_for() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools())) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            inner = [item for item in caller.call.state.items if item.internal]
            assert [item.kind for item in inner] == ["function_call", "function_call_output"]
            for item in inner:
                caller.call.feed(ev.RetrieveItem(item_id=item.id))
                caller.call.feed(ev.DeleteItem(item_id=item.id))
                part = Part(kind="input_text", text="hi")
                caller.call.feed(ev.CreateItem(item=Item(id="", parts=(part,)), previous_id=item.id))
            output = Item(id="", kind="function_call_output", call_id=inner[0].call_id, output="no")
            caller.call.feed(ev.CreateItem(item=output))
            assert [problem.code for problem in caller.all(f.Problem)] == [
                *["item_retrieve_invalid_item_id", "item_delete_invalid_item_id"],
                *["item_create_invalid_previous_item_id", "item_retrieve_invalid_item_id"],
                *["item_delete_invalid_item_id", "item_create_invalid_previous_item_id", "invalid_tool_call_id"],
            ]

    run_virtual(talk())


def test_a_client_s_function_goes_to_the_client_beside_the_deployment_s() -> None:
    async def talk() -> None:
        model = Model(calls=["weather", "book"])
        async with Engine(graph(ROUTES, llm=model, tools=OwnTools())) as engine:
            caller = Caller(engine, Settings(tools=(Tool(name="book"),)))
            await ask(caller)
            done = (await caller.until(f.ResponseDone)).response
            assert [item.name for item in done.items] == ["book"]
            await asyncio.sleep(5)
            assert len(caller.all(f.ResponseCreated)) == 1, "the client has yet to give its result"
            result = Item(id="", kind="function_call_output", call_id=done.items[0].call_id, output="booked")
            caller.call.feed(ev.CreateItem(item=result))
            caller.call.feed(ev.CreateResponse(settings=done.settings))
            await caller.until(f.ResponseDone, 2)
            model, tools = stages(engine)
            assert tools.ran == ["weather"]
            assert sorted(line.text for line in model.prompts[1] if line.role == "tool") == ["booked", "weather{}"]

    run_virtual(talk())


def test_a_client_s_function_of_the_same_name_wins() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools())) as engine:
            caller = Caller(engine, Settings(tools=(Tool(name="weather"),)))
            await ask(caller)
            done = (await caller.until(f.ResponseDone)).response
            assert [item.name for item in done.items] == ["weather"]
            model, tools = stages(engine)
            assert not tools.ran and model.seen[0].tools == (Tool(name="weather"),)

    run_virtual(talk())


def test_an_answer_out_of_band_is_offered_only_what_its_client_has() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools())) as engine:
            caller = Caller(engine)
            words = (Item(id="a", parts=(Part(kind="input_text", text="hi"),)),)
            caller.call.feed(ev.CreateResponse(settings=Settings(), in_conversation=False, items=words))
            done = (await caller.until(f.ResponseDone)).response
            assert stages(engine)[0].seen[0].tools == ()
            assert [item.name for item in done.items] == ["weather"], "called all the same: the client's affair"

    run_virtual(talk())


@pytest.mark.parametrize("choice", ["required", "function:weather"])
def test_what_must_be_called_is_called_once(choice: str) -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools())) as engine:
            caller = Caller(engine, Settings(tool_choice=choice))
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            assert [settings.tool_choice for settings in stages(engine)[0].seen] == [choice, "auto"]

    run_virtual(talk())


def test_rounds_are_limited_by_the_stage() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(insists=True), tools=OwnTools(max_tool_rounds=2))) as engine:
            caller = Caller(engine)
            await ask(caller)
            await asyncio.sleep(20)
            last = caller.all(f.ResponseDone)[-1].response
            assert len(caller.all(f.ResponseDone)) == 3 and last.items[0].text.startswith("it is")
            assert stages(engine)[1].ran == ["weather", "weather"]

    run_virtual(talk())


def test_speech_over_a_function_at_work_is_answered_knowing_of_it() -> None:
    async def talk() -> None:
        async with Engine(graph(ROUTES, llm=Model(), tools=OwnTools(seconds=5.0))) as engine:
            caller = Caller(engine)
            await ask(caller)
            while not stages(engine)[1].ran:
                await asyncio.sleep(0.1)
            await ask(caller)
            await caller.until(f.ResponseDone)
            assert caller.all(f.ResponseDone)[0].response.status == "cancelled"
            model, _ = stages(engine)
            while len(model.prompts) < 2:
                await caller.be_silent(100)
            tail = model.prompts[1][1:]
            assert [(line.role, line.text) for line in tail] == [
                ("user", "hello"), ("assistant", ""), ("tool", UNKNOWN), ("user", "hello")
            ]  # fmt: skip

    run_virtual(talk())


@dataclasses.dataclass(kw_only=True)
class Cough(ScriptedStt):
    """Hears nothing in every turn but the first."""

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        async for said in super().finish(call):
            yield said if call.memory["turns"] == 1 else Transcript(text="")

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        self._text(call)
        for none in ():
            yield none


def test_a_cough_over_a_function_at_work_does_not_lose_the_answer() -> None:
    async def talk() -> None:
        drawn = graph(ROUTES, llm=Model(), tools=OwnTools(seconds=3.0), stt=Cough())
        async with Engine(drawn) as engine:
            caller = Caller(engine)
            await ask(caller)
            while not stages(engine)[1].ran:
                await asyncio.sleep(0.1)
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            assert [fact.response.status for fact in caller.all(f.ResponseDone)] == ["cancelled", "completed"]
            assert caller.all(f.ResponseDone)[1].response.items[0].text == f"it is {UNKNOWN}."

    run_virtual(talk())
