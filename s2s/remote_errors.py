"""What went wrong at a remote model's server, in one line: what, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class RemoteError(RuntimeError):
    """A remote model's failure: where, what, and the remedy, on one line."""


class StreamCut(ConnectionError):
    """The stream ended before the server said that the answer is complete."""


class ServerFailed(RuntimeError):
    """The server said inside a stream that it failed; `status` is the HTTP status that it stands for."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status_code = status


def failed(error: Any) -> ServerFailed:
    """Return the exception for an error object inside a stream."""
    fields = error if isinstance(error, Mapping) else {"message": str(error)}
    code = str(fields.get("code") or "")
    status = {"rate_limit_exceeded": 429, "invalid_prompt": 400}.get(code, 500)
    message = str(fields.get("message") or code or "no reason given")
    return ServerFailed(message, int(code) if code.isdigit() else status)


PASSING = (408, 409, 425, 429)
"""The 4xx answers that another try may not get."""


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def retryable(error: Exception) -> bool:
    """Return whether another try may succeed: a lost connection, 408, 409, 425, 429 (but for a spent quota) or 5xx."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return False
    if lost(error) or isinstance(error, StreamCut):
        return True
    status = status_of(error)
    if status is None or getattr(error, "code", None) == "insufficient_quota":
        return False
    return status in PASSING or status >= 500


def lost(error: Exception) -> bool:
    """Return whether the network failed; older releases of the openai package let the transport's own error through."""
    import openai

    return isinstance(error, openai.APIConnectionError) or any(
        cls.__name__ == "TransportError" for cls in type(error).__mro__
    )


def status_of(error: Exception) -> int | None:
    """Return the HTTP status that `error` stands for; an error object inside a stream has its own code, or none."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    code = getattr(error, "code", None)
    return int(code) if isinstance(code, str) and code.isdigit() else None


def explain(error: Exception, base_url: str, key_env: str | None, limit_s: float, came: bool) -> str | None:
    """Return what a failure is and its remedy on one line, or None when it is not the server's or the network's.

    `limit_s` is the patience that ran out where it is a timeout, and `came` says whether a part of the answer
    had come.
    """
    import openai

    if isinstance(error, (TimeoutError, openai.APITimeoutError)):
        what = "nothing more" if came else "nothing"
        knob = "stall_s" if came else "timeout_s"
        return f"{what} came for {limit_s:g} s; look at the server's load, or raise '{knob}'"
    if isinstance(error, StreamCut):
        return f"{error}; look at the server's log, and at proxies between"
    if lost(error):
        if came:
            return "the connection was lost in the middle of the answer; look at the server's log"
        return f"no connection ({_cause(error)}); is the server running at {base_url}?"
    status = status_of(error)
    if status is None and not isinstance(error, openai.APIError):
        return None
    said = message_of(error)
    head = f"{status} {_PHRASES.get(status, '')}".strip() if status else "the server failed"
    return f"{head}{f': {said}' if said else ''}; {_remedy(status or 500, base_url, key_env)}"


def message_of(error: Exception) -> str:
    """Return what the provider says of an error, on one line and at most 300 characters of it."""
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error")
        body = inner if isinstance(inner, dict) else body
        text = body.get("message") or body.get("detail") or getattr(error, "message", "")
    else:
        text = body if isinstance(body, str) and body else getattr(error, "message", str(error))
    line = " ".join(str(text).split()).rstrip(".;")
    return line if len(line) <= 300 else line[:299] + "…"


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _remedy(status: int, base_url: str, key_env: str | None) -> str:
    if status == 401:
        return f"set {key_env} to a valid key" if key_env else "name the key's environment variable in 'api_key_env'"
    if status == 403:
        return f"check what the key{f' in {key_env}' if key_env else ''} may use"
    if status == 404:
        return "check 'model', and that 'base_url' is right (it mostly ends in /v1)"
    if status == 429:
        return "wait, or raise the account's limits"
    if status >= 500:
        return f"look at the log of the server at {base_url}"
    return "check the options of this stage against what the server takes"
