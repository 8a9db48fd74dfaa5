"""An answer that ends with the sentence in which it is long enough."""

from __future__ import annotations

import pytest

from s2s.llm.said import Said

STORY = ["It", " was", " Dr", ".", " Who", ".", " He", " left", ".", " Then", " more", "."]


@pytest.mark.parametrize(
    ("enough", "said"),
    [
        (None, "It was Dr. Who. He left. Then more."),
        (0, "It was Dr. Who."),
        (3, "It was Dr. Who."),
        (6, "It was Dr. Who."),
        (7, "It was Dr. Who. He left."),
        (10, "It was Dr. Who. He left. Then more."),
        (50, "It was Dr. Who. He left. Then more."),
    ],
)
def test_it_ends_with_its_sentence(enough: int | None, said: str) -> None:
    text, heard = Said(enough), ""
    for piece in STORY:
        heard += text.take(piece)
        if text.ended:
            break
    assert heard == text.text == said


def test_a_line_break_ends_it_and_a_number_does_not() -> None:
    text = Said(1)
    assert [text.take(piece) for piece in ("About", " 3", ".", "5", " metres", "\n", "Next")][:5] == [
        "About",
        " 3",
        ".",
        "5",
        " metres",
    ]
    assert text.text == "About 3.5 metres\n"
    assert text.ended
