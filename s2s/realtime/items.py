"""Items between the wire and the conversation."""

from __future__ import annotations

import base64
from typing import Any, Literal

import msgspec

from s2s.conversation.items import Item, Part, Status
from s2s.realtime.refusal import LARGEST_BYTES, LONGEST, Refusal, taken
from s2s.realtime.session_shapes import Shape

_KINDS = {
    "user": {"input_text", "input_audio", "input_image", "text"},
    "system": {"input_text", "text"},
    "assistant": {"output_text", "output_audio", "text", "audio"},
}


IMAGE_BYTES = 200_000
"""Of an item's images so much is shown again; the others are left out of what clients see."""


class Content(Shape, kw_only=True):
    """One part of a message item."""

    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio", "text", "audio"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class WireItem(Shape, kw_only=True):
    """An item from a client."""

    type: Literal["message", "function_call", "function_call_output"]
    id: str | None = None
    object: str | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None
    role: Literal["user", "assistant", "system"] | None = None
    content: list[Content] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | None = None


class Reference(Shape, kw_only=True):
    """An item of the conversation in the input of a response."""

    type: Literal["item_reference"]
    id: str


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A client's item, and its sound in the session's input format where its words are yet to be recognised."""

    item: Item
    sound: bytes = b""


def from_wire(value: Any, root: str = "item") -> Given:
    """Return a client's item; raise Refusal when it is none."""
    wire = taken(value, WireItem, f".{root}")
    if wire.id and len(wire.id) > LONGEST:
        raise Refusal("string_above_max_length", f"An item's id may have {LONGEST} characters.", f"{root}.id")
    given = _message(wire, root) if wire.type == "message" else Given(item=_function(wire, root))
    if len(msgspec.json.encode(to_wire(given.item))) > LARGEST_BYTES:
        message = f"An item without its images may have {LARGEST_BYTES} bytes as JSON."
        raise Refusal("string_above_max_length", message, root)
    return given


def _function(wire: WireItem, root: str) -> Item:
    if not wire.call_id:
        raise _missing(f"{root}.call_id")
    if wire.type == "function_call":
        if not wire.name:
            raise _missing(f"{root}.name")
        return Item(
            id=wire.id or "",
            kind="function_call",
            role="assistant",
            call_id=wire.call_id,
            name=wire.name,
            arguments=wire.arguments or "",
        )
    if wire.output is None:
        raise _missing(f"{root}.output")
    return Item(id=wire.id or "", kind="function_call_output", call_id=wire.call_id, output=wire.output)


def _missing(param: str) -> Refusal:
    return Refusal("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def _message(wire: WireItem, root: str) -> Given:
    if wire.role is None:
        raise _missing(f"{root}.role")
    if wire.content is None:
        raise _missing(f"{root}.content")
    parts, sounds = [], []
    for at, content in enumerate(wire.content):
        param = f"{root}.content[{at}]"
        if content.type not in _KINDS[wire.role]:
            choices = ", ".join(sorted(_KINDS[wire.role] - {"text", "audio"}))
            message = f"Invalid value: '{content.type}'. Supported values for the role '{wire.role}' are: {choices}."
            raise Refusal("invalid_value", message, f"{param}.type")
        parts.append(_part(content, wire.role, param))
        if parts[-1].kind == "input_audio" and parts[-1].text is None:
            sounds.append(_sound(content.audio or "", f"{param}.audio"))
    if len(sounds) > 1:
        message = "Only one part of an item may be audio without a transcript."
        raise Refusal("invalid_value", message, f"{root}.content")
    status: Status = "incomplete" if wire.status == "incomplete" else "completed"
    item = Item(id=wire.id or "", role=wire.role, status=status, parts=tuple(parts))
    return Given(item=item, sound=b"".join(sounds))


def _sound(audio: str, param: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except ValueError:
        raise Refusal("invalid_value", f"Invalid value for '{param}': expected base64 of sound.", param) from None


def _part(content: Content, role: str, param: str) -> Part:
    if content.type == "input_image":
        if not content.image_url:
            raise _missing(f"{param}.image_url")
        return Part(kind="input_image", image_url=content.image_url, detail=content.detail or "auto")
    if content.type in ("input_audio", "output_audio", "audio"):
        if content.transcript is None and (role != "user" or not content.audio):
            raise _missing(f"{param}.transcript" if role != "user" else f"{param}.audio")
        kind = "input_audio" if role == "user" else "output_audio"
        return Part(kind=kind, text=content.transcript)  # type: ignore[arg-type]
    if content.text is None:
        raise _missing(f"{param}.text")
    return Part(kind="output_text" if role == "assistant" else "input_text", text=content.text)


def to_wire(item: Item) -> dict[str, Any]:
    """Return an item as clients see it; what is not there is left out."""
    wire: dict[str, Any] = {"id": item.id, "object": "realtime.item", "type": item.kind, "status": item.status}
    if item.kind == "message":
        content, room = [], IMAGE_BYTES
        for part in item.parts:
            content.append(_content(part, room))
            room -= len(part.image_url)
        return {**wire, "role": item.role, "content": content}
    if item.kind == "function_call":
        return {**wire, "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
    return {**wire, "call_id": item.call_id, "output": item.output}


def _content(part: Part, room: int) -> dict[str, Any]:
    if part.kind == "input_image":
        url = {"image_url": part.image_url} if len(part.image_url) <= room else {}
        return {"type": part.kind, **url, "detail": part.detail}
    key = "transcript" if part.kind in ("input_audio", "output_audio") else "text"
    content: dict[str, Any] = {"type": part.kind}
    if part.text is not None or part.kind == "input_audio":  # there the real API says null, and some clients need it
        content[key] = part.text
    return content
