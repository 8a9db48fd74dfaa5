"""A session's configuration: what clients set of it, and what of that a call obeys."""

from __future__ import annotations

from typing import Any

import msgspec

from s2s.realtime.refusal import Refusal, taken
from s2s.realtime.shapes import (
    Function,
    FunctionChoice,
    ResponseOptions,
    ResponseOutput,
    ServerVad,
    Session,
    ToolChoice,
    Voice,
)
from s2s.settings import Detection, Settings, Tool

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar", "default"}
)
"""Voices that stock clients name unasked; here they mean the deployment's own."""


class SessionConfig:
    """The configuration of one session: deep-merged, validated as a whole, and shown in full.

    A turn detection that the client never set is the deployment's; `transcribe` holds until the client says.
    """

    def __init__(self, id: str, model: str, base: Settings, expires_at: int, audible: bool) -> None:
        self.id = id
        self._base = base
        self._expires_at = expires_at
        self._detection_set = False
        self._transcription_set = False
        self._session = Session(
            type="realtime",
            model=model,
            instructions=base.instructions,
            output_modalities=["audio" if audible else "text"],
        )
        self._session.audio.output.voice = base.voice or "default"

    @property
    def session(self) -> Session:
        """The effective configuration."""
        return self._session

    def show(self) -> dict[str, Any]:
        """Return the whole effective configuration as clients see it."""
        shown: dict[str, Any] = _present(msgspec.to_builtins(self._session), "include", "reasoning")
        hearing = shown["audio"]["input"]
        if hearing["transcription"] is not None:
            hearing["transcription"] = _present(hearing["transcription"])
        shown["tools"] = [_present(tool) for tool in shown["tools"]]
        return {"object": "realtime.session", "id": self.id, **shown, "expires_at": self._expires_at}

    def update(self, patch: dict[str, Any]) -> Settings:
        """Merge a client's `session` and return the settings that follow; raise Refusal and change nothing."""
        kind = patch.get("type")
        if kind is None:
            raise Refusal("missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type")
        if kind != "realtime":
            message = f"Invalid value: '{kind}'. Supported values are: 'realtime'."
            raise Refusal("invalid_session_type", message, "session.type")
        current: dict[str, Any] = msgspec.to_builtins(self._session)
        merged = _merge(current, {key: value for key, value in patch.items() if key not in ("id", "object")})
        session = taken(merged, Session, ".session")
        if len(session.output_modalities) != 1:
            message = "Invalid value: one of ['audio'] or ['text'] is supported at a time."
            raise Refusal("invalid_value", message, "session.output_modalities")
        if session.model is None:
            session.model = self._session.model
        given = patch.get("audio", {}).get("input", {}) or {}
        self._detection_set |= "turn_detection" in given
        self._transcription_set |= "transcription" in given
        self._session = session
        return self.settings()

    def settings(self) -> Settings:
        """Return what a call obeys of the configuration."""
        session = self._session
        voice = session.audio.output.voice
        transcription = session.audio.input.transcription
        transcribe = self._base.transcribe if not self._transcription_set else transcription is not None
        language = transcription.language if transcription and transcription.language else self._base.language
        return msgspec.structs.replace(
            self._base,
            instructions=session.instructions,
            voice=_voice(voice, self._base.voice),
            speed=session.audio.output.speed,
            language=language,
            max_tokens=_limit(session.max_output_tokens),
            tools=_tools(session.tools),
            tool_choice=_choice(session.tool_choice),
            parallel_tools=session.parallel_tool_calls,
            outputs=tuple(session.output_modalities),
            transcribe=transcribe,
            detection=self._detection(),
        )

    def _detection(self) -> Detection | None:
        wanted = self._session.audio.input.turn_detection
        if not self._detection_set:
            return self._base.detection
        if wanted is None:
            return None
        if isinstance(wanted, ServerVad):
            return Detection(
                kind="silence",
                threshold=wanted.threshold,
                prefix_ms=wanted.prefix_padding_ms,
                silence_ms=wanted.silence_duration_ms,
                idle_ms=wanted.idle_timeout_ms,
                create_response=wanted.create_response,
                interrupt_response=wanted.interrupt_response,
            )
        return Detection(
            kind="semantic",
            eagerness=wanted.eagerness,
            create_response=wanted.create_response,
            interrupt_response=wanted.interrupt_response,
        )

    def for_response(self, options: ResponseOptions) -> Settings:
        """Return the settings of one response."""
        changes: dict[str, Any] = {}
        if options.instructions is not None:
            changes["instructions"] = options.instructions
        if options.output_modalities is not None:
            if len(options.output_modalities) != 1:
                message = "Invalid value: one of ['audio'] or ['text'] is supported at a time."
                raise Refusal("invalid_value", message, "response.output_modalities")
            changes["outputs"] = tuple(options.output_modalities)
        if options.tools is not None:
            changes["tools"] = _tools(options.tools)
        if options.tool_choice is not None:
            changes["tool_choice"] = _choice(options.tool_choice)
        if options.parallel_tool_calls is not None:
            changes["parallel_tools"] = options.parallel_tool_calls
        if options.max_output_tokens is not None:
            changes["max_tokens"] = _limit(options.max_output_tokens)
        if options.audio is not None and options.audio.output.voice is not None:
            changes["voice"] = _voice(options.audio.output.voice, self._base.voice)
        return msgspec.structs.replace(self.settings(), **changes)

    @property
    def input_format(self) -> str:
        """audio/pcm, audio/pcmu or audio/pcma."""
        return _format(self._session.audio.input.format)

    def output_of(self, asked: ResponseOutput | None) -> tuple[dict[str, Any], Any]:
        """Return the format and the voice of a response that begins now, as clients see them."""
        own = self._session.audio.output
        format = own.format if asked is None or asked.format is None else asked.format
        voice = own.voice if asked is None or asked.voice is None else asked.voice
        return msgspec.to_builtins(format), msgspec.to_builtins(voice)


def _format(format: Any) -> str:
    return str(format.__struct_config__.tag)


def _present(shown: dict[str, Any], *optional: str) -> dict[str, Any]:
    """Return an object without those of its `optional` fields, or of all, that are null: clients reject such nulls."""
    return {key: value for key, value in shown.items() if value is not None or (optional and key not in optional)}


def _merge(old: Any, new: Any) -> Any:
    """Deep-merge objects; one of another type replaces the old one, as do lists and plain values."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    if "type" in old and new.get("type", old["type"]) != old["type"]:
        return new
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _merge(old.get(key), value) if key in old else value
    return merged


def _voice(voice: str | Voice, own: str | None) -> str | None:
    name = voice.id if isinstance(voice, Voice) else voice
    return own if name in OPENAI_VOICES else name


def _limit(limit: int | str) -> int | None:
    return None if isinstance(limit, str) else limit


def _tools(tools: list[Function]) -> tuple[Tool, ...]:
    return tuple(
        Tool(name=tool.name, description=tool.description or "", parameters=tool.parameters or {}) for tool in tools
    )


def _choice(choice: ToolChoice) -> str:
    return f"function:{choice.name}" if isinstance(choice, FunctionChoice) else choice
