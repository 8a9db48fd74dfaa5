"""What one caller may set: an immutable snapshot, bound to a scope when it opens."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the language model may call, `here` or by a client; `parameters` is a JSON schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    here: bool = False


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn is detected; None leaves a field to the deployment's `turn` stage."""

    kind: Literal["default", "silence", "semantic"] = "default"
    threshold: float | None = None
    prefix_ms: int | None = None
    silence_ms: int | None = None
    idle_ms: int | None = None
    eagerness: Literal["auto", "low", "medium", "high"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a call; `detection` None is push-to-talk, `max_tokens` None is no limit.

    `effort` is how much a model thinks first, from none to xhigh. A conversation that has grown too long is cut to the
    share `truncation` of what it may be, `budget_tokens` where that is set; None lets the answer fail instead.
    """

    instructions: str = ""
    voice: str | None = None
    speed: float = 1.0
    language: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto, none, required, or function:NAME
    parallel_tools: bool = True
    effort: str | None = None
    truncation: float | None = 0.75
    budget_tokens: int | None = None
    outputs: tuple[str, ...] = ("audio",)  # audio, or text
    transcribe: bool = True
    detection: Detection | None = Detection()
