"""What is said of a text does not depend on where it was cut, and thoughts are no part of it."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.llm.spoken import THOUGHTS, Spoken

PARTS = st.lists(
    st.sampled_from(["<think>", "</think>", "<th", "ink>", "<", "/", "</", "a", "b c", "\n", " ", "é"]), max_size=12
)


def said(pieces: list[str]) -> str:
    spoken = Spoken()
    return "".join([spoken.feed(piece) for piece in pieces]) + spoken.rest()


@given(PARTS, st.lists(st.integers(0, 60), max_size=8))
def test_cuts_do_not_matter(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    assert said(pieces) == re.sub(r"<think>.*?(</think>|\Z)", "", text, flags=re.DOTALL).lstrip()


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        (["<thi", "nk>no</th", "ink>\n\nYes", "."], "Yes."),
        (["a < b", " and", " c"], "a < b and c"),
        (["It is <think"], "It is <think"),
        (["<think>for ever"], ""),
        (["<thinking>no</thinking> Yes."], "Yes."),
        (["[THINK]no[/THI", "NK]Yes."], "Yes."),
        (["\u25c1think\u25b7no\u25c1/think\u25b7Yes."], "Yes."),
        (["<seed:think>no</think>no</seed:think>Yes."], "Yes."),
        (["<|START_THINKING|>no<|END_THINKING|>Yes."], "Yes."),
        (
            ["<|chan", "nel|>ana", "lysis<|message|>no<|end|><|start|>assistant<|channel|>final<|mess", "age|>Yes."],
            "Yes.",
        ),
        (["<|channel|>commentary to=functions.now <|constrain|>json<|message|>{}<|call|>"], ""),
        (["<|channel|>commentary<|message|>One moment.<|end|>"], "One moment.<|end|>"),
    ],
)
def test_thoughts_are_not_said(pieces: list[str], heard: str) -> None:
    assert said(pieces) == heard


@pytest.mark.parametrize("tag", THOUGHTS)
def test_thoughts_that_were_begun_before(tag: str) -> None:
    spoken = Spoken(thinking=tag)
    assert [spoken.feed(piece) for piece in ("no, ", f"<no>{THOUGHTS[tag]}", "\nYes.")] == ["", "", "Yes."]


def test_only_what_may_become_a_tag_is_held_back() -> None:
    spoken = Spoken()
    assert [spoken.feed(piece) for piece in ("One", " <", "b>", " two <th")] == ["One", " ", "<b>", " two "]
    assert spoken.rest() == "<th"
