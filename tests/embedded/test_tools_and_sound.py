"""Functions that the server runs, and a language model that hears: real speech, a stock client, a scripted model."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from s2s.messages import ToolUse
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from tests.embedded.client import ENDED, HZ, SdkCaller
from tests.embedded.other_ears import transcribe
from tests.embedded.server import running
from tests.embedded.speech import TURNS, normalise, turn_sound, word_error_rate
from tests.embedded.test_graphs import answered, heard, silent_until, type_in

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

BOOK: Any = {"type": "function", "name": "book", "parameters": {"type": "object", "properties": {}}}
PLAIN = ("turn=silence", "speculation.enabled=false")
"""An answer on trial that is thrown away would take the first part of a script with it."""
LATE = "It is late already, so please come back tomorrow."


async def test_a_function_is_run_and_its_result_spoken_and_the_client_knows_nothing_of_it() -> None:
    use = ToolUse(call_id="c1", name="now", arguments='{"zone": "UTC"}')
    with (
        OpenAIServer(Scripted(calls=(use,)), Scripted(text=tuple(LATE))) as model,
        running("recipe=tools", f"llm.base_url={model.url}", *PLAIN) as server,
    ):
        async with SdkCaller(server.url) as caller:
            await caller.connection.session.update(session={"type": "realtime", "tools": [BOOK]})
            await caller.speak(turn_sound(0, HZ))
            await silent_until(caller, lambda: len(caller.answers) > 1 and caller.answers[1].done)
    first, second = caller.answers
    assert (first.done.status, first.done.output, first.seconds) == ("completed", [], 0.0)
    assert second.words == LATE and word_error_rate([(LATE, heard(second))]) <= 0.15
    assert not [kind for kind in caller.types() if "function_call" in kind or kind == "error"]
    updated = next(event for _, event in caller.events if event.type == "session.updated")
    assert [tool.name for tool in updated.session.tools] == ["book"]
    asked, told = (request.body for request in model.requests)
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["book", "now"]
    assert told["messages"][-1]["role"] == "tool" and told["messages"][-1]["content"].endswith("UTC")


async def test_the_embedded_model_calls_a_function_that_it_has_to_and_speaks_of_it() -> None:
    with running("graph=tools", "tools.functions=[s2s.text.everyday.now]", "log=debug", "llm.temperature=0") as server:
        async with SdkCaller(server.url) as caller:
            await caller.connection.session.update(session={"type": "realtime", "tool_choice": "required"})
            await type_in(caller, "What time is it?")
            await caller.until(lambda: len(caller.answers) > 1 and caller.answers[1].done)
        output = "".join(server.output)
    first, second = caller.answers[:2]
    assert (first.done.status, first.done.output) == ("completed", [])
    assert second.done.status in ENDED and second.words.strip() and second.seconds > 0.3
    assert "now returned" in output or "now: error: " in output, "called, with arguments of the model's own making"


async def test_a_client_s_own_function_still_goes_to_the_client() -> None:
    use = ToolUse(call_id="c1", name="book", arguments="{}")
    with (
        OpenAIServer(Scripted(calls=(use,)), Scripted(text=("Booked.",))) as model,
        running("recipe=tools", f"llm.base_url={model.url}") as server,
    ):
        async with SdkCaller(server.url) as caller:
            await caller.connection.session.update(session={"type": "realtime", "tools": [BOOK]})
            answer = await answered(caller, "Book it, please.")
            assert [(item.type, item.name) for item in answer.done.output] == [("function_call", "book")]
            result: Any = {"type": "function_call_output", "call_id": "c1", "output": "yes"}
            await caller.connection.conversation.item.create(item=result)
            await caller.connection.response.create()
            await caller.until(lambda: len(caller.answers) > 1 and caller.answers[1].done)
    assert caller.answers[1].words == "Booked."


async def test_the_language_model_is_given_what_was_said_as_sound() -> None:
    with (
        OpenAIServer(Scripted(text=tuple(LATE))) as model,
        running("recipe=audio-llm", f"llm.base_url={model.url}", *PLAIN) as server,
    ):
        assert "stt=" not in "".join(server.output)
        async with SdkCaller(server.url) as caller:
            await caller.speak(turn_sound(0, HZ))
            await silent_until(caller, lambda: caller.answers and caller.answers[0].done)
    (answer,) = caller.answers
    assert answer.done.status == "completed" and word_error_rate([(LATE, heard(answer))]) <= 0.15
    (part,) = model.requests[-1].body["messages"][-1]["content"]
    pcm = base64.b64decode(part["input_audio"]["data"])[44:]
    said = transcribe(np.frombuffer(pcm, "<i2").astype("f4") / 32768)
    assert word_error_rate([(TURNS[0][2], said)]) <= 0.1, normalise(said)
    item = next(event.item for _, event in caller.events if event.type == "conversation.item.added")
    assert json.loads(item.model_dump_json())["content"][0]["type"] == "input_audio" and not caller.transcripts
