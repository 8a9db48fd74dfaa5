"""A small real model that chooses a function by itself, runs it here, and speaks of what it returned."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.engine import Engine
from s2s.settings import Settings
from s2s.testing.caller import Caller

TEXT = [
    *("graph=tools", "graph.voice=caller | chat | llm | caller", "graph.asked=null", "graph.captions=null"),
    *("graph.partials=null", "tools.functions=[s2s.text.everyday.now]", "llm=llama-cpp-python"),
    *("llm.chat_format=chatml-function-calling", "llm.temperature=0", "tools.max_tool_rounds=1"),
]


@pytest.mark.anyio
async def test_a_model_asks_for_the_time_and_is_told() -> None:
    async with Engine(build(compose(*TEXT)).graph) as engine:
        caller = Caller(engine, Settings(outputs=("text",)))
        part = Part(kind="input_text", text="What is the time now in the zone Europe/Paris?")
        caller.call.feed(ev.CreateItem(item=Item(id="", parts=(part,))))
        caller.call.feed(ev.CreateResponse(settings=Settings(outputs=("text",))))
        await asyncio.wait_for(caller.until(f.ResponseDone, 2), 120)
        first, second = (fact.response for fact in caller.all(f.ResponseDone))
        call, result = (item for item in caller.call.state.items if item.internal)
        print(f"{call.name}({call.arguments}) returned {result.output!r}, and the model said {second.items[0].text!r}")
        arguments: Any = json.loads(call.arguments)
        assert (first.status, first.items, call.name) == ("completed", (), "now")
        assert isinstance(arguments, dict) and result.call_id == call.call_id and result.output
        assert second.status == "completed" and second.items[0].text.strip()
