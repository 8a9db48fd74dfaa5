"""The order of events, by the cases of the protocol's contract, over a real socket."""

from __future__ import annotations

import pytest

from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.modes.served import Client, quick, serving, slow

pytestmark = pytest.mark.anyio

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
OPENED = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
SPOKEN_END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
WRITTEN_END = ["response.output_text.done", *SPOKEN_END[2:]]


async def test_an_early_update_is_answered_after_session_created() -> None:
    async with serving() as server, Client(server.url) as client:
        config = await client.configure(instructions="be brief")
        assert client.types() == ["session.created", "session.updated"]
        assert config["instructions"] == "be brief" and config["id"] == client.events[0]["session"]["id"]
        error = await client.refused("session.update", session={"type": "realtime", "instructions": "x", "tools": 7})
        assert (error["code"], error["param"]) == ("invalid_type", "session.tools")
        assert (await client.configure())["instructions"] == "be brief"


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


async def test_a_spoken_turn_and_the_next() -> None:
    stt = ScriptedStt(texts=["one two three", "four"], seconds=0.005, partials=True)
    async with serving(quick(stt=stt)) as server, Client(server.url) as client:
        await client.turn()
        await client.until("response.done")
        assert client.order() == [*TURN, *OPENED, *SPOKEN_END]
        started, stopped, committed = client.events[1], client.all(TURN[1])[0], client.all(TURN[2])[0]
        assert started["item_id"] == stopped["item_id"] == committed["item_id"]
        assert 0 <= started["audio_start_ms"] < stopped["audio_end_ms"] <= 600
        kind = "conversation.item.input_audio_transcription"
        heard = client.all(f"{kind}.completed")[0]
        assert (heard["item_id"], heard["transcript"]) == (started["item_id"], "one two three")
        assert "".join(event["delta"] for event in client.all(f"{kind}.delta")) == "one two three"
        assert client.all("conversation.item.done")[0]["item"]["content"] == [{"type": "input_audio"}]
        began = len(client.events)
        await client.turn()
        await client.until("response.done", 2)
        assert client.order(began) == [*TURN, *OPENED, *SPOKEN_END]
        first = client.all("conversation.item.added")[1]["item"]["id"]
        assert client.all("input_audio_buffer.committed")[1]["previous_item_id"] == first


async def test_captions_can_be_turned_off() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.configure(audio={"input": {"transcription": None}})
        await client.turn()
        await client.until("response.done")
        assert not [kind for kind in client.types() if "transcription" in kind]


async def test_push_to_talk() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen()
        began = len(client.events)
        await client.turn()
        await client.send("input_audio_buffer.commit")
        item = (await client.until("conversation.item.done"))["item"]
        assert client.order(began) == TURN[2:], "appending is silent, and nothing is answered unasked"
        await client.send("response.create")
        await client.until("response.done")
        assert client.order(began) == [*TURN[2:], *OPENED, *SPOKEN_END]
        retrieved = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item["id"])
        assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]


async def test_a_response_asked_for_with_the_commit_includes_that_sound() -> None:
    stt = ScriptedStt(texts=["use the tool"], seconds=0.05)
    llm = ScriptedLlm(calls={"use the tool": ["look"]}, first_seconds=0.005)
    async with serving(quick(stt=stt, llm=llm)) as server, Client(server.url) as client:
        await client.listen()
        await client.sound(300)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        done = await client.until("response.done")
        assert [item["type"] for item in done["response"]["output"]] == ["function_call"]


