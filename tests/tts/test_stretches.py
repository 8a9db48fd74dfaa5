from __future__ import annotations

import pytest

from s2s.tts.stretches import stretches


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", ["Yes."]),
        ("It was the best of times. It was the worst.", ["It was the best of times.", "It was the worst."]),
        ("Well, no.", ["Well, no."]),
        ("  ", []),
    ],
)
def test_stretches_end_where_sentences_do(text: str, expected: list[str]) -> None:
    assert list(stretches(text)) == expected


def test_no_stretch_is_long() -> None:
    found = list(stretches("and it went on and on " * 40))
    assert max(map(len, found)) <= 160
    assert " ".join(found).split() == ("and it went on and on " * 40).split()
