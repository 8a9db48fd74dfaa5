"""Every client event parsed; every mistake refused with its code and parameter, and without effect."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation.items import Item, Part
from s2s.realtime.commands import ClearInput, CommitInput, Configure, Hear, Tell
from s2s.realtime.shapes import CLIENT_EVENTS
from tests.realtime.sessions import asked, configured, protocol, refused

IMAGE = "data:image/png;base64,AA=="
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


def said(role: str, kind: str, **fields: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, **fields}]}


def test_every_client_event_is_taken() -> None:
    hello = Item(id="", role="user", parts=(Part(kind="input_text", text="hello"),))
    settings = protocol().config.settings()
    taken = {
        "session.update": ({"session": {"type": "realtime"}}, Configure(settings)),
        "input_audio_buffer.append": ({"audio": "AAAAAA=="}, Hear(bytes(4), 24000)),
        "input_audio_buffer.commit": ({}, CommitInput("e1")),
        "input_audio_buffer.clear": ({}, ClearInput()),
        "conversation.item.create": (
            {"item": MESSAGE, "previous_item_id": "root"},
            Tell(ev.CreateItem(item=hello, previous_id="root", event_id="e1")),
        ),
        "conversation.item.delete": ({"item_id": "i"}, Tell(ev.DeleteItem(item_id="i", event_id="e1"))),
        "conversation.item.retrieve": ({"item_id": "i"}, Tell(ev.RetrieveItem(item_id="i", event_id="e1"))),
        "conversation.item.truncate": (
            {"item_id": "i", "content_index": 0, "audio_end_ms": 1500},
            Tell(ev.TruncateItem(item_id="i", part=0, audio_end_ms=1500, event_id="e1")),
        ),
        "response.create": ({}, Tell(ev.CreateResponse(settings=settings, event_id="e1"))),
        "response.cancel": ({"response_id": "r"}, Tell(ev.CancelResponse(response_id="r", event_id="e1"))),
    }
    assert taken.keys() == CLIENT_EVENTS.keys() - {"output_audio_buffer.clear"}
    for kind, (fields, command) in taken.items():
        assert asked(protocol(), kind, event_id="e1", **fields) == command


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (said("user", "input_text", text="a"), Part(kind="input_text", text="a")),
        (said("user", "input_audio", transcript="a"), Part(kind="input_audio", text="a")),
        (said("user", "input_image", image_url=IMAGE), Part(kind="input_image", image_url=IMAGE)),
        (said("system", "input_text", text="a"), Part(kind="input_text", text="a")),
        (said("assistant", "output_text", text="a"), Part(kind="output_text", text="a")),
        (said("assistant", "output_audio", transcript="a"), Part(kind="output_audio", text="a")),
    ],
)
def test_every_kind_of_message_is_taken(item: dict[str, Any], part: Part) -> None:
    command = asked(protocol(), "conversation.item.create", item={"id": "mine", "object": "realtime.item", **item})
    assert isinstance(command, Tell) and isinstance(command.event, ev.CreateItem)
    assert command.event.item == Item(id="mine", role=item["role"], parts=(part,))


def test_function_calls_and_their_outputs_are_taken() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "sunny", "status": "completed"}
    items = [asked(protocol(), "conversation.item.create", item=item).event.item for item in (call, output)]  # type: ignore[union-attr]
    assert items[0] == Item(id="", kind="function_call", role="assistant", call_id="c", name="f", arguments="{}")
    assert items[1] == Item(id="", kind="function_call_output", call_id="c", output="sunny")


def test_a_response_takes_its_own_settings_and_input() -> None:
    kept = Item(id="kept", parts=(Part(kind="input_text", text="before"),))
    command = asked(
        protocol(kept),
        "response.create",
        response={
            "conversation": "none",
            "input": [{"type": "item_reference", "id": "kept"}, MESSAGE],
            "instructions": "be brief",
            "output_modalities": ["text"],
            "tools": [{"type": "function", "name": "f"}],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": False,
            "max_output_tokens": 7,
            "metadata": {"a": "b"},
            "reasoning": {"effort": "low"},
            "audio": {"output": {"voice": {"id": "amy"}}},
        },
    )
    assert isinstance(command, Tell) and isinstance(command.event, ev.CreateResponse)
    event, settings = command.event, command.event.settings
    assert (event.in_conversation, event.metadata) == (False, {"a": "b"})
    assert event.items is not None and event.items[0] == ev.Reference("kept")
    assert isinstance(event.items[1], Item) and event.items[1].text == "hello"
    assert (settings.instructions, settings.outputs, settings.tools[0].name) == ("be brief", ("text",), "f")
    assert (settings.tool_choice, settings.parallel_tools, settings.max_tokens) == ("function:f", False, 7)
    assert settings.voice == "amy"


BINARY = "Expected a text WebSocket message; binary frames are not supported."


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[1]", "invalid_json", None),
        ("7", "invalid_json", None),
        ("null", "invalid_json", None),
        ('"text"', "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ("1e999", "invalid_json", None),
        (b"{}", "invalid_event", None),
        ({}, "missing_required_parameter", "type"),
        ({"type": "no.such"}, "invalid_value", "type"),
        ({"type": 7}, "invalid_value", "type"),
        ({"type": ["a"]}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": {"type": "telepathy"}}, "invalid_session_type", "session.type"),
        ({"type": "session.update", "session": 3}, "invalid_type", "session"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 3}, "invalid_type", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "%%"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "AAA"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "é"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.commit", "when": 1}, "unknown_parameter", "when"),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
        ({"type": "conversation.item.create", "item": {}}, "missing_required_parameter", "item.type"),
        ({"type": "conversation.item.create", "item": {"type": "song"}}, "invalid_value", "item.type"),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, "missing_required_parameter", "item.role"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
         "missing_required_parameter", "item.content"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "god", "content": []}},
         "invalid_value", "item.role"),
        ({"type": "conversation.item.create", "item": said("user", "output_text", text="a")},
         "invalid_value", "item.content[0].type"),
        ({"type": "conversation.item.create", "item": said("user", "input_text")},
         "missing_required_parameter", "item.content[0].text"),
        ({"type": "conversation.item.create", "item": said("user", "input_image")},
         "missing_required_parameter", "item.content[0].image_url"),
        ({"type": "conversation.item.create", "item": said("user", "input_audio")},
         "missing_required_parameter", "item.content[0].audio"),
        ({"type": "conversation.item.create", "item": said("user", "input_audio", audio="%%%")},
         "invalid_value", "item.content[0].audio"),
        ({"type": "conversation.item.create", "item": said("assistant", "output_audio", audio="AAAA")},
         "missing_required_parameter", "item.content[0].transcript"),
        ({"type": "conversation.item.create", "item": said("user", "input_image", image_url="http://10.0.0.1/x.png")},
         "invalid_value", "item.content[0].image_url"),
        ({"type": "conversation.item.create", "item": said("user", "input_image", image_url="file:///etc/passwd")},
         "invalid_value", "item.content[0].image_url"),
        ({"type": "response.create", "response": {"input": [said("user", "input_audio", audio="AAAA")]}},
         "invalid_value", "response.input[0].content"),
        ({"type": "conversation.item.create", "item": {"type": "function_call", "name": "f"}},
         "missing_required_parameter", "item.call_id"),
        ({"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c"}},
         "missing_required_parameter", "item.output"),
        ({"type": "conversation.item.create", "item": {"type": "function_call", "call_id": "c"}},
         "missing_required_parameter", "item.name"),
        ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
        ({"type": "conversation.item.retrieve", "item_id": None}, "invalid_type", "item_id"),
        ({"type": "conversation.item.truncate", "item_id": "i", "content_index": 0},
         "missing_required_parameter", "audio_end_ms"),
        ({"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": "1"},
         "invalid_type", "audio_end_ms"),
        ({"type": "response.cancel", "response_id": 1}, "invalid_type", "response_id"),
        ({"type": "response.create", "response": {"max_output_tokens": 0}},
         "invalid_value", "response.max_output_tokens"),
        ({"type": "response.create", "response": {"metadata": {"a": 1}}}, "invalid_type", "response.metadata"),
        ({"type": "response.create", "response": {"metadata": {str(n): "" for n in range(17)}}},
         "invalid_value", "response.metadata"),
        ({"type": "response.create", "response": {"conversation": "all"}}, "invalid_value", "response.conversation"),
        ({"type": "response.create", "response": {"output_modalities": ["audio", "text"]}},
         "invalid_value", "response.output_modalities"),
        ({"type": "response.create", "response": {"input": [{"type": "message"}]}},
         "missing_required_parameter", "response.input[0].role"),
        ({"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "gone"}]}},
         "invalid_value", "response.input[0].id"),
        ({"type": "response.create", "response": {"input": [{"type": "item_reference"}]}},
         "missing_required_parameter", "response.input[0].id"),
        ({"type": "response.create", "response": {"temperature": 1}}, "unknown_parameter", "response.temperature"),
    ],
)  # fmt: skip
def test_what_cant_be_done_is_refused_by_code_and_parameter(
    frame: str | bytes | dict[str, Any], code: str, param: str | None
) -> None:
    error = refused(protocol(), frame)
    assert (error["type"], error["code"], error.get("param")) == ("invalid_request_error", code, param)
    assert error["message"] and "event_id" not in error
    if isinstance(frame, bytes):
        assert error["message"] == BINARY
    if isinstance(frame, dict):
        assert refused(protocol(), {**frame, "event_id": "mine"})["event_id"] == "mine"


def test_an_unknown_event_is_told_what_there_is() -> None:
    message = refused(protocol(), {"type": "no.such"})["message"]
    assert "unknown_or_invalid_event" in message and "Supported values are: 'session.update'" in message


def test_an_event_id_that_is_no_string_is_refused_and_not_echoed() -> None:
    error = refused(protocol(), {"type": "input_audio_buffer.clear", "event_id": 5})
    assert (error["code"], error["param"]) == ("invalid_type", "event_id") and "event_id" not in error


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.5}}}},
         "invalid_value", "session.audio.input.turn_detection.threshold"),
        ({"audio": {"input": {"turn_detection": {"type": "guess"}}}},
         "invalid_value", "session.audio.input.turn_detection.type"),
        ({"audio": {"input": {"turn_detection": {"silence_duration_ms": -1}}}},
         "invalid_value", "session.audio.input.turn_detection.silence_duration_ms"),
        ({"audio": {"input": {"turn_detection": {"silence_duration_ms": "long"}}}},
         "invalid_type", "session.audio.input.turn_detection.silence_duration_ms"),
        ({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}}},
         "unknown_parameter", "session.audio.input.turn_detection.threshold"),
        ({"audio": {"input": {"transcription": {"delay": "low"}}}},
         "unsupported_parameter", "session.audio.input.transcription.delay"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
         "invalid_value", "session.audio.input.format.rate"),
        ({"audio": {"output": {"format": {"type": "audio/mp3"}}}},
         "invalid_value", "session.audio.output.format.type"),
        ({"audio": {"output": {"speed": 9}}}, "invalid_value", "session.audio.output.speed"),
        ({"audio": {"output": {"voice": {"id": 5}}}}, "invalid_type", "session.audio.output.voice.id"),
        ({"audio": None}, "invalid_type", "session.audio"),
        ({"audio": {"input": None}}, "invalid_type", "session.audio.input"),
        ({"max_output_tokens": 5000}, "invalid_value", "session.max_output_tokens"),
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": []}, "invalid_value", "session.output_modalities"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "mcp", "name": "x"}]}, "invalid_value", "session.tools[0].type"),
        ({"tool_choice": "perhaps"}, "invalid_value", "session.tool_choice"),
        ({"instructions": None}, "invalid_type", "session.instructions"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ],
)  # fmt: skip
def test_a_refused_update_changes_nothing_at_all(fields: dict[str, Any], code: str, param: str) -> None:
    session = protocol()
    before, settings = configured(session), session.config.settings()
    patch = {"type": "realtime", "instructions": "new", "audio": {"input": {"transcription": {"language": "de"}}}}
    patch |= fields
    error = refused(session, {"type": "session.update", "session": patch, "event_id": "u"})
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "u")
    assert configured(session) == before and session.config.settings() == settings


def pcm(*samples: int) -> bytes:
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


def heard(session: Any, sound: bytes) -> bytes:
    command = asked(session, "input_audio_buffer.append", audio=base64.b64encode(sound).decode())
    assert isinstance(command, Hear)
    return command.pcm


def test_half_a_sample_waits_for_its_other_half() -> None:
    session, sound = protocol(), pcm(1, -2, 300, -4000)
    assert b"".join(heard(session, sound[at : at + 3]) for at in range(0, 8, 3)) == sound


@pytest.mark.parametrize("kind", ["input_audio_buffer.clear", "input_audio_buffer.commit"])
def test_half_a_sample_is_forgotten_where_the_sound_is_cut(kind: str) -> None:
    session = protocol()
    heard(session, b"\x01\x02\x03")
    asked(session, kind)
    assert heard(session, pcm(7, 8)) == pcm(7, 8)


def test_another_format_begins_with_whole_samples() -> None:
    session = protocol()
    heard(session, b"\x01")
    for name in ("audio/pcmu", "audio/pcm"):
        asked(session, "session.update", session={"type": "realtime", "audio": {"input": {"format": {"type": name}}}})
    assert heard(session, pcm(5)) == pcm(5)


def test_a_frame_of_many_megabytes_is_taken() -> None:
    sound = bytes(15 * 1024 * 1024)
    frame = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(sound).decode()})
    assert protocol().receive(frame) == Hear(sound, 24000)
