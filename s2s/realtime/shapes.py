"""The shapes of the OpenAI Realtime protocol's events that come from a client, with their defaults and bounds.

Source: the GA interface as typed by the `openai` package. Absent and null differ where the protocol says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from s2s.realtime.session_shapes import Format, Function, MaxTokens, Reasoning, Shape, ToolChoice, Voice

Key = Annotated[str, Meta(max_length=64)]
Value = Annotated[str, Meta(max_length=512)]


class ResponseOutput(Shape, kw_only=True):
    """The agent's side of one response."""

    format: Format | None = None
    voice: str | Voice | None = None


class ResponseAudio(Shape, kw_only=True):
    """The sound of one response."""

    output: ResponseOutput = msgspec.field(default_factory=ResponseOutput)


class ResponseOptions(Shape, kw_only=True):
    """What `response.create` sets for one response; absent fields are the session's."""

    conversation: Literal["auto", "none"] = "auto"
    input: list[dict[str, Any]] | None = None
    instructions: str | None = None
    output_modalities: list[Literal["audio", "text"]] | None = None
    audio: ResponseAudio | None = None
    tools: list[Function] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Annotated[dict[Key, Value], Meta(max_length=16)] | None = None
    prompt: dict[str, Any] | None = None
    reasoning: Reasoning | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None


class ClientEvent(Shape, kw_only=True):
    """The base of the events that a client sends."""

    type: str
    event_id: str | None = None


class SessionUpdate(ClientEvent, kw_only=True):
    """session.update."""

    session: dict[str, Any]


class Append(Shape, tag_field="type", tag="input_audio_buffer.append", kw_only=True):
    """input_audio_buffer.append: sound in the session's input format, which is base64 on the wire."""

    audio: bytes
    event_id: str | None = None


class Bare(ClientEvent, kw_only=True):
    """An event without fields of its own."""


class ItemCreate(ClientEvent, kw_only=True):
    """conversation.item.create."""

    item: dict[str, Any]
    previous_item_id: str | None = None


class ItemName(ClientEvent, kw_only=True):
    """conversation.item.delete and conversation.item.retrieve."""

    item_id: str


class Truncate(ClientEvent, kw_only=True):
    """conversation.item.truncate."""

    item_id: str
    content_index: int
    audio_end_ms: int


class ResponseCreate(ClientEvent, kw_only=True):
    """response.create."""

    response: dict[str, Any] | None = None


class ResponseCancel(ClientEvent, kw_only=True):
    """response.cancel."""

    response_id: str | None = None


CLIENT_EVENTS: dict[str, type[ClientEvent | Append]] = {
    "session.update": SessionUpdate,
    "input_audio_buffer.append": Append,
    "input_audio_buffer.commit": Bare,
    "input_audio_buffer.clear": Bare,
    "output_audio_buffer.clear": Bare,
    "conversation.item.create": ItemCreate,
    "conversation.item.delete": ItemName,
    "conversation.item.retrieve": ItemName,
    "conversation.item.truncate": Truncate,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
}
