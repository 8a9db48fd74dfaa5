from __future__ import annotations

import pytest

from s2s.tts.kokoro_torch import letter_of


@pytest.mark.parametrize(
    ("language", "letter"),
    [("a", "a"), ("en", "a"), ("en-US", "a"), ("en_GB", "b"), ("en-IN", "a"), ("fr", "f"), ("fr-FR", "f"), ("pt", "p"),
     ("ja", "j"), ("zh", "z"), ("zh-CN", "z"), ("cmn", "z"), ("hi", "h")],
)  # fmt: skip
def test_languages_have_letters(language: str, letter: str) -> None:
    assert letter_of(language) == letter


@pytest.mark.parametrize("language", ["de", "", "klingon"])
def test_a_language_without_a_letter(language: str) -> None:
    with pytest.raises(ValueError, match=f"language: Kokoro has no '{language}'; give one of a, b, e"):
        letter_of(language)
