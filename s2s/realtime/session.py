"""A session's configuration: what clients set of it, and what of that a call obeys."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from s2s.realtime.obeyed import choice, detection, kept, limit, tools
from s2s.realtime.refusal import LARGEST_BYTES, Refusal, taken
from s2s.realtime.session_shapes import Input, Session, TranscriptionSession
from s2s.realtime.shapes import ResponseOptions, ResponseOutput
from s2s.realtime.support import Abilities
from s2s.settings import Detection, Settings

Kind = Literal["realtime", "transcription"]
OBJECTS = {"realtime": "realtime.session", "transcription": "realtime.transcription_session"}


class SessionConfig:
    """The configuration of one session: deep-merged, validated as a whole, and shown in full.

    A turn detection that the client never set is the deployment's; `transcribe` holds until the client says. With
    `beta` the fields of the old API that the new one lacks are taken.
    """

    def __init__(
        self,
        id: str,
        model: str,
        base: Settings,
        expires_at: int,
        abilities: Abilities,
        kind: Kind = "realtime",
        beta: bool = False,
    ) -> None:
        self.id = id
        self.kind = kind
        self.spoke = False
        """Whether the agent has been heard: its voice is settled then."""
        self._base = base
        self._beta = beta
        self.abilities = abilities
        self._expires_at = expires_at
        self._detection_set = False
        self._transcription_set = False
        self._session: Session | TranscriptionSession
        if kind == "transcription":
            self._session = TranscriptionSession(type="transcription")
        else:
            modality: Literal["audio", "text"] = "audio" if abilities.audible else "text"
            self._session = Session(
                type="realtime", model=model, instructions=base.instructions, output_modalities=[modality]
            )
            self._session.audio.output.voice = base.voice or "default"

    @property
    def _input(self) -> Input:
        return self._session.audio.input

    def show(self) -> dict[str, Any]:
        """Return the whole effective configuration as clients see it."""
        shown: dict[str, Any] = present(msgspec.to_builtins(self._session), "include", "reasoning", "temperature")
        hearing = shown["audio"]["input"]
        for name in ("transcription", "noise_reduction"):
            if hearing[name] is not None:
                hearing[name] = present(hearing[name])
        if self.kind == "transcription" and hearing["turn_detection"] is not None:
            for name in ("create_response", "interrupt_response"):
                hearing["turn_detection"].pop(name)
        for name in ("truncation", "tracing", "reasoning"):
            if isinstance(shown.get(name), dict):
                shown[name] = present(shown[name])
        if "tools" in shown:
            shown["tools"] = [present(tool) for tool in shown["tools"]]
        if not self._beta:
            shown.pop("temperature", None)
        return {"object": OBJECTS[self.kind], "id": self.id, **shown, "expires_at": self._expires_at}

    def update(self, patch: dict[str, Any]) -> Settings:
        """Merge a client's `session` and return the settings that follow; raise Refusal and change nothing."""
        self._check_kind(patch.get("type"))
        if "temperature" in patch and not self._beta:
            raise Refusal("unknown_parameter", "Unknown parameter: 'session.temperature'.", "session.temperature")
        current: dict[str, Any] = msgspec.to_builtins(self._session)
        merged = _merge(current, {key: value for key, value in patch.items() if key not in ("id", "object")})
        session: Session | TranscriptionSession
        if self.kind == "transcription":
            session = taken(merged, TranscriptionSession, ".session")
            self.abilities.check_input(session.audio.input, "session.audio.input")
            self.abilities.check_include(session.include)
        else:
            session = taken(merged, Session, ".session")
            self.abilities.check_session(session)
            self._check_voice(session)
            if session.model is None:
                session.model = self._realtime().model
        if len(msgspec.json.encode(session)) > LARGEST_BYTES:
            message = f"Invalid value: a session's configuration may have {LARGEST_BYTES} bytes."
            raise Refusal("string_above_max_length", message, "session")
        given = patch.get("audio", {}).get("input", {}) or {}
        self._detection_set |= "turn_detection" in given
        self._transcription_set |= "transcription" in given
        self._session = session
        return self.settings()

    def _check_kind(self, kind: Any) -> None:
        if kind is None:
            raise Refusal("missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type")
        if kind == self.kind:
            return
        if isinstance(kind, str) and kind in OBJECTS:
            message = f"Passing a {kind} session update event to a {self.kind} session is not allowed."
            if kind == "transcription":
                message += " Connect with '?intent=transcription' for one."
        else:
            message = f"Invalid value: '{kind}'. Supported values are: '{self.kind}'."
        raise Refusal("invalid_session_type", message, "session.type")

    def _check_voice(self, session: Session) -> None:
        wanted = self.abilities.voice(session.audio.output.voice, self._base, "session.audio.output.voice")
        before = self.abilities.voice(self._realtime().audio.output.voice, self._base, "session.audio.output.voice")
        if self.spoke and wanted != before:
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise Refusal("cannot_update_voice", message, "session.audio.output.voice")

    def _realtime(self) -> Session:
        assert isinstance(self._session, Session)
        return self._session

    def settings(self) -> Settings:
        """Return what a call obeys of the configuration."""
        transcription = self._input.transcription
        language = transcription.language if transcription and transcription.language else self._base.language
        if self.kind == "transcription":
            cuts = self._detection()
            if cuts is not None:
                cuts = msgspec.structs.replace(cuts, create_response=False, interrupt_response=False)
            return msgspec.structs.replace(
                self._base, language=language, transcribe=True, outputs=("text",), detection=cuts
            )
        session = self._realtime()
        share, budget = kept(session.truncation)
        return msgspec.structs.replace(
            self._base,
            instructions=session.instructions,
            voice=self.abilities.voice(session.audio.output.voice, self._base, "session.audio.output.voice"),
            speed=session.audio.output.speed,
            language=language,
            temperature=session.temperature,
            max_tokens=limit(session.max_output_tokens),
            tools=tools(session.tools),
            tool_choice=choice(session.tool_choice),
            parallel_tools=session.parallel_tool_calls,
            effort=session.reasoning.effort if session.reasoning is not None else None,
            truncation=share,
            budget_tokens=budget,
            outputs=tuple(session.output_modalities),
            transcribe=self._base.transcribe if not self._transcription_set else transcription is not None,
            detection=self._detection(),
        )

    def _detection(self) -> Detection | None:
        return detection(self._input.turn_detection) if self._detection_set else self._base.detection

    def for_response(self, options: ResponseOptions) -> Settings:
        """Return the settings of one response."""
        abilities = self.abilities
        abilities.check_prompt(options.prompt, "response.prompt")
        abilities.check_limits(options.max_output_tokens, bool(options.tools), options.reasoning, "response")
        if options.temperature is not None and not self._beta:
            raise Refusal("unknown_parameter", "Unknown parameter: 'response.temperature'.", "response.temperature")
        changes: dict[str, Any] = {
            "instructions": options.instructions,
            "parallel_tools": options.parallel_tool_calls,
            "temperature": options.temperature,
            "effort": options.reasoning.effort if options.reasoning is not None else None,
        }
        if options.output_modalities is not None:
            if len(options.output_modalities) != 1:
                message = "Invalid value: one of ['audio'] or ['text'] is supported at a time."
                raise Refusal("invalid_value", message, "response.output_modalities")
            changes["outputs"] = tuple(options.output_modalities)
        if options.tools is not None:
            changes["tools"] = tools(options.tools)
        if options.tool_choice is not None:
            changes["tool_choice"] = choice(options.tool_choice)
        if options.audio is not None and options.audio.output.voice is not None:
            changes["voice"] = abilities.voice(options.audio.output.voice, self._base, "response.audio.output.voice")
        chosen = {name: value for name, value in changes.items() if value is not None}
        if options.max_output_tokens is not None:
            chosen["max_tokens"] = limit(options.max_output_tokens)
        return msgspec.structs.replace(self.settings(), **chosen)

    @property
    def input_format(self) -> str:
        """audio/pcm, audio/pcmu or audio/pcma."""
        return str(self._input.format.__struct_config__.tag)

    def output_of(self, asked: ResponseOutput | None) -> tuple[dict[str, Any], Any]:
        """Return the format and the voice of a response that begins now, as clients see them."""
        own = self._realtime().audio.output
        format = own.format if asked is None or asked.format is None else asked.format
        voice = own.voice if asked is None or asked.voice is None else asked.voice
        return msgspec.to_builtins(format), msgspec.to_builtins(voice)


def present(shown: dict[str, Any], *optional: str) -> dict[str, Any]:
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
