"""Every fact becomes an event that the `openai` package's own types take, without one field too many."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.settings import Settings
from tests.realtime.sessions import protocol, shown
from tests.realtime.strict import strict

PLACE: dict[str, Any] = {"response_id": "resp_t_1", "item_id": "item_1", "output_index": 0}
USER = Item(id="item_u", parts=(Part(kind="input_audio", text="hello"),))
UNHEARD = Item(id="item_u", parts=(Part(kind="input_audio"),))
IMAGE = Item(id="item_i", parts=(Part(kind="input_image", image_url="data:,"), Part(kind="input_text", text="this")))
SYSTEM = Item(id="item_s", role="system", parts=(Part(kind="input_text", text="be kind"),))
OPEN = Item(id="item_1", role="assistant", status="in_progress")
SPOKEN = Item(id="item_1", role="assistant", parts=(Part(kind="output_audio", text="well"),), sound_ms=300)
WRITTEN = Item(id="item_1", role="assistant", status="incomplete", parts=(Part(kind="output_text", text="well"),))
CALL = Item(id="item_c", kind="function_call", role="assistant", call_id="c", name="f", arguments="{}")
OUTPUT = Item(id="item_o", kind="function_call_output", call_id="c", output="sunny")
ITEMS = (USER, UNHEARD, IMAGE, SYSTEM, OPEN, SPOKEN, WRITTEN, CALL, OUTPUT)
NEW = f.ResponseView(id="resp_t_1", settings=Settings())
DONE = msgspec.structs.replace(NEW, status="completed", items=(SPOKEN, CALL))

FACTS: list[tuple[f.Fact, str]] = [
    (f.SpeechStarted(item_id="item_u", at_ms=20), "input_audio_buffer.speech_started"),
    (f.SpeechStopped(item_id="item_u", at_ms=900), "input_audio_buffer.speech_stopped"),
    (f.TurnMissed(item_id="item_u", from_ms=0, to_ms=5000), "input_audio_buffer.timeout_triggered"),
    (f.TurnCommitted(item_id="item_u", previous_id=None), "input_audio_buffer.committed"),
    (f.TurnCommitted(item_id="item_u", previous_id="item_0"), "input_audio_buffer.committed"),
    (f.InputCleared(), "input_audio_buffer.cleared"),
    *((f.ItemAdded(item=item, previous_id=None), "conversation.item.added") for item in ITEMS),
    *((f.ItemDone(item=item, previous_id="item_0"), "conversation.item.done") for item in ITEMS),
    *((f.ItemRetrieved(item=item), "conversation.item.retrieved") for item in ITEMS),
    (f.ItemDeleted(item_id="item_1"), "conversation.item.deleted"),
    (f.ItemTruncated(item_id="item_1", part=0, audio_end_ms=100), "conversation.item.truncated"),
    (f.TurnTextDelta(item_id="item_u", delta="hel"), "conversation.item.input_audio_transcription.delta"),
    (f.TurnText(item_id="item_u", text="hello", seconds=2), "conversation.item.input_audio_transcription.completed"),
    (f.TurnTextFailed(item_id="item_u", reason="noise"), "conversation.item.input_audio_transcription.failed"),
    (f.ResponseCreated(response=NEW), "response.created"),
    *((f.OutputItemAdded(item=item, **PLACE), "response.output_item.added") for item in (OPEN, CALL)),
    *((f.OutputItemDone(item=item, **PLACE), "response.output_item.done") for item in (SPOKEN, WRITTEN, CALL)),
    (f.PartAdded(kind="audio", **PLACE), "response.content_part.added"),
    (f.PartAdded(kind="text", **PLACE), "response.content_part.added"),
    (f.PartDone(kind="audio", text="well", **PLACE), "response.content_part.done"),
    (f.PartDone(kind="text", text="well", **PLACE), "response.content_part.done"),
    (f.TextDelta(delta="we", **PLACE), "response.output_text.delta"),
    (f.TextDone(text="well", **PLACE), "response.output_text.done"),
    (f.WordsDelta(delta="we", **PLACE), "response.output_audio_transcript.delta"),
    (f.WordsDone(text="well", **PLACE), "response.output_audio_transcript.done"),
    (f.SoundDelta(pcm=bytes(480), rate=24000, **PLACE), "response.output_audio.delta"),
    (f.SoundDone(**PLACE), "response.output_audio.done"),
    (f.ArgumentsDelta(call_id="c", delta="{", **PLACE), "response.function_call_arguments.delta"),
    (f.ArgumentsDone(call_id="c", name="f", arguments="{}", **PLACE), "response.function_call_arguments.done"),
    (f.Problem(code="invalid_value", message="no"), "error"),
    (f.Problem(code="server_error", message="no", param="item_id", event_id="e"), "error"),
    (f.ResponseDone(response=DONE), "response.done"),
]
ENDS = [
    DONE,
    msgspec.structs.replace(DONE, usage=f.Usage(input_tokens=9, cached_tokens=3, output_tokens=4)),
    msgspec.structs.replace(DONE, status="cancelled", reason="turn_detected"),
    msgspec.structs.replace(DONE, status="cancelled", reason="client_cancelled", metadata={"a": "b"}),
    msgspec.structs.replace(DONE, status="incomplete", reason="max_output_tokens"),
    msgspec.structs.replace(DONE, status="failed", error="tts: out of order", in_conversation=False),
]


def kinds(base: type[f.Fact]) -> set[type[f.Fact]]:
    """All kinds of facts that are told."""
    found = {cls for _, cls in inspect.getmembers(f, inspect.isclass) if issubclass(cls, base)}
    return found - {f.Fact, f.OutputFact}


def test_every_fact_is_worded_and_strictly_valid() -> None:
    session = protocol()
    assert {type(fact) for fact, _ in FACTS} == kinds(f.Fact)
    ids = []
    for fact, kind in FACTS:
        if isinstance(fact, f.OutputFact) and fact.response_id not in session._outs:
            list(session.say(f.ResponseCreated(response=NEW)))
        for frame in session.say(fact):
            event = shown(frame)
            assert event["type"] in (kind, "rate_limits.updated")
            strict(event)
            ids.append(event["event_id"])
    assert len(set(ids)) == len(ids) > 50


@pytest.mark.parametrize("view", ENDS)
def test_every_end_of_a_response_is_strictly_valid(view: f.ResponseView) -> None:
    session = protocol()
    list(session.say(f.ResponseCreated(response=NEW)))
    (frame,) = session.say(f.ResponseDone(response=view))
    response = strict(shown(frame)).response
    assert response.status == view.status and response.metadata == view.metadata
    assert [item.id for item in response.output] == ["item_1", "item_c"]
    assert (response.conversation_id is None) == (not view.in_conversation)
    details = response.status_details
    if view.status == "completed":
        assert details is None
    elif view.status == "failed":
        assert (details.type, details.error.message) == ("failed", "tts: out of order")
    else:
        assert (details.type, details.reason) == (view.status, view.reason)
    usage = view.usage or f.Usage()
    assert response.usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert response.usage.input_token_details.cached_tokens == usage.cached_tokens


def test_a_response_in_the_making_has_no_usage_and_no_details() -> None:
    frame, limits = protocol().say(f.ResponseCreated(response=NEW))
    assert strict(shown(limits)).rate_limits == []
    assert not {"usage", "status_details", "metadata"} & shown(frame)["response"].keys()


def test_the_transcript_of_audio_that_is_not_transcribed_yet_is_null() -> None:
    """A stock client throws where it is absent."""
    (frame,) = protocol().say(f.ItemAdded(item=UNHEARD, previous_id=None))
    assert shown(frame)["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_the_check_itself_can_fail() -> None:
    (frame,) = protocol().say(f.InputCleared())
    for extra in ({"more": 1}, {"event_id": None}, {"type": "no.such"}, {"event_id": 5}):
        with pytest.raises((AssertionError, ValueError)):
            strict(shown(frame) | extra)
