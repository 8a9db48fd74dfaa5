"""The beta of the protocol, as clients from before September 2025 speak it: translated event by event.

Source: the types of the `openai` package 1.109 and what its clients read.
"""

from __future__ import annotations

from typing import Any

from s2s.realtime.dialect import Event

FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
NAMES = {format["type"]: name for name, format in FORMATS.items()}

EVENTS = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
CONTENTS = {"output_text": "text", "output_audio": "audio"}

_INPUT = {
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
    "input_audio_noise_reduction": "noise_reduction",
}


class Beta:
    """Both directions, for one client; the session's beta fields are flat."""

    beta = True

    def incoming(self, event: Event) -> Event:
        """Return a client's event as the protocol words it today."""
        kind = event.get("type")
        if kind == "session.update" and isinstance(event.get("session"), dict):
            return {**event, "session": {"type": "realtime", **_grown(event["session"])}}
        if kind == "transcription_session.update" and isinstance(event.get("session"), dict):
            session = {"type": "transcription", **_grown(event["session"])}
            session.pop("output_modalities", None)  # it is typed there, and means nothing
            return {**event, "type": "session.update", "session": session}
        if kind == "conversation.item.create" and isinstance(event.get("item"), dict):
            return {**event, "item": _without_ids(event["item"])}
        if kind == "response.create" and isinstance(event.get("response"), dict):
            return {**event, "response": _grown(event["response"])}
        return event

    def outgoing(self, event: Event) -> list[Event]:
        """Return what a client is told instead of an event of today's protocol."""
        kind: str = event["type"]
        if kind == "conversation.item.done" or _is_idle_cancel(event):
            return []
        told = {**event, "type": EVENTS.get(kind, kind)}
        if kind in ("session.created", "session.updated"):
            return self._session(told)
        if "item" in told:
            told["item"] = _item(told["item"])
        if "response" in told:
            told["response"] = _response(told["response"])
        return [told]

    def _session(self, told: Event) -> list[Event]:
        session = told["session"]
        if session["type"] == "transcription":
            return [{**told, "type": f"transcription_{told['type']}", "session": _flat(session)}]
        return [{**told, "session": _flat(session)}]


def _is_idle_cancel(event: Event) -> bool:
    """Whether there was nothing to cancel: a client of the beta cancels before it truncates, come what may."""
    return bool(event["type"] == "error" and event["error"]["code"] == "response_cancel_not_active")


def _without_ids(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item whose parts have no ids, which the beta allowed."""
    if not isinstance(item.get("content"), list):
        return item
    plain = [
        {name: value for name, value in part.items() if name != "id"} if isinstance(part, dict) else part
        for part in item["content"]
    ]
    return {**item, "content": plain}


def _grown(flat: dict[str, Any]) -> dict[str, Any]:
    """Return the beta's flat configuration, of a session or a response, as today's tree; what is unknown stays."""
    grown: dict[str, Any] = {}
    hearing: dict[str, Any] = {}
    speaking: dict[str, Any] = {}
    for name, value in flat.items():
        if name == "modalities":
            spoken = isinstance(value, list) and "audio" in value
            grown["output_modalities"] = ["audio"] if spoken else value
        elif name == "input_audio_format":
            hearing["format"] = FORMATS.get(value, value) if isinstance(value, str) else value
        elif name == "output_audio_format":
            speaking["format"] = FORMATS.get(value, value) if isinstance(value, str) else value
        elif name in ("voice", "speed"):
            speaking[name] = value
        elif name in _INPUT:
            hearing[_INPUT[name]] = value
        elif name == "tool_choice" and isinstance(value, dict) and isinstance(value.get("function"), dict):
            grown[name] = {"type": "function", **value["function"]}
        elif name in ("max_response_output_tokens", "max_output_tokens"):
            grown["max_output_tokens"] = value
        elif name not in ("client_secret", "id", "object", "expires_at"):
            grown[name] = value
    audio = {"input": hearing, "output": speaking}
    if hearing or speaking:
        grown["audio"] = {name: part for name, part in audio.items() if part}
    return grown


def _flat(session: dict[str, Any]) -> dict[str, Any]:
    """Return today's configuration of a session as the beta showed it."""
    hearing = session["audio"]["input"]
    shown = {
        "id": session["id"],
        "object": session["object"],
        "expires_at": session["expires_at"],
        "input_audio_format": NAMES[hearing["format"]["type"]],
        "input_audio_transcription": hearing["transcription"],
        "turn_detection": hearing["turn_detection"],
        "input_audio_noise_reduction": hearing["noise_reduction"],
        "client_secret": None,
    }
    speaking = session["audio"].get("output")
    if speaking is None:
        return {**shown, "modalities": ["text"]}
    return {
        **shown,
        "model": session["model"],
        "modalities": _modalities(session["output_modalities"]),
        "instructions": session["instructions"],
        "voice": _voice(speaking["voice"]),
        "output_audio_format": NAMES[speaking["format"]["type"]],
        "speed": speaking["speed"],
        "tools": session["tools"],
        "tool_choice": session["tool_choice"],
        "temperature": session.get("temperature") or TEMPERATURE,
        "max_response_output_tokens": session["max_output_tokens"],
        "tracing": session["tracing"],
    }


TEMPERATURE = 0.8
"""What the beta showed for a temperature that nobody had set."""


def _modalities(outputs: list[str]) -> list[str]:
    return ["text", "audio"] if "audio" in outputs else ["text"]


def _voice(voice: Any) -> Any:
    return voice["id"] if isinstance(voice, dict) else voice


def _item(item: dict[str, Any]) -> dict[str, Any]:
    if "content" not in item:
        return item
    content = [{**part, "type": CONTENTS.get(part["type"], part["type"])} for part in item["content"]]
    return {**item, "content": content}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in response.items() if name not in ("audio", "output_modalities")}
    speaking = response["audio"]["output"]
    return {
        **told,
        "output": [_item(item) for item in response["output"]],
        "modalities": _modalities(response["output_modalities"]),
        "voice": _voice(speaking["voice"]),
        "output_audio_format": NAMES[speaking["format"]["type"]],
    }
