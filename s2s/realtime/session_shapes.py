"""The shapes of a session's configuration, as clients set it and see it.

Source: the GA interface as typed by the `openai` package.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

PrefixMs = Annotated[int, Meta(ge=0, le=10_000)]
SilenceMs = Annotated[int, Meta(ge=0, le=60_000)]
IdleMs = Annotated[int, Meta(ge=100, le=3_600_000)]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]
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
    prefix_padding_ms: PrefixMs = 300
    silence_duration_ms: SilenceMs = 200
    idle_timeout_ms: IdleMs | None = None
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
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class NoiseReduction(Shape, kw_only=True):
    """A filter of the caller's sound."""

    type: Literal["near_field", "far_field"]
    strength: Share | None = None


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
    """How much the model thinks before it answers."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class FunctionChoice(Shape, tag_field="type", tag="function", kw_only=True):
    """The function that must be called."""

    name: str


class Tracing(Shape, kw_only=True):
    """Where OpenAI would keep a trace."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


ToolChoice = Literal["auto", "none", "required"] | FunctionChoice


class TokenLimits(Shape, kw_only=True):
    """How long a conversation may grow, in tokens."""

    post_instructions: Tokens | None = None


class RetentionRatio(Shape, tag_field="type", tag="retention_ratio", kw_only=True):
    """How much of a conversation that has grown too long is kept."""

    retention_ratio: Share
    token_limits: TokenLimits | None = None


Truncation = Literal["auto", "disabled"] | RetentionRatio


class Session(Shape, kw_only=True):
    """A realtime session's whole configuration."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: list[Literal["audio", "text"]] = msgspec.field(default_factory=lambda: ["audio"])
    instructions: str = ""
    audio: SessionAudio = msgspec.field(default_factory=SessionAudio)
    max_output_tokens: MaxTokens = "inf"
    truncation: Truncation = "auto"
    tools: list[Function] = []
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    tracing: Literal["auto"] | Tracing | None = None
    prompt: dict[str, Any] | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None


class Heard(Shape, kw_only=True):
    """The caller's side of a transcription session."""

    input: Input = msgspec.field(default_factory=Input)


class TranscriptionSession(Shape, kw_only=True):
    """A transcription session's whole configuration."""

    type: Literal["transcription"]
    audio: Heard = msgspec.field(default_factory=Heard)
    include: list[str] | None = None
