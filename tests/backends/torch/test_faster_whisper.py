"""The multilingual Whisper base through CTranslate2, from a folder."""

from __future__ import annotations

import functools

import pytest

from s2s.stt.faster_whisper import FasterWhisper
from tests.backends import hearing, suite
from tests.backends.torch import whisper
from tests.embedded.speech import TURNS, word_error_rate


@functools.cache
def model() -> str:
    return str(suite.built("whisper-base-ct2", whisper.base_ct2))


@functools.cache
def stage(**options: object) -> FasterWhisper:
    made = FasterWhisper(model=model(), **options)  # type: ignore[arg-type]
    made.load()
    return made


def test_it_conforms() -> None:
    suite.conforms("stt", FasterWhisper(model=model()))


@pytest.mark.anyio
async def test_a_conversation() -> None:
    found = await suite.talk("stt=faster-whisper", f"stt.model={model()}")
    assert found.heard <= 0.10
    assert found.said <= 0.15


@pytest.mark.parametrize("language", ["en", None])
def test_a_person_is_understood_in_a_language_that_is_given_or_found(language: str | None) -> None:
    heard = [hearing.last_word(stage(language=language), number) for number in range(len(TURNS))]
    assert [word.language for word in heard] == ["en"] * len(TURNS)
    rate = word_error_rate([(text, word.text) for (*_, text), word in zip(TURNS, heard, strict=True)])
    print(f"\nfaster-whisper base language={language}: WER {rate:.3f}")
    assert rate <= 0.10


def test_a_language_is_the_callers_first() -> None:
    told = hearing.last_word(stage(language="es"))
    assert told.language == "es"
    assert told.text != hearing.last_word(stage(language=None)).text
    assert hearing.last_word(stage(language="en"), language="es") == told
    with pytest.raises(ValueError, match="language: Whisper has no 'xx'; give an ISO 639-1 code such as en, de or zh"):
        hearing.last_word(stage(language=None), language="xx")


def test_both_libraries_hear_the_same() -> None:
    from s2s.stt.whisper import Whisper

    other = Whisper(model=str(suite.built("whisper-base", whisper.base)), pad_s=8.0)
    other.load()
    exact = FasterWhisper(model=model(), compute_type="float32")
    exact.load()
    for number in range(len(TURNS)):
        assert hearing.last_word(other, number).text == hearing.last_word(exact, number).text
