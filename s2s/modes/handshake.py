"""What a client's HTTP headers say: its key, its origin, the dialect it speaks."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

KEY_PROTOCOL = "openai-insecure-api-key."
BETA_PROTOCOL = "openai-beta.realtime-v1"


def protocols(headers: Mapping[str, str]) -> list[str]:
    """Return the subprotocols that a client offers."""
    return [word.strip() for word in headers.get("sec-websocket-protocol", "").split(",") if word.strip()]


def key_of(headers: Mapping[str, str]) -> str | None:
    """Return the key of a request: a bearer token, or a browser's subprotocol; it is looked for nowhere else."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    offered = (word for word in protocols(headers) if word.startswith(KEY_PROTOCOL))
    return next((word.removeprefix(KEY_PROTOCOL) for word in offered), None) or None


def is_beta(headers: Mapping[str, str]) -> bool:
    """Whether a client speaks the beta of the protocol."""
    return "realtime=v1" in headers.get("openai-beta", "") or BETA_PROTOCOL in protocols(headers)


def origin_allowed(headers: Mapping[str, str], allowed: Sequence[str]) -> bool:
    """Whether the page that a request comes from may ask; a request without an origin comes from no page.

    Pages of this machine may, and pages at the very address, in numbers, that the request goes to: a name proves
    nothing, since it can be made to point here. `allowed` lists others, as patterns such as `https://*.example.com`.
    """
    origin = headers.get("origin")
    if origin is None or any(fnmatch.fnmatchcase(origin, pattern) for pattern in allowed):
        return True
    try:
        host = urlsplit(origin).hostname or ""
        asked = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or host == asked


def beyond_loopback(host: str) -> bool:
    """Whether other machines can reach a server that listens on this address."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
