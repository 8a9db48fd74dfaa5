"""What a model wrote as plain text: an answer to be said, and tool calls in one of the formats that models are taught.

Known are Hermes and Qwen (`<tool_call>{...}</tool_call>`, with JSON or `<function=...>` inside), Llama 3 (bare JSON, or
`<|python_tag|>` before it, or `<function=name>{...}</function>`) and Mistral (`[TOOL_CALLS]`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from s2s.llm.spoken import HEADS, THOUGHTS, UNHEARD, Spoken, first_of, overlap
from s2s.llm.tool_calls import new_id
from s2s.messages import Reply, ToolCall
from s2s.settings import Tool

CALLS = {
    "<tool_call>": "</tool_call>",
    "<function=": "</function>",
    "[TOOL_CALLS]": "",
    "<|python_tag|>": "",
}
"""What opens a call and what closes it; nothing does where all that follows are calls."""
BARE = "{"
"""How an answer begins that is a call of Llama 3's."""
MARKUP = frozenset([*CALLS, *CALLS.values(), "[ARGS]", *THOUGHTS, *THOUGHTS.values(), *HEADS, *HEADS.values(),
                    *UNHEARD.values()]) - {""}  # fmt: skip
"""Special tokens of models whose text counts here; all others say nothing."""

_FUNCTION = re.compile(r"<function=([\w.-]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_NAMED = re.compile(r"\s*([\w.-]+)(?:\[CALL_ID\]\w+)?\[ARGS\]")


class Written:
    """Takes a model's text in pieces, and gives what of it is to be said and the calls as each is whole.

    Only with `tools` is anything a call; `many` false lets none but the first through. `thinking` is a tag of thoughts
    that the prompt has opened, `begun` says that the text goes on from an earlier one.
    """

    def __init__(self, tools: Sequence[Tool] = (), many: bool = True, thinking: str = "", begun: bool = False) -> None:
        self.called = 0
        self._spoken = Spoken(begun, thinking)
        self._texts = {tool.name: _texts(tool) for tool in tools}
        self._many = many
        self._held = ""
        self._open: str | None = None
        self._said = begun
        self._after_call = False

    def feed(self, piece: str) -> Iterator[Reply | ToolCall]:
        """Take the next piece of the text."""
        yield from self._take(self._spoken.feed(piece))

    def rest(self, cut: bool = False) -> Iterator[Reply | ToolCall]:
        """Give what is left at the end of the text; a call that was `cut` off is left out."""
        yield from self._take(self._spoken.rest())
        held, self._held = self._held, ""
        calls = list(self._calls(self._open, held)) if self._open is not None else []
        yield from calls
        if self._open == BARE and not calls and not cut:  # it was no call after all
            self._open, self._said = None, True
            yield from self._take(held)
            held, self._held = self._held, ""
        if self._open is None:
            yield from self._say(held)

    def _take(self, text: str) -> Iterator[Reply | ToolCall]:
        text = self._held + text
        while True:
            if self._open is None and self._texts and not self._said and text.lstrip().startswith(BARE):
                self._open = BARE
            tags = list(CALLS) if self._open is None else [CALLS.get(self._open, "")]
            before, found, after = (text, "", "") if tags == [""] else first_of(text, tags)
            if self._open is None:
                keep = 0 if found else overlap(before, tags)
                yield from self._say(before[: len(before) - keep])
                self._held = before[len(before) - keep :]
            elif not found:
                self._held = text
            if not found:
                return
            if self._open is None:
                self._open = found
            else:
                yield from self._calls(self._open, before)
                self._open, self._after_call = None, True
            text = after

    def _say(self, text: str) -> Iterator[Reply]:
        text = text.lstrip() if self._after_call else text  # line ends stand between calls
        if text:
            self._said, self._after_call = True, False
            yield Reply(text=text)

    def _calls(self, opened: str, body: str) -> Iterator[ToolCall]:
        if not self._texts:
            return
        for name, arguments in _read(opened + body if opened == "<function=" else body, self._texts):
            if self.called and not self._many:
                return
            self.called += 1
            text = json.dumps(arguments, ensure_ascii=False)
            yield ToolCall(call_id=new_id(), name=name, delta=text, arguments=text)


def _read(body: str, texts: dict[str, set[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and arguments of each call in a text; what is none is passed over."""
    for part in body.split("[TOOL_CALLS]"):
        if part.lstrip().startswith("<function="):
            for name, inside in _FUNCTION.findall(part):
                yield from _of_function(name, inside, texts.get(name, set()))
        elif named := _NAMED.match(part):
            yield from ((named[1], value) for value in _values(part[named.end() :])[:1] if isinstance(value, dict))
        else:
            yield from (call for value in _values(part) for call in _of_json(value))


def _values(text: str) -> list[Any]:
    """Return the JSON values that stand in a text one after the other."""
    found, decoder, text = [], json.JSONDecoder(strict=False), text.strip()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            break
        found.append(value)
        text = text[end:].lstrip("; ,\n")
    return found


def _of_json(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for call in value if isinstance(value, list) else [value]:
        if not isinstance(call, dict):
            continue
        call = call["function"] if isinstance(call.get("function"), dict) else call
        arguments: Any = next((call[key] for key in ("arguments", "parameters") if call.get(key) is not None), {})
        if isinstance(arguments, str):
            arguments = next(iter(_values(arguments)), {})
        if isinstance(call.get("name"), str) and isinstance(arguments, dict):
            yield call["name"], arguments


def _of_function(name: str, inside: str, texts: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not (parameters := _PARAMETER.findall(inside)):
        yield from ((name, value) for value in (_values(inside) or [{}])[:1] if isinstance(value, dict))
        return
    yield name, {key: text if key in texts else _value(text) for key, text in parameters}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _texts(tool: Tool) -> set[str]:
    """Return the names of a tool's arguments that are texts, even where they look like a number."""
    properties = tool.parameters.get("properties") or {}
    return {name for name, of in properties.items() if isinstance(of, dict) and of.get("type") == "string"}
