"""The caller's turns over a real socket, event by event."""

from __future__ import annotations

import pytest

from s2s.testing.stages import ScriptedLlm, ScriptedStt
from tests.modes.orders import OPENED, SPOKEN_END, TURN
from tests.modes.served import Client, quick, serving, slow

pytestmark = pytest.mark.anyio


@pytest.mark.row("4.6 server_vad turn", "2 input_audio_buffer.append")
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
        assert client.all("conversation.item.done")[0]["item"]["content"] == [
            {"type": "input_audio", "transcript": None}
        ]
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


@pytest.mark.row("4.7 push to talk", "2 input_audio_buffer.commit")
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


@pytest.mark.row("5 commit empty")
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


@pytest.mark.row("4.8 clear", "2 input_audio_buffer.clear")
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


@pytest.mark.row("4.12 barge-in", "2 conversation.item.truncate")
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
        assert transcript.startswith("well,") and len(transcript) < len(ScriptedLlm.words)
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


@pytest.mark.row("4.13 create_response false")
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


@pytest.mark.row("4.18 failures")
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
