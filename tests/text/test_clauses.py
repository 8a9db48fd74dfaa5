"""Clauses: the same however the text streams, lossless, the first one early, no cut where none belongs."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s2s.cutting import Goal, cut
from s2s.messages import Clause, Reply, ReplyEnd
from s2s.settings import Settings
from s2s.stage import Call
from s2s.text.clauses import Clauses
from s2s.text.cleaning import clean

WORDS = [
    "Yes", "Dr. Smith", "e.g. this", "3.14", "1,000", "10:30", "p.m.", "U.S. law", "www.example.com/a?b=c.", "No. 5",
    "https://x.org/p_(q)", "me@mail.org", "main.py", "Well...", "**bold**", "_it_", "`code`", "snake_case", "# Head",
    "\n", "\n\n", "\n- item", "\n1. first", "\n2) second", "\n| a | b |\n|---|---|\n| c | d |\n", "[label](http://u.v/w)",
    "[^1]", "![alt](p.png)", "<b>tag</b>", "a < b", "AT&T", "&amp;", "😀", "👩‍👧", "1️⃣", "said “so.”", "(really!)", "--",
    "—", "你好，世界。", "今天天气很好！我们去吧", "สวัสดีครับ", "¿Qué?", "\n```py\nx = 1\n```\n", "\n> quoted", "***",
    "[ ]", "the end.", "and then,", "so: it; goes!", "2 * 3", "~~gone~~", "\\*", "\n---\n", "[narrator]", "[open",
    "<open", "`",
]  # fmt: skip
PIECES = st.lists(
    st.sampled_from(WORDS) | st.text(alphabet="aB1 .,!*_[](<>&`#|-~\n。，é😀\\:/", max_size=6), max_size=12
)
TEXTS = st.builds(lambda parts, gap: gap.join(parts), PIECES, st.sampled_from([" ", ""]))


def clauses_of(chunks: list[str], stage: Clauses | None = None) -> list[Clause]:
    stage, call = stage or Clauses(), Call("call", 1, Settings())
    found = [clause for chunk in chunks for clause in stage.run(call, Reply(text=chunk))]
    return found + list(stage.run(call, ReplyEnd()))


def texts_of(text: str, stage: Clauses | None = None) -> list[str]:
    return [clause.text for clause in clauses_of([text], stage)]


def spoken(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@given(text=TEXTS, cuts=st.lists(st.integers(1, 9), min_size=1, max_size=8))
@example(text="[a](http://x_(y)) [b", cuts=[1])
@example(text="d. so it goes - 1 -- -- it was -- Dr. Smith -- - - 3 - 4 - five", cuts=[2, 5, 1])
@example(text="No. 5, e.g. this. No. Yes.", cuts=[1])
def test_the_clauses_do_not_depend_on_how_the_text_streams(text: str, cuts: list[int]) -> None:
    chunks: list[str] = []
    at = 0
    while at < len(text):
        size = cuts[len(chunks) % len(cuts)]
        chunks.append(text[at : at + size])
        at += size
    assert clauses_of(chunks) == clauses_of([text])


@given(text=TEXTS, code=st.sampled_from(["skip", "speak"]))
def test_no_word_is_lost_and_until_grows(text: str, code: str) -> None:
    stage = Clauses(code=code)  # type: ignore[arg-type]
    clauses = clauses_of([text], stage)
    assert "".join(spoken("".join(c.text for c in clauses))) == "".join(spoken(clean(text, stage.code)))
    assert [c.index for c in clauses] == list(range(len(clauses)))
    untils = [0, *(c.until for c in clauses)]
    assert untils == sorted(untils) and untils[-1] <= len(text)
    assert all(spoken(c.text) for c in clauses)
    if clauses and text[-1].isalnum() and text.isalpha():
        assert untils[-1] == len(text)


@given(parts=st.lists(st.sampled_from(WORDS), min_size=1, max_size=10))
def test_the_end_leaves_nothing_behind(parts: list[str]) -> None:
    stage, call = Clauses(), Call("call", 1, Settings())
    first = [*stage.run(call, Reply(text=" ".join(parts))), *stage.finish(call)]
    assert list(stage.finish(call)) == [] and list(stage.run(call, ReplyEnd())) == []
    assert "".join(spoken(" ".join(c.text for c in first))) == "".join(spoken(clean(" ".join(parts))))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Sure, I can do that.", "Sure,"),
        ("Hello there! How are you?", "Hello there!"),
        ("The weather today is sunny and warm, I think.", "The weather today"),
        ("I can help you with the order that you placed", "I can help you"),
        ("I can help you with it all", "I can help you"),
        ("The most important thing in life", "The most important"),
        ("The sentence is in German and more", "The sentence is in German"),
        ("Good question: it depends.", "Good question:"),
        ("Well — that depends on many things.", "Well —"),
        ("**Yes**, of course.", "Yes,"),
        ("😀 Great! Let us go.", "Great!"),
        ("Dr. Smith is here today, I believe.", "Dr. Smith is here"),
        ("你好，我是一个助手。", "你好，"),
        ("¡Hola! ¿Qué tal?", "¡Hola!"),
        ("1. Wash the apples. 2. Eat", "1. Wash the apples."),
        ('"Yes," she said. "No."', '"Yes,"'),
        ("Well... I do not know.", "Well..."),
    ],
)
def test_the_first_clause(text: str, first: str) -> None:
    assert texts_of(text)[0] == first


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("The most important ", "The most important"),
        ("The sentence is in German ", "The sentence is in German"),
        ("I can help you with ", "I can help you"),
        ("Well I think ", "Well I think"),
        ("You and I went home ", "You and I went home"),
    ],
)
def test_the_first_clause_ends_with_its_third_word_or_the_first_after_it_on_which_a_breath_fits(
    text: str, first: str
) -> None:
    goal = Goal(stop=1, pause=1, space=60, words=5)
    assert cut(text[:-1], goal) is None, "the word may go on"
    assert cut(text, goal) == len(first)


def test_the_first_clause_leaves_with_the_character_that_settles_it() -> None:
    stage, call = Clauses(), Call("call", 1, Settings())
    assert list(stage.run(call, Reply(text="Sure"))) == []
    assert list(stage.run(call, Reply(text=","))) == []
    assert [c.text for c in stage.run(call, Reply(text=" "))] == ["Sure,"]
    call = Call("call", 2, Settings())
    assert [c.text for c in stage.run(call, Reply(text="我们今天早上去公园吧。今"))] == ["我们今天早上去公园吧。"]


@pytest.mark.parametrize(
    "whole",
    [
        "Mr. J. S. Bach, i.e. the composer, met Dr. Who, Mrs. Hall and others etc. at 10:30 a.m. on Jan. 3",
        "it costs 3.14 or 1,000 euros, i.e. No. 5 of the U.S. list, about 10–20 per cent more than 3 - 4 years",
        "open main.py, write to me@mail.org, or visit example.com with version 1.2.3 of it for the rest, please",
    ],
)
def test_nothing_is_cut_inside_what_belongs_together(whole: str) -> None:
    pieces = texts_of(f"Listen: {whole}. That is all of it, really.", Clauses(min_chars=8, grow_to=8, max_chars=1000))
    text = " ".join(pieces)
    assert all(f" {word}" in f" {text}" for word in whole.split())
    for piece in pieces[:-1]:
        last = piece.split()[-1]
        assert not re.fullmatch(r"(Mr|Mrs|Dr|Jan|No|etc|i\.e|a\.m|U\.S|[A-Z])\.|10–|main\.|3 -", last), piece


def test_clauses_grow() -> None:
    text = "The quick brown fox jumps over the lazy dog near the river. " * 12
    sizes = [len(clause) for clause in texts_of(text, Clauses(grow_to=80))]
    assert len(sizes[:1]) == 1 and sizes[0] < 30
    assert sizes[1] < 62 and max(sizes) >= 80 and max(sizes) <= 240
    assert min(sizes[3:-1]) >= 80


def test_no_clause_is_longer_than_max_chars() -> None:
    endless = "word " * 300 + "x" * 700 + "好" * 300 + "ก" * 500
    assert max(len(clause) for clause in texts_of(endless)) <= 240
    assert max(len(clause) for clause in texts_of("好" * 300)) <= 80


def test_thai_and_chinese_without_spaces_are_cut_between_letters() -> None:
    thai = "สวัสดีครับผมเป็นผู้ช่วยที่จะช่วยคุณในทุกเรื่องที่คุณต้องการรู้และอยากทำในวันนี้" * 3
    pieces = texts_of(thai)
    assert "".join(pieces) == thai and len(pieces) > 2
    assert not any(piece[0] in "ัิีึืฺุู็่้๊๋์ํ" for piece in pieces)


def test_options_of_the_first_clause() -> None:
    assert texts_of("Yes, I can do that.", Clauses(first_min_words=3))[0] == "Yes, I can do that."
    assert texts_of("one two three four five six", Clauses(first_words=3))[0] == "one two three"


def test_until_covers_the_markup_before_a_clause_and_not_after_it() -> None:
    text = "**Hello.** See [the docs](http://x.y). 😀"
    clauses = clauses_of([text])
    assert [text[: c.until] for c in clauses] == ["**Hello.", text]


def test_a_token_costs_less_than_20_microseconds() -> None:
    sentence = "I would be happy to help with **that**, of course. It's mild in London, and it rains a lot in autumn.\n"
    tokens = re.findall(r"\s*\S{1,5}", sentence * 40)

    def cost() -> float:
        begun = time.process_time()
        clauses_of(tokens)
        return (time.process_time() - begun) / len(tokens) * 1e6

    assert min(cost() for _ in range(5)) < 20
