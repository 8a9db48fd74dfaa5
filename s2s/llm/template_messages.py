"""Prompts as the messages that chat templates in this process are written for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from s2s.llm.chat_stream import chat_messages
from s2s.messages import Line, Prompt

Message = dict[str, Any]


def marks(texts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of a model's special tokens: with one of them a caller could speak with another's voice."""
    return re.compile("|".join(re.escape(text) for text in texts if text) or r"(?!)")


def messages(
    lines: tuple[Line, ...], special: re.Pattern[str], images: bool = False, sound: str | None = None
) -> list[Message]:
    """Return the lines as messages, without what is `special` in their texts.

    Calls have short numbers, since some templates want ids of nine characters, and arguments are objects, as templates
    expect them. With `images` a content is a list of parts, where pictures have places only. `sound` is the mark that
    opens the text of a line with sound; with "" it has a place among parts, and with None none is told of.
    """
    shown = tuple(msgspec.structs.replace(line, text=special.sub("", line.text)) for line in lines)
    plain = tuple(msgspec.structs.replace(line, audio=b"") for line in shown)
    names = {use.call_id: use.name for line in lines for use in line.calls}
    short = {call_id: f"{n:09}" for n, call_id in enumerate(names)}
    made = chat_messages(Prompt(lines=plain), images=False)
    for message, line in zip(made, shown, strict=True):
        if line.role == "tool":
            message.update(name=names.get(line.call_id, ""), tool_call_id=short.get(line.call_id, line.call_id))
        for use in message.get("tool_calls", ()):
            use["id"] = short[use["id"]]
            use["function"]["arguments"] = _object(use["function"]["arguments"])
        heard = sound if line.audio else None
        parts = images or sound == ""
        message["content"] = _parts(line, heard) if parts else (heard or "") + (message["content"] or "")
    return made


def folded(made: list[Message]) -> list[Message]:
    """Return messages without a system's, which open the user's, and with speakers that take turns.

    This is for templates that refuse anything else.
    """
    found: list[Message] = []
    for message in made:
        if message["role"] == "system":
            message = {**message, "role": "user"}
        before = found[-1] if found else {}
        if before.get("role") == message["role"] != "tool" and not before.get("tool_calls"):
            found[-1] = {**message, "content": _joined(before["content"], message["content"])}
        else:
            found.append(message)
    return found


def _parts(line: Line, sound: str | None) -> list[Message]:
    found: list[Message] = [{"type": "image"} for _ in line.images]
    if sound == "":
        found.append({"type": "audio"})
    text = (sound or "") + line.text
    return [*found, {"type": "text", "text": text}] if text else found


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, str):
        return "\n\n".join(filter(None, [one, other]))
    return one + other


def _object(arguments: str) -> Any:
    """Return the arguments of a call as templates want them; a text that is no JSON stays what it is."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
