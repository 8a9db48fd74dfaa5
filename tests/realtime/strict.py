"""Server events held against the `openai` package's own types: required fields, types, nothing unknown, no null."""

from __future__ import annotations

import typing
from typing import Any

from openai.types.realtime import realtime_server_event
from pydantic import BaseModel, TypeAdapter

_UNION = typing.get_args(typing.get_args(realtime_server_event.RealtimeServerEvent)[0])
CLASSES: dict[str, TypeAdapter[Any]] = {
    typing.get_args(cls.model_fields["type"].annotation)[0]: TypeAdapter(cls) for cls in _UNION
}

UNTYPED = {"id", "object", "expires_at"}
"""What the real API shows of a session although the package's types leave it out."""
NULLS = {
    "previous_item_id",
    "item.content.transcript",  # of a caller's sound whose words are not known, or not wanted
    "response.conversation_id",
    "session.audio.input.transcription",
    "session.audio.input.noise_reduction",
    "session.audio.input.turn_detection",
    "session.audio.input.turn_detection.idle_timeout_ms",
    "session.tracing",
    "session.prompt",
}
"""Where the real API says null; anywhere else a null makes strict clients drop the event."""


def strict(event: dict[str, Any]) -> Any:
    """Return the event as the package's model of it; fail where it is not exactly one."""
    assert event.get("type") in CLASSES, f"unknown server event {event.get('type')}"
    model = CLASSES[event["type"]].validate_python(event)
    extras = set(_extras(model, ""))
    session = {f"session.{name}" for name in UNTYPED} if event["type"].startswith("session.") else set()
    assert not extras - session, f"{event['type']}: fields that no client knows: {extras - session}"
    nulls = set(_nulls(event, "")) - NULLS
    assert not nulls, f"{event['type']}: null at {nulls}"
    return model


def _extras(value: Any, path: str) -> typing.Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for part in value:
            yield from _extras(part, path)


def _nulls(value: Any, path: str) -> typing.Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _nulls(part, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for part in value:
            yield from _nulls(part, path)
