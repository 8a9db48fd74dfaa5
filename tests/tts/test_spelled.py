from __future__ import annotations

import pytest

from s2s.tts.spelled import spelled


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I am 42.", "I am forty two."),
        ("0, 7, 10, 19, 20, 99", "zero, seven, ten, nineteen, twenty, ninety nine"),
        ("100 of 1999", "one hundred of one thousand nine hundred ninety nine"),
        ("1,234 and 999999", "one thousand two hundred thirty four and "
         "nine hundred ninety nine thousand nine hundred ninety nine"),
        ("3.14", "three point one four"),
        ("room 007", "room zero zero seven"),
        ("1234567", "one two three four five six seven"),
        ("v2x", "v two x"),
        ("1, 2,3", "one, two,three"),
        ("no number", "no number"),
        ("我有42个", "我有四二个"),
        ("比如3.5", "比如三点五"),
        ("٣", "٣"),
    ],
)  # fmt: skip
def test_numbers_are_spelled(text: str, words: str) -> None:
    assert spelled(text) == words
