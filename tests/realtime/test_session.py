"""A session's configuration: deep-merged, shown in full, obeyed."""

from __future__ import annotations

import msgspec
from openai.types.realtime import realtime_session_create_request_param as session_params
from openai.types.realtime.realtime_response_create_params_param import RealtimeResponseCreateParamsParam

from s2s.realtime import session_shapes, shapes
from s2s.settings import Detection, Settings, Tool
from tests.realtime.sessions import configured, only, protocol, update
from tests.realtime.strict import strict


def test_a_session_begins_with_the_defaults_of_the_real_one() -> None:
    created = only(protocol(settings=Settings(instructions="be kind", voice="amy")).created())
    strict(created)
    assert created["session"] == {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "s2s",
        "output_modalities": ["audio"],
        "instructions": "be kind",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "amy", "speed": 1.0},
        },
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "tracing": None,
        "prompt": None,
        "expires_at": 4_000_000_000,
    }


def test_updates_merge_deeply_and_lists_replace() -> None:
    session = protocol()
    update(session, audio={"output": {"voice": "amy"}}, tools=[{"type": "function", "name": "a"}])
    update(session, audio={"output": {"speed": 1.25}, "input": {"transcription": {"model": "whisper-1"}}})
    settings = update(
        session,
        audio={"input": {"transcription": {"language": "de"}}},
        tools=[{"type": "function", "name": "b", "description": "B", "parameters": {"default": None}}],
        id="sess_other",
        object="realtime.session",
    )
    config = configured(session)
    assert config["id"] == "sess_1"
    assert config["audio"]["output"] | {"format": 0} == {"format": 0, "voice": "amy", "speed": 1.25}
    assert config["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": "de"}
    assert config["tools"] == [{"type": "function", "name": "b", "description": "B", "parameters": {"default": None}}]
    assert (settings.voice, settings.speed, settings.language) == ("amy", 1.25, "de")
    assert settings.tools == (Tool(name="b", description="B", parameters={"default": None}),)
    strict(only(session.updated()) | {"session": config | {"tools": []}})


def test_absent_fields_of_tools_are_left_out() -> None:
    session = protocol()
    update(session, tools=[{"type": "function", "name": "a", "description": None}], reasoning={"effort": "low"})
    assert configured(session)["tools"] == [{"type": "function", "name": "a"}]
    strict(only(session.updated()))


def test_turn_detection_is_the_deployments_until_the_client_sets_it() -> None:
    own = Detection(silence_ms=640)
    session = protocol(settings=Settings(detection=own))
    assert update(session, instructions="x").detection == own
    assert update(session, audio={"input": {"turn_detection": None}}).detection is None
    assert configured(session)["audio"]["input"]["turn_detection"] is None
    assert update(session, instructions="y").detection is None
    silence = update(session, audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}).detection
    assert silence == Detection(kind="silence", threshold=0.7, prefix_ms=300, silence_ms=200)
    merged = update(session, audio={"input": {"turn_detection": {"silence_duration_ms": 900}}}).detection
    assert merged == Detection(kind="silence", threshold=0.7, prefix_ms=300, silence_ms=900)
    semantic = {"type": "semantic_vad", "eagerness": "high", "create_response": False, "interrupt_response": False}
    eager = update(session, audio={"input": {"turn_detection": semantic}}).detection
    assert eager == Detection(kind="semantic", eagerness="high", create_response=False, interrupt_response=False)
    assert configured(session)["audio"]["input"]["turn_detection"] == semantic


def test_transcription_is_the_deployments_until_the_client_sets_it() -> None:
    session = protocol(settings=Settings(transcribe=True, language="en"))
    assert update(session, instructions="x").transcribe
    on = update(session, audio={"input": {"transcription": {"model": "any", "language": "fr"}}})
    assert (on.transcribe, on.language) == (True, "fr")
    off = update(session, audio={"input": {"transcription": None}})
    assert (off.transcribe, off.language) == (False, "en")


def test_a_stock_voice_is_the_deployments_own() -> None:
    session = protocol(settings=Settings(voice="amy"))
    assert update(session, audio={"output": {"voice": "marin"}}).voice == "amy"
    assert configured(session)["audio"]["output"]["voice"] == "marin"
    assert update(session, audio={"output": {"voice": {"id": "joe"}}}).voice == "joe"


def test_limits_and_tool_choices_come_through() -> None:
    session = protocol()
    assert update(session, max_output_tokens=100).max_tokens == 100
    assert update(session, max_output_tokens="inf").max_tokens is None
    assert update(session, tool_choice={"type": "function", "name": "f"}).tool_choice == "function:f"
    assert update(session, tool_choice="none", parallel_tool_calls=False).tool_choice == "none"
    assert update(session, model=None).parallel_tools is False
    assert configured(session)["model"] == "s2s"


def test_one_session_does_not_leak_into_the_next() -> None:
    base = Settings()
    first = protocol(settings=base)
    update(first, instructions="x", audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.9}}})
    assert protocol(settings=base).config.settings() == base
    assert configured(protocol(settings=base))["audio"]["input"]["turn_detection"]["threshold"] == 0.5


def test_no_option_of_the_stock_client_is_unknown() -> None:
    def names(shape: type) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(shape)}

    own = names(session_shapes.Session) | {"type"}
    assert set(session_params.RealtimeSessionCreateRequestParam.__annotations__) <= own
    assert set(RealtimeResponseCreateParamsParam.__annotations__) <= names(shapes.ResponseOptions)
