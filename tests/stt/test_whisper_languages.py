from __future__ import annotations

import pytest

from s2s.stt.whisper_languages import code_of, language_of, token_of

KNOWN = {"en", "de", "zh"}.__contains__


@pytest.mark.parametrize(
    ("language", "code"), [(None, ""), ("", ""), ("de", "de"), ("EN-GB", "en"), ("zh-Hans-CN", "zh")]
)
def test_the_code_of_a_language(language: str | None, code: str) -> None:
    assert code_of(language, multilingual=True, known=KNOWN) == code


@pytest.mark.parametrize("language", [None, "en", "en-US"])
def test_a_model_of_english_hears_english(language: str | None) -> None:
    assert code_of(language, multilingual=False, known=lambda _: False) == "en"


def test_other_languages_are_refused() -> None:
    with pytest.raises(ValueError, match="this model knows English only, not 'fr-CA'; set a multilingual model"):
        code_of("fr-CA", multilingual=False, known=KNOWN)
    with pytest.raises(ValueError, match="Whisper has no 'tlh'; give an ISO 639-1 code such as en, de or zh"):
        code_of("tlh", multilingual=True, known=KNOWN)


def test_the_token_of_a_language() -> None:
    assert token_of("yue") == "<|yue|>"
    assert language_of(token_of("yue")) == "yue"