async def test_less_than_100_ms_cant_be_committed() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen()
        assert (await client.refused("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
        for _ in range(2):
            await client.sound(80)
            error = await client.refused("input_audio_buffer.commit")
            assert "buffer only has 80.00ms" in error["message"]
            await client.sound(20)
            await client.ask("input_audio_buffer.commit", "input_audio_buffer.committed")
        assert len(client.all("input_audio_buffer.committed")) == 2


async def test_committed_silence_is_an_empty_transcript() -> None:
    stt = ScriptedStt(texts=[""], seconds=0.005)
    async with serving(quick(stt=stt)) as server, Client(server.url) as client:
        await client.listen()
        await client.sound(200, loud=False)
        await client.send("input_audio_buffer.commit")
        heard = await client.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == ""


async def test_clear_forgets_even_speech_that_was_detected() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.sound(300)
        await client.until("input_audio_buffer.speech_started")
        await client.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")
        await client.sound(400, loud=False)
        await client.listen()
        assert client.order() == ["input_audio_buffer.speech_started", "input_audio_buffer.cleared", "session.updated"]
        await client.sound(300)
        await client.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")
        assert (await client.refused("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


CALL = ["response.output_item.added", "conversation.item.added", "response.function_call_arguments.done"]
CALL_END = ["conversation.item.done", "response.output_item.done"]
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}


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


async def test_speech_stops_an_answer_and_the_client_says_how_much_was_heard() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.turn()
        await client.until("response.output_audio.delta", 4)
        answer = client.all("response.output_item.added")[0]["item"]["id"]
        began = len(client.events)
        await client.sound(200)
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        assert client.order(began) == ["input_audio_buffer.speech_started", *SPOKEN_END]
        assert not [kind for kind in client.types()[client.types().index(TURN[0], began) :] if "audio.delta" in kind]
        cut = {"item_id": answer, "content_index": 0}
        error = await client.refused("conversation.item.truncate", **cut, audio_end_ms=600_000)
        assert error["code"] == "invalid_value" and "is already shorter than 600000ms" in error["message"]
        truncated = await client.ask(
            "conversation.item.truncate", "conversation.item.truncated", **cut, audio_end_ms=200
        )
        assert (truncated["item_id"], truncated["audio_end_ms"]) == (answer, 200)
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=answer)
        transcript = kept["item"]["content"][0]["transcript"]
        assert transcript == "well,", "one word of 200 ms"
        user = client.all("input_audio_buffer.committed")[0]["item_id"]
        error = await client.refused("conversation.item.truncate", item_id=user, content_index=0, audio_end_ms=0)
        assert error["message"] == "Only model output audio messages can be truncated"


async def test_speech_does_not_stop_an_answer_where_that_is_turned_off() -> None:
    async with serving(slow()) as server, Client(server.url) as client:
        await client.listen(interrupt_response=False, silence_duration_ms=100)
        await client.turn()
        await client.until("response.output_audio.delta")
        await client.turn()
        await client.until("input_audio_buffer.committed", 2)
        count = len(client.all("response.output_audio.delta"))
        await client.until("response.output_audio.delta", count + 3)
        assert not client.all("response.done") and len(client.all("response.created")) == 1


async def test_a_turn_is_not_answered_where_the_client_answers() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen(create_response=False, silence_duration_ms=100)
        began = len(client.events)
        await client.turn()
        await client.until("conversation.item.input_audio_transcription.completed")
        assert client.order(began) == TURN
        await client.send("response.create")
        await client.until("response.done")
        assert client.order(began) == [*TURN, *OPENED, *SPOKEN_END]


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
        await client.until("response.output_text.delta", 2)
        await client.send("response.cancel", response_id=created["id"])
        done = (await client.until("response.done"))["response"]
        assert done["id"] == created["id"] != mine
        assert created["conversation_id"] is done["conversation_id"] is None
        assert created["metadata"] == done["metadata"] == {"topic": "side"}
        assert len(client.all("conversation.item.added")) == count
        at = len(client.events)
        await client.until("response.output_audio.delta", len(client.all("response.output_audio.delta")) + 2)
        assert {event.get("response_id") for event in client.events[at:]} == {mine}


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


async def test_a_recogniser_that_fails_is_said_and_the_next_turn_is_answered() -> None:
    stt = ScriptedStt(seconds=0.005, fails=[0])
    async with serving(quick(stt=stt)) as server, Client(server.url) as client:
        await client.turn()
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["item_id"] == client.all("input_audio_buffer.committed")[0]["item_id"]
        assert "out of order" in failed["error"]["message"]
        await client.turn()
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        assert len(client.all("response.created")) == 1


async def test_a_model_that_fails_ends_its_response_and_not_the_session() -> None:
    async with serving(quick(llm=ScriptedLlm(first_seconds=0.005, fail_at=3))) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "failed" and "llm: the model is out of order" in done["status_details"]["error"]["message"]
        assert (await client.configure(instructions="still here"))["instructions"] == "still here"


async def test_a_sentence_is_not_cut_before_its_sound_is_out() -> None:
    """The last words of an answer come before its end, whole."""
    tts = ScriptedTts(seconds=0.01, ms_per_word=150, rate=22050)
    async with serving(quick(tts=tts)) as server, Client(server.url) as client:
        await client.turn()
        done = (await client.until("response.done"))["response"]
        assert abs(len(client.heard(done["id"])) / 2 - 24000 * 1.5) <= 4
