"""Text that a model wrote: what is said of it, and the tool calls in it, wherever it was cut into pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.llm.written import Written
from s2s.messages import Reply, ToolCall
from s2s.settings import Tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TOOLS = (Tool(name="get_weather", parameters=CITY), Tool(name="now"))
PARIS = ("get_weather", {"city": "Paris"})

HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
CODER = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\n75001\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
)
LLAMA = '{"name": "get_weather", "parameters": {"city": "Paris"}}'
FORMATS = [
    (HERMES, "", [PARIS]),
    (f"Let me look.\n{HERMES}", "Let me look.\n", [PARIS]),
    (HERMES + '\n<tool_call>{"name": "now"}</tool_call>', "", [PARIS, ("now", {})]),
    ('<tool_call>{"name": "now", "arguments": "{\\"a\\": 1}"}</tool_call>', "", [("now", {"a": 1})]),
    (CODER, "", [("get_weather", {"city": "75001", "days": 3})]),
    (LLAMA, "", [PARIS]),
    (f"<|python_tag|>{LLAMA}; {LLAMA}", "", [PARIS, PARIS]),
    ('<function=get_weather>{"city": "Paris"}</function>', "", [PARIS]),
    (
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now"}]',
        "",
        [PARIS, ("now", {})],
    ),
    ('[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[CALL_ID]a1[ARGS]{}', "", [PARIS, ("now", {})]),
    (f"<think>I could {HERMES} now.</think>\n\nIt rains.", "It rains.", []),
    ('{"what": "no call"} it is', '{"what": "no call"} it is', []),
    ("<tool_call>not JSON</tool_call>So be it.", "So be it.", []),
    ("One <b>two</b> [three] {four}", "One <b>two</b> [three] {four}", []),
    ("<tool", "<tool", []),
    ("", "", []),
]


def read(pieces: list[str], written: Written, cut: bool = False) -> tuple[str, list[tuple[str, object]]]:
    """What is said of the pieces, and the calls in them."""
    items = [item for piece in pieces for item in written.feed(piece)] + list(written.rest(cut))
    calls = [item for item in items if isinstance(item, ToolCall)]
    assert all(call.delta == call.arguments for call in calls)
    assert len({call.call_id for call in calls}) == len(calls) == written.called
    text = "".join(item.text for item in items if isinstance(item, Reply))
    return text, [(call.name, json.loads(call.arguments or "")) for call in calls]


@pytest.mark.parametrize(("text", "said", "calls"), FORMATS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_format(text: str, said: str, calls: list[tuple[str, object]], size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert read(pieces, Written(TOOLS)) == (said, calls)


@given(
    st.lists(st.sampled_from(["<tool_call>", "</tool_call>", '{"name": "now"}', "<tool", "_call>", "a ", "{", "\n"]))
)
def test_cuts_do_not_matter(parts: list[str]) -> None:
    text = "".join(parts)
    said, calls = read(parts, Written(TOOLS))
    assert (said, calls) == read(list(text), Written(TOOLS))
    assert "<tool_call>" not in said


def test_what_is_said_does_not_wait() -> None:
    written = Written(TOOLS)
    assert [list(written.feed(piece)) for piece in ("Hello", " <to", "day")] == [
        [Reply(text="Hello")],
        [Reply(text=" ")],
        [Reply(text="<today")],
    ]


def test_without_tools_nothing_is_called_and_no_markup_is_said() -> None:
    assert read([HERMES, "Well."], Written()) == ("Well.", [])
    assert read([LLAMA], Written()) == (LLAMA, [])


def test_one_call_where_several_are_not_wanted() -> None:
    assert read([HERMES, HERMES], Written(TOOLS, many=False)) == ("", [PARIS])


@pytest.mark.parametrize("text", [HERMES[:-20], LLAMA[:-2], '<|python_tag|>{"name": "now", "para'])
def test_a_call_that_was_cut_off_is_left_out(text: str) -> None:
    assert read([text], Written(TOOLS), cut=True) == ("", [])


def test_thoughts_that_the_prompt_has_begun() -> None:
    assert read(["It wants", " words.</thi", "nk>\n\nHi."], Written(TOOLS, thinking="<think>")) == ("Hi.", [])
