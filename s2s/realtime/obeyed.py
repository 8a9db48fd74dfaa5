"""Parts of a session's configuration as the engine's settings put them."""

from __future__ import annotations

from s2s.realtime.session_shapes import (
    Function,
    FunctionChoice,
    RetentionRatio,
    SemanticVad,
    ServerVad,
    ToolChoice,
    Truncation,
)
from s2s.settings import Detection, Settings, Tool


def detection(wanted: ServerVad | SemanticVad | None) -> Detection | None:
    """Return how turns are detected, None for push to talk."""
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


def kept(truncation: Truncation) -> tuple[float | None, int | None]:
    """Return the share of a conversation that is kept when it is too long, None for all, and its limit in tokens."""
    if isinstance(truncation, RetentionRatio):
        limits = truncation.token_limits
        return truncation.retention_ratio, limits.post_instructions if limits is not None else None
    return (Settings().truncation, None) if truncation == "auto" else (None, None)


def limit(limit: int | str) -> int | None:
    """Return a limit of tokens, None for "inf"."""
    return None if isinstance(limit, str) else limit


def tools(tools: list[Function]) -> tuple[Tool, ...]:
    """Return functions as language models are told of them."""
    return tuple(
        Tool(name=tool.name, description=tool.description or "", parameters=tool.parameters or {}) for tool in tools
    )


def choice(choice: ToolChoice) -> str:
    """Return auto, none, required, or function:NAME."""
    return f"function:{choice.name}" if isinstance(choice, FunctionChoice) else choice
