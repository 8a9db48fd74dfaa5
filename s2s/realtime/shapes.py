"""The shapes of the OpenAI Realtime protocol that come from a client, with their defaults and bounds.

Source: the GA interface as typed by the `openai` package. Absent and null differ where the protocol says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Milliseconds = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
MaxTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]


class Shape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The base of what is taken from a client: an unknown field is an error."""


class Pcm(Shape, tag_field="type", tag="audio/pcm", kw_only=True):
    """s16le mono at 24 kHz."""

    rate: Literal[24000] = 24000


class Pcmu(Shape, tag_field="type", tag="audio/pcmu", kw_only=True):
    """G.711 mu-law at 8 kHz, one byte a sample."""


class Pcma(Shape, tag_field="type", tag="audio/pcma", kw_only=True):
    """G.711 A-law at 8 kHz, one byte a sample."""


Format = Pcm | Pcmu | Pcma


class ServerVad(Shape, tag_field="type", tag="server_vad", kw_only=True):
    """A turn ends after a silence."""

    threshold: Share = 0.5
    prefix_padding_ms: Milliseconds = 300
    silence_duration_ms: Milliseconds = 200
    idle_timeout_ms: Milliseconds | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Shape, tag_field="type", tag="semantic_vad", kw_only=True):
    """A turn ends when it sounds complete."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class Transcription(Shape, kw_only=True):
    """How the caller's sound is transcribed; the model is the deployment's, whatever its name here."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    keywords: list[str] | None = None
    prompt: str | None = None


class NoiseReduction(Shape, kw_only=True):
    """Named by clients; the deployment's own audio path applies."""

    type: Literal["near_field", "far_field"]


class Input(Shape, kw_only=True):
    """The caller's side."""

    format: Format = msgspec.field(default_factory=Pcm)
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: ServerVad | SemanticVad | None = msgspec.field(default_factory=ServerVad)


class Voice(Shape, kw_only=True):
    """A voice by its id."""

    id: str


class Output(Shape, kw_only=True):
    """The agent's side."""

    format: Format = msgspec.field(default_factory=Pcm)
    voice: str | Voice = "default"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0


class SessionAudio(Shape, kw_only=True):
    """Both sides."""

    input: Input = msgspec.field(default_factory=Input)
    output: Output = msgspec.field(default_factory=Output)


class Function(Shape, tag_field="type", tag="function", kw_only=True):
    """A function that the model may call."""

    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Reasoning(Shape, kw_only=True):
    """Named by clients; how much a model thinks is the deployment's choice."""

    effort: str | None = None


class FunctionChoice(Shape, tag_field="type", tag="function", kw_only=True):
    """The function that must be called."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | FunctionChoice


class Session(Shape, kw_only=True):
    """A session's whole configuration."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: list[Literal["audio", "text"]] = msgspec.field(default_factory=lambda: ["audio"])
    instructions: str = ""
    audio: SessionAudio = msgspec.field(default_factory=SessionAudio)
    max_output_tokens: MaxTokens = "inf"
    truncation: str | dict[str, Any] = "auto"
    tools: list[Function] = []
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    tracing: str | dict[str, Any] | None = None
    prompt: None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None


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
    metadata: Annotated[dict[str, str], Meta(max_length=16)] | None = None
    prompt: None = None
    reasoning: Reasoning | None = None


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
