"""A client's mistake, as the protocol words it: a code, a message, and the full name of the parameter."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_AT = re.compile(r" - at `(?P<path>\$[^`]*)`$")


LARGEST_BYTES = 700_000
"""What comes back to a client whole, such as an item, may be this large: some close at frames of 1 MiB."""
LONGEST = 1000
"""Characters of a message or a parameter's name: what a client sent is not sent back whole."""


class Refusal(ValueError):
    """What a client asked for can't be done, and nothing of it was."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code = code
        self.message = (
            message if len(message) <= LONGEST else f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
        )
        self.param = param if param is None else param[:LONGEST]
        super().__init__(self.message)


def taken(value: Any, shape: type[T], root: str = "") -> T:
    """Return `value` as `shape`; raise Refusal with the parameter's full name under `root`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), root) from None


def _refusal(text: str, root: str) -> Refusal:
    found = _AT.search(text)
    path = found["path"].removeprefix("$").replace("[...]", "") if found else ""
    what = _AT.sub("", text)
    param = (root + path).removeprefix(".")
    name = re.search(r"field `(?P<name>[^`]+)`", what)
    if name and "unknown field" in what:
        param = f"{param}.{name['name']}".removeprefix(".")
        return Refusal("unknown_parameter", f"Unknown parameter: '{param}'.", param)
    if name and "missing required field" in what:
        param = f"{param}.{name['name']}".removeprefix(".")
        return Refusal("missing_required_parameter", f"Missing required parameter: '{param}'.", param)
    wrong_type = re.match(r"Expected `[^`]+`, got `[^`]+`", what)
    code = "invalid_type" if wrong_type else "invalid_value"
    word = "type" if wrong_type else "value"
    return Refusal(code, f"Invalid {word} for '{param or 'event'}': {what[0].lower()}{what[1:]}.", param or None)
