"""Client secrets: what a browser or an app gets from its maker's own server, with a session already set up."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from s2s.modes.keys import Secrets
from s2s.realtime.beta import Beta
from s2s.realtime.refusal import Refusal, taken
from s2s.realtime.session import Kind, SessionConfig
from s2s.realtime.session_shapes import Shape
from s2s.realtime.support import Abilities
from s2s.settings import Settings

SESSION_SECONDS = 3600
"""What is shown as the end of a session that nobody has opened yet."""
BETA_SECONDS = 60
"""How long the beta's secrets lasted."""


class ExpiresAfter(Shape, kw_only=True):
    """How long a secret lets clients in."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = 600


class Asked(Shape, kw_only=True):
    """The body of POST /v1/realtime/client_secrets."""

    expires_after: ExpiresAfter = msgspec.field(default_factory=ExpiresAfter)
    session: dict[str, Any] | None = None


def minted(
    body: Any, secrets: Secrets, now: float, base: Settings, model: str, abilities: Abilities, beta: Kind | None = None
) -> dict[str, Any]:
    """Return the answer to a request for a secret, which is made; raise Refusal.

    `beta` is the kind of session that one of the beta's own addresses makes.
    """
    if not isinstance(body, dict):
        raise Refusal("invalid_type", f"Invalid type: expected an object, got {type(body).__name__}.")
    if beta:
        kind = "transcription_session.update" if beta == "transcription" else "session.update"
        wanted = body.get("client_secret")
        after = wanted.get("expires_after") if isinstance(wanted, dict) else None
        asked = Asked(
            session=Beta().incoming({"type": kind, "session": body})["session"],
            expires_after=ExpiresAfter(seconds=BETA_SECONDS)
            if after is None
            else taken(after, ExpiresAfter, ".client_secret.expires_after"),
        )
    else:
        asked = taken(body, Asked)
    session = {name: value for name, value in (asked.session or {}).items() if name not in ("id", "object")}
    session.setdefault("type", "realtime")
    if session["type"] not in ("realtime", "transcription"):
        message = f"Invalid value: '{session['type']}'. Supported values are: 'realtime', 'transcription'."
        raise Refusal("invalid_session_type", message, "session.type")
    expires_at = int(now) + asked.expires_after.seconds
    ends_at = int(now) + SESSION_SECONDS
    config = SessionConfig("", model, base, ends_at, abilities, session["type"], beta=bool(beta))
    config.update(session)
    secret = secrets.mint(session, asked.expires_after.seconds, now)
    config.id = f"sess_{secret.value[-12:]}"
    if beta:
        told = Beta().outgoing({"type": "session.created", "session": config.show()})[0]["session"]
        return {**told, "client_secret": {"value": secret.value, "expires_at": expires_at}}
    return {"value": secret.value, "expires_at": expires_at, "session": config.show()}
