"""What a server has done since it began, over all sessions: counted from what clients were told."""

from __future__ import annotations

from typing import Any

from s2s.conversation import facts as f


class Usage:
    """Counters; `show` is what `/v1/usage` says."""

    def __init__(self) -> None:
        self._sessions = 0
        self._turns = 0
        self._errors = 0
        self._responses = dict.fromkeys(("completed", "cancelled", "incomplete", "failed"), 0)
        self._tokens = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"), 0)
        self._heard_ms = 0.0
        self._said_ms = 0.0

    def began(self) -> None:
        """Count a session."""
        self._sessions += 1

    def ended(self, heard_ms: float) -> None:
        """Count what a session that is over has heard."""
        self._heard_ms += heard_ms

    def refused(self) -> None:
        """Count a request that was refused."""
        self._errors += 1

    def told(self, fact: f.Fact) -> None:
        """Count what a client is told."""
        if isinstance(fact, f.SoundDelta):
            self._said_ms += len(fact.pcm) / 2 / fact.rate * 1000
        elif isinstance(fact, (f.TurnCommitted, f.TurnMissed)):
            self._turns += isinstance(fact, f.TurnCommitted)
        elif isinstance(fact, f.Problem):
            self._errors += 1
        elif isinstance(fact, f.ResponseDone):
            self._responses[fact.response.status] += 1
            usage = fact.response.usage or f.Usage()
            for name in self._tokens:
                self._tokens[name] += getattr(usage, name)

    def show(self) -> dict[str, Any]:
        """Return all counters."""
        return {
            "sessions": self._sessions,
            "turns": self._turns,
            "responses": dict(self._responses),
            "tokens": dict(self._tokens),
            "audio": {
                "input_seconds": round(self._heard_ms / 1000, 3),
                "output_seconds": round(self._said_ms / 1000, 3),
            },
            "errors": self._errors,
        }
