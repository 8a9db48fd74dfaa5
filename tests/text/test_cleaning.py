"""Cleaning: Markdown, HTML, links and emoji become what a voice can say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.cutting import tidy
from s2s.text.cleaning import Cleaner, clean, domain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**bold** and *it* and ***both*** and ~~gone~~", "bold and it and both and gone"),
        ("snake_case, __init__, 2*3, 3 * 4", "snake_case, init, 2*3, 3 * 4"),
        ("# Title\nText", "Title. Text"),
        ("Buy:\n- milk\n* eggs\n+ [ ] rice", "Buy: milk. eggs. rice"),
        ("1. One\n2. Two", "1. One. 2. Two"),
        ("See [the docs](http://x.y/z_(w)) and ![a cat](c.png).", "See the docs and a cat."),
        ("[**b** link][ref], fact[1] and note[^2]", "b link, fact and note"),
        ("Go to https://www.example.com/a/b?c=d#e.", "Go to example.com."),
        ("<https://x.org/y> and (http://u.v:80/)", "x.org and (u.v:80)"),
        ("a<br>b <b>c</b> <!-- no --> d < e <3", "a b c d < e <3"),
        ("R&amp;D, AT&T", "R&D, AT&T"),
        ("Great 🎉! Hi😀there 👩‍👧 1️⃣ ⭐", "Great! Hi there 1"),
        ("use `ls -l` now", "use ls -l now"),
        ("Code:\n```python\nprint(1)\n```\nDone", "Code: Done"),
        ("| Name | Age |\n|:--|--:|\n| Bob | 5 |", "Name, Age. Bob, 5"),
        ("a\nb\n\nc", "a b. c"),
        ("> quoted\n> words", "quoted words"),
        ("one\n\n---\n\ntwo", "one. two"),
        ("\\*stars\\* and C:\\dir", "*stars* and C:\\dir"),
        ("[narrator] Once", "[narrator] Once"),
        ("a\x00b\x1b[0m c\u200b", "a b[0m c"),
        ("好。\n\n你\n\n他", "好。 你。 他"),
    ],
)
def test_whole_texts(text: str, said: str) -> None:
    assert tidy(clean(text)) == said


def test_code_can_be_spoken() -> None:
    assert tidy(clean("Code:\n```python\nprint(1)\n```\nDone", "speak")) == "Code: print(1). Done"


@given(st.text(alphabet="ab1 *_[]()<>!&;`#|-~\n.。😀\\:/hw", max_size=60), st.integers(1, 5))
def test_streamed_is_whole_and_every_character_counts(text: str, size: int) -> None:
    cleaner, pieces = Cleaner(), []
    for at in range(0, len(text), size):
        pieces += cleaner.feed(text[at : at + size])
    pieces += cleaner.feed("", end=True)
    assert "".join(said for said, _ in pieces).strip() == clean(text)
    assert sum(count for _, count in pieces) == len(text)


@pytest.mark.parametrize("opener", ["[", "![", "<a ", "&", "[x](", "[x](y(", "<!--", "https://", "`", "word" * 200])
def test_what_never_closes_is_held_back_only_so_long(opener: str) -> None:
    cleaner = Cleaner()
    cleaner.feed(opener)
    said = "".join(said for _ in range(400) for said, _ in cleaner.feed("spoken words "))
    assert said.count("spoken") > 50


def test_domains() -> None:
    assert domain("https://www.a.org/x?y") == "a.org"
    assert domain("www.b.net") == "b.net"
    assert domain("http://user@c.com#d") == "c.com"
