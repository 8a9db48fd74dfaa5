"""The agent's answers and the client's requests over a real socket, event by event."""

from __future__ import annotations

import pytest

from s2s.testing.stages import ScriptedLlm, ScriptedTts
from tests.modes.orders import CALL, CALL_END, OPENED, SPOKEN_END, WRITTEN_END
from tests.modes.served import Client, quick, serving, slow

pytestmark = pytest.mark.anyio

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}


@pytest.mark.row("1 first event", "1 early events", "4.1 connect", "4.2 session.update", "2 session.update")
async def test_an_early_update_is_answered_after_session_created() -> None:
    async with serving() as server, Client(server.url) as client:
        config = await client.configure(instructions="be brief")
        assert client.types() == ["session.created", "session.updated"]
        assert config["instructions"] == "be brief" and config["id"] == client.events[0]["session"]["id"]
        error = await client.refused("session.update", session={"type": "realtime", "instructions": "x", "tools": 7})
        assert (error["code"], error["param"]) == ("invalid_type", "session.tools")
        assert (await client.configure())["instructions"] == "be brief"


@pytest.mark.row("2 conversation.item.create", "4.3 item create", "5 item ids")
async def test_items_are_added_and_done_in_their_place() -> None:
    async with serving() as server, Client(server.url) as client:
        first = await client.say("one", id="mine")
        assert first["id"] == "mine" and first["status"] == "completed"
        await client.say("two")
        item = {"id": "zero", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "0"}]}
        await client.ask("conversation.item.create", "conversation.item.done", item=item, previous_item_id="root")
        assert client.types()[1:] == 3 * ["conversation.item.added", "conversation.item.done"]
        previous = [event["previous_item_id"] for event in client.all("conversation.item.added")]
        assert previous == [None, "mine", None]
        for fields, code in (
            ({"item": item}, "item_create_duplicate_item_id"),
            ({"item": item | {"id": "other"}, "previous_item_id": "gone"}, "item_create_invalid_previous_item_id"),
        ):
            assert (await client.refused("conversation.item.create", **fields))["code"] == code
        assert len(client.all("conversation.item.added")) == 3


@pytest.mark.row("4.4 text response", "3 usage")
async def test_a_written_answer() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.configure(output_modalities=["text"])
        await client.say("hello")
        began = len(client.events)
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]
        assert client.order(began) == [*OPENED, *WRITTEN_END]
        assert client.all("response.output_item.added")[0]["item"]["content"] == []
        said = "".join(event["delta"] for event in client.all("response.output_text.delta"))
        assert said == ScriptedLlm.words == done["output"][0]["content"][0]["text"]
        assert (done["status"], done["output_modalities"]) == ("completed", ["text"])
        assert done["usage"]["output_tokens"] == 10 and not client.all("response.output_audio.delta")


@pytest.mark.row("4.5 audio response", "2 response.create", "7 metadata")
async def test_a_spoken_answer_to_written_text() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.say("hello")
        began = len(client.events)
        await client.send("response.create", response={"metadata": {"client_event_id": "7"}})
        done = (await client.until("response.done"))["response"]
        assert client.order(began) == [*OPENED, *SPOKEN_END]
        assert client.all("response.created")[0]["response"]["metadata"] == {"client_event_id": "7"}
        assert len(client.heard(done["id"])) == 2 * 24000 * 1
        words = "".join(event["delta"] for event in client.all("response.output_audio_transcript.delta"))
        assert words == ScriptedLlm.words == client.all("response.output_audio_transcript.done")[0]["transcript"]
        assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": words}]


@pytest.mark.row("4.9 function call", "4.10 parallel calls")
async def test_functions_are_called_in_parallel_and_answered_before_the_response_is_done() -> None:
    llm = ScriptedLlm(calls={"weather?": ["look", "ask"]}, first_seconds=0.005, seconds=0.001)
    async with serving(quick(llm=llm)) as server, Client(server.url) as client:
        await client.configure(tools=[TOOL, TOOL | {"name": "ask"}])
        await client.say("weather?")
        began = len(client.events)
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]
        assert client.order(began) == ["response.created", *CALL, *CALL_END, *CALL, *CALL_END, "response.done"]
        items = [event["item"] for event in client.all("response.output_item.done")]
        assert [(item["name"], item["status"]) for item in items] == [("look", "completed"), ("ask", "completed")]
        assert [event["output_index"] for event in client.all("response.output_item.done")] == [0, 1]
        assert len({item["call_id"] for item in items}) == len({item["id"] for item in items}) == 2
        deltas = "".join(event["delta"] for event in client.all("response.function_call_arguments.delta"))
        assert deltas == '{"n": 0}{"n": 1}' and done["output"] == items
        for item in items:
            output = {"type": "function_call_output", "call_id": item["call_id"], "output": "sunny"}
            await client.ask("conversation.item.create", "conversation.item.done", item=output)
        await client.send("response.create")
        done = (await client.until("response.done", 2))["response"]
        assert [item["type"] for item in done["output"]] == ["message"]


