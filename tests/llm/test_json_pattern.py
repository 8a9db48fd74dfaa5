"""A schema's pattern matches what the schema allows, and little else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.llm.json_pattern import pattern


def matches(schema: Any, text: str) -> bool:
    return re.fullmatch(pattern(schema), text, re.DOTALL) is not None


def made_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


NODE = {"$defs": {"n": made_of(next={"$ref": "#/$defs/n"})}, "$ref": "#/$defs/n"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (
            {"type": "string", "maxLength": 3},
            ['""', '"a b"', r'"\n\u00e9"', '"é"'],
            ['"abcd"', '"a', "a", '"\n"', r'"\x"'],
        ),
        ({"type": "integer"}, ["0", "-12"], ["01", "1.5", "", "--1", '"1"']),
        ({"type": "number"}, ["0", "-1.5", "2e-7"], ["1.", ".5", "NaN"]),
        ({"type": "boolean"}, ["true", "false"], ["True", "null"]),
        ({"type": ["string", "null"]}, ['"a"', "null"], ["1"]),
        ({"enum": ["a|b", 1, None]}, ['"a|b"', "1", "null"], ['"a"', "2"]),
        ({"const": {"a": 1}}, ['{"a": 1}'], ["{}"]),
        ({"anyOf": [{"type": "integer"}, {"const": "no"}]}, ["3", '"no"'], ['"yes"']),
        ({"allOf": [{"type": "string"}, {"maxLength": 1}]}, ['"a"'], ['"ab"', "1"]),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            ["[1]", "[1, 2]", "[1,2]"],
            ["[]", "[1, 2, 3]", "[1 2]"],
        ),
        (made_of(), ["{}", '{"a": 1}', '{"a": [1, "b"], "c": null}'], ["[]", "{a: 1}", '{"a": 1']),
        ({**made_of(), "additionalProperties": False}, ["{}"], ['{"a": 1}']),
        (
            {**made_of(a={"type": "integer"}, b={"type": "integer"}, c={"type": "integer"}), "required": ["b"]},
            ['{"b": 1}', '{"a": 1, "b": 2}', '{"b":1,"c":2}', '{"a": 1, "b": 2, "c": 3}'],
            ["{}", '{"a": 1}', '{"b": 1, "a": 1}', '{"b": 1,}', '{, "b": 1}'],
        ),
        (
            made_of(a={"type": "integer"}, b={"type": "integer"}),
            ["{}", '{"a": 1}', '{"b": 1}', '{"a": 1, "b": 2}'],
            ['{"b": 1, "a": 1}', '{"a": 1, }', '{"c": 1}'],
        ),
        (NODE, ["{}", '{"next": {"next": {}}}'], ['{"other": 1}']),
        ({}, ["1", '"a"', "[true, {}]"], ["", "a"]),
        (True, ["1"], ["a"]),
    ],
)
def test_what_a_schema_allows(schema: Any, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not matches(schema, text)] == []
    assert [text for text in bad if matches(schema, text)] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inside, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.none() | st.booleans() | st.text(max_size=9), max_size=3))
def test_any_object_without_properties(value: object) -> None:
    assert matches({"type": "object"}, json.dumps(value, ensure_ascii=False))
    assert matches({"type": "object"}, json.dumps(value))


@given(JSON)
def test_what_is_no_json_does_not_match(value: object) -> None:
    text = json.dumps(value)
    assert not matches({}, text + "]")
    assert not matches({}, text[:-1] + "," if text[-1] in "]}" else text + ",")
