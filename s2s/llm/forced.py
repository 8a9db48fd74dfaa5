"""A function that must be called: the model's text is held to a JSON schema and read as the call."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import msgspec

from s2s.llm.tool_calls import new_id
from s2s.messages import Line, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings, Tool

CALL_TOKENS = 200
"""How long a call may be, however short the deployment wants its answers."""
LONGEST_TEXT = 80
"""Characters of an argument that sets no limit itself: a small model would fill them without an end."""


def most_tokens(limit: int | None) -> int:
    """Return how many tokens a call may have where a session wants answers of at most `limit`."""
    return CALL_TOKENS if limit is None else min(limit, CALL_TOKENS)


class Forced:
    """The functions one of which must be called; `of` says whether any must.

    llama.cpp leaves tools out of the prompt of a model whose chat template has no place for them, and then `required`
    has no effect. So the prompt is told of them here, and a grammar lets nothing but a call through.
    """

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self._tools = tools

    @classmethod
    def of(cls, settings: Settings) -> Forced | None:
        """Return what must be called under these settings, None where nothing must."""
        name = settings.tool_choice.partition("function:")[2]
        if not name and settings.tool_choice != "required":
            return None
        tools = tuple(tool for tool in settings.tools if not name or tool.name == name)
        return cls(tools) if tools else None

    def request(self, limit: int | None) -> dict[str, Any]:
        """Return the fields of a chat completion that hold it to a call of at most `limit` tokens."""
        format = {"type": "json_schema", "json_schema": {"name": "call", "schema": self.schema}}
        return {"response_format": format, "temperature": 0.0, "max_tokens": most_tokens(limit)}

    def told(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Return a prompt that says what may be called, in the line before the last so that what is read stays read."""
        functions = "\n".join(
            f"{tool.name}: {tool.description or 'a function'} {json.dumps(_parameters(tool))}" for tool in self._tools
        )
        what = "its arguments" if len(self._tools) == 1 else 'an object of "name" and "arguments"'
        text = f"Answer with {what}, as JSON, for a call of:\n{functions}"
        if not lines or lines[-1].role != "user":
            return (*lines, Line(role="user", text=text))
        return (*lines[:-1], msgspec.structs.replace(lines[-1], text=f"{lines[-1].text}\n\n{text}"))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of what is to be written."""
        if len(self._tools) == 1:
            return _parameters(self._tools[0])
        return {"anyOf": [_call(tool) for tool in self._tools]}

    async def read(
        self, pieces: AsyncIterator[Reply | ToolCall | ReplyEnd]
    ) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
        """Yield the call that the text is, as it comes; a text that was cut off stays unfinished."""
        reading = self.reading()
        async for piece in pieces:
            for out in reading.take(piece):
                yield out

    def calls(self, pieces: Iterator[Reply | ToolCall | ReplyEnd]) -> Iterator[Reply | ToolCall | ReplyEnd]:
        """Do the same with pieces that need not be waited for."""
        reading = self.reading()
        for piece in pieces:
            yield from reading.take(piece)

    def reading(self) -> Reading:
        """Return what makes a call of the pieces of a text."""
        return Reading(self._tools[0].name if len(self._tools) == 1 else "")


class Reading:
    """Pieces of JSON text in, pieces of a call out: of `only`, or of the function that the text names."""

    def __init__(self, only: str) -> None:
        self._call_id, self._text = new_id(), ""
        self._only = only

    def take(self, piece: Reply | ToolCall | ReplyEnd) -> Iterator[Reply | ToolCall | ReplyEnd]:
        """Give what a piece adds; a text that was cut off stays unfinished."""
        if isinstance(piece, Reply):
            self._text += piece.text
            if self._only:
                yield ToolCall(call_id=self._call_id, name=self._only, delta=piece.text)
            return
        if isinstance(piece, ReplyEnd) and piece.reason == "stop":
            yield self._whole()
            piece = msgspec.structs.replace(piece, reason="tool_calls")
        yield piece

    def _whole(self) -> ToolCall:
        if self._only:
            return ToolCall(call_id=self._call_id, name=self._only, arguments=self._text)
        call = json.loads(self._text)
        arguments = json.dumps(call["arguments"])
        return ToolCall(call_id=self._call_id, name=call["name"], delta=arguments, arguments=arguments)


def _parameters(tool: Tool) -> dict[str, Any]:
    """Return the schema of a tool's arguments, its texts bounded; one without any takes an empty object."""
    properties = tool.parameters.get("properties")
    if isinstance(properties, dict) and properties:
        return {**tool.parameters, "properties": {name: _bounded(of) for name, of in properties.items()}}
    if "$ref" in tool.parameters or "anyOf" in tool.parameters:
        return tool.parameters
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _bounded(schema: Any) -> Any:
    if not isinstance(schema, dict) or schema.get("type") != "string" or {"enum", "pattern", "format"} & set(schema):
        return schema
    return {"maxLength": LONGEST_TEXT, **schema}


def _call(tool: Tool) -> dict[str, Any]:
    properties = {"name": {"const": tool.name}, "arguments": _parameters(tool)}
    return {
        "type": "object",
        "properties": properties,
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
