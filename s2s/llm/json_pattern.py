"""A JSON schema as a regular expression: all texts that a model may write, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

DEEPEST = 6
"""Levels of a schema that are followed; a schema may refer to itself."""
LONGEST = 200
"""Characters of a text, and
"""
MOST = 8
"""entries of a list or of an object without properties, where the schema sets no limit: a small model finds no end."""

_COMMA, _COLON = ", ?", ": ?"
_INTEGER = "-?(?:0|[1-9][0-9]{0,14})"
_PLAIN = {
    "integer": _INTEGER,
    "number": rf"{_INTEGER}(?:\.[0-9]{{1,15}})?(?:[eE][+-]?[0-9]{{1,3}})?",
    "boolean": "(?:true|false)",
    "null": "null",
}


def pattern(schema: Any) -> str:
    """Return a pattern that matches the JSON texts of a schema; what it says beyond types and sizes is left out."""
    return _Patterns(schema).of(schema, 0)


class _Patterns:
    def __init__(self, root: Any) -> None:
        self._root = root

    def of(self, schema: Any, depth: int) -> str:
        if not isinstance(schema, Mapping):
            return self._anything(depth)
        if depth > DEEPEST:
            return "null"
        if "$ref" in schema:
            return self.of(self._meant(schema["$ref"]), depth + 1)
        if "const" in schema or "enum" in schema:
            return _either(re.escape(_json(value)) for value in schema.get("enum", [schema.get("const")]))
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return _either(self.of(part, depth + 1) for part in schema[key])
        if "allOf" in schema:
            joined = {key: value for part in schema["allOf"] for key, value in part.items()}
            return self.of(joined, depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return _either(self.of({**schema, "type": one}, depth + 1) for one in kind)
        if kind == "string":
            return _text(schema.get("minLength", 0), schema.get("maxLength", LONGEST))
        if kind == "array":
            item = self.of(schema.get("items"), depth + 1)
            return rf"\[{_several(item, schema.get('minItems', 0), schema.get('maxItems', MOST))}\]"
        if kind == "object":
            return self._object(schema, depth)
        return _PLAIN.get(str(kind)) or self._anything(depth)

    def _meant(self, reference: str) -> Any:
        found = self._root
        for name in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _anything(self, depth: int) -> str:
        plain = [_text(0, LONGEST), *_PLAIN.values()]
        if depth >= DEEPEST - 2:
            return _either(plain)
        inside = self._anything(depth + 2)
        return _either([*plain, rf"\[{_several(inside, 0, MOST)}\]", _free(inside)])

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        properties = schema.get("properties") or {}
        if not properties:
            more = schema.get("additionalProperties", True)
            return r"\{\}" if more is False else _free(self.of(more, depth + 1))
        entries = [
            (name in (schema.get("required") or ()), f"{re.escape(_json(name))}{_COLON}{self.of(of, depth + 1)}")
            for name, of in properties.items()
        ]
        first = next((n for n, (needed, _) in enumerate(entries) if needed), None)
        if first is None:
            begun = (text + _following(entries[n + 1 :]) for n, (_, text) in enumerate(entries))
            return rf"\{{(?:{_either(begun)})?\}}"
        before = "".join(f"(?:{text}{_COMMA})?" for _, text in entries[:first])
        return rf"\{{{before}{entries[first][1]}{_following(entries[first + 1 :])}\}}"


def _following(entries: list[tuple[bool, str]]) -> str:
    return "".join(f"(?:{_COMMA}{text}){'' if needed else '?'}" for needed, text in entries)


def _free(value: str) -> str:
    return rf"\{{{_several(f'{_text(1, 40)}{_COLON}{value}', 0, MOST)}\}}"


def _text(least: int, most: int) -> str:
    character = r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})'
    return f'"{character}{{{least},{max(least, most)}}}"'


def _several(item: str, least: int, most: int) -> str:
    if most < 1:
        return ""
    some = f"{item}(?:{_COMMA}{item}){{{max(0, least - 1)},{max(least, most) - 1}}}"
    return some if least else f"(?:{some})?"


def _either(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
