"""What is told besides the sound, one JSON object a fact, to clients that ask for it."""

from __future__ import annotations

import json
from typing import Any

from s2s.conversation import facts as f


def told(fact: f.Fact) -> list[str]:
    """Return a fact as JSON texts, none for what says nothing to such a client."""
    shown = [found for found in (_shown(fact), _usage(fact)) if found is not None]
    return [json.dumps(found) for found in shown]


def _usage(fact: f.Fact) -> dict[str, Any] | None:
    usage = fact.response.usage if isinstance(fact, f.ResponseDone) else None
    if usage is None:
        return None
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"type": "token_usage", **tokens, "total_tokens": usage.input_tokens + usage.output_tokens}


def _shown(fact: f.Fact) -> dict[str, Any] | None:
    if isinstance(fact, f.SpeechStarted):
        return {"type": "speech_started", "at_ms": fact.at_ms}
    if isinstance(fact, f.SpeechStopped):
        return {"type": "speech_stopped", "at_ms": fact.at_ms}
    if isinstance(fact, f.TurnTextDelta):
        return {"type": "partial_transcription", "id": fact.item_id, "delta": fact.delta}
    if isinstance(fact, f.TurnText):
        return {"type": "transcription_completed", "id": fact.item_id, "transcript": fact.text}
    if isinstance(fact, f.TurnTextFailed):
        return {"type": "transcription_failed", "id": fact.item_id, "message": fact.reason}
    if isinstance(fact, (f.WordsDelta, f.TextDelta)):
        return {"type": "assistant_text", "id": fact.item_id, "text": fact.delta}
    if isinstance(fact, f.ResponseDone):
        return {"type": "response_done", "status": fact.response.status}
    if isinstance(fact, f.Problem):
        return {"type": "error", "code": fact.code, "message": fact.message}
    return None