@pytest.mark.row("4.11 cancel", "2 response.cancel", "5 active response", "5 no active response")
async def test_a_response_is_cancelled() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        error = await client.refused("response.cancel")
        assert error["code"] == "response_cancel_not_active"
        assert error["message"] == "Cancellation failed: no active response found"
        await client.say("hello")
        began = len(client.events)
        await client.send("response.create")
        await client.until("response.output_audio.delta", 2)
        busy = await client.refused("response.create")
        assert busy["code"] == "conversation_already_has_active_response"
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        order = [kind for kind in client.order(began) if kind != "error"]
        assert order == [*OPENED, *SPOKEN_END]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        assert done["output"][0]["status"] == "incomplete"
        assert (await client.refused("response.cancel", response_id=done["id"]))["code"] == "response_cancel_not_active"
        assert client.types()[-2:] == ["response.done", "error"], "nothing of it follows"


@pytest.mark.row("4.14 out of band")
async def test_a_response_out_of_band_runs_beside_the_conversations_own() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.say("hello")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        mine = (await client.until("response.created"))["response"]["id"]
        count = len(client.all("conversation.item.added"))
        options = {"conversation": "none", "metadata": {"topic": "side"}, "output_modalities": ["text"], "input": []}
        await client.send("response.create", response=options)
        created = (await client.until("response.created", 2))["response"]
        assert not client.all("response.done"), "it is there at once"
        await client.send("response.cancel", response_id=created["id"])
        done = (await client.until("response.done"))["response"]
        assert done["id"] == created["id"] != mine and done["status"] == "cancelled"
        assert created["conversation_id"] is done["conversation_id"] is None
        assert created["metadata"] == done["metadata"] == {"topic": "side"}
        at = len(client.events)
        await client.until("response.output_audio.delta", len(client.all("response.output_audio.delta")) + 2)
        assert {event.get("response_id") for event in client.events[at:]} == {mine}
        assert len(client.all("conversation.item.added")) == count


@pytest.mark.row("4.14 out of band")
async def test_a_response_out_of_band_leaves_no_trace_in_the_conversation() -> None:
    llm = ScriptedLlm(first_seconds=0.005, seconds=0.001, calls={"now": ["look"]})
    async with serving(quick(llm=llm)) as server, Client(server.url) as client:
        await client.say("hello")
        kept = await client.say("now")
        options = {"conversation": "none", "output_modalities": ["text"]}
        began = len(client.events)
        reference = {"type": "item_reference", "id": kept["id"]}
        for number, (items, answer) in enumerate([([], "message"), ([reference], "function_call")], 1):
            await client.send("response.create", response={**options, "input": items})
            done = await client.until("response.done", number)
            assert [item["type"] for item in done["response"]["output"]] == [answer]
        order = client.order(began)
        assert order[:3] == ["response.created", "response.output_item.added", "response.content_part.added"]
        assert not [kind for kind in order if kind.startswith("conversation.")]
        message = client.all("response.done")[0]["response"]["output"][0]
        error = await client.refused("conversation.item.retrieve", item_id=message["id"])
        assert error["code"] == "item_retrieve_invalid_item_id"


@pytest.mark.row("4.15 retrieve and delete", "2 conversation.item.retrieve", "2 conversation.item.delete")
async def test_items_are_retrieved_and_deleted_while_an_answer_is_given() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        item = await client.say("hello")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        found = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item["id"])
        assert found["item"] == item
        gone = await client.ask("conversation.item.delete", "conversation.item.deleted", item_id=item["id"])
        assert gone["item_id"] == item["id"]
        for verb in ("retrieve", "delete"):
            error = await client.refused(f"conversation.item.{verb}", item_id=item["id"])
            assert error["code"] == f"item_{verb}_invalid_item_id"
        error = await client.refused("conversation.item.truncate", item_id="x", content_index=0, audio_end_ms=0)
        assert error["code"] == "item_truncate_invalid_item_id"


@pytest.mark.row("4.18 failures")
async def test_a_model_that_fails_ends_its_response_and_not_the_session() -> None:
    async with serving(quick(llm=ScriptedLlm(first_seconds=0.005, fail_at=3))) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "failed"
        assert done["status_details"]["error"]["message"] == "llm: the model is out of order"
        assert (await client.configure(instructions="still here"))["instructions"] == "still here"


async def test_a_sentence_is_not_cut_before_its_sound_is_out() -> None:
    """The last words of an answer come before its end, whole."""
    tts = ScriptedTts(seconds=0.01, ms_per_word=150, rate=22050)
    async with serving(quick(tts=tts)) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert abs(len(client.heard(done["id"])) / 2 - 24000 * 1.5) <= 4
