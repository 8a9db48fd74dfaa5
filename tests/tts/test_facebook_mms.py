from __future__ import annotations

import re

import pytest

from s2s.tts.facebook_mms import REVISIONS, FacebookMms
from s2s.tts.mms_languages import CODES, mms_code


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "eng"),
        ("en-GB", "eng"),
        ("de_AT", "deu"),
        ("FR", "fra"),
        ("az", "azj-script_latin"),
        ("azj-script_cyrillic", "azj-script_cyrillic"),
        ("nan", "nan"),
        ("nan-TW", "nan"),
        ("cak-dialect_central", "cak-dialect_central"),
        ("eng", "eng"),
    ],
)
def test_languages_by_their_codes(language: str, expected: str) -> None:
    assert mms_code(language) == expected


@pytest.mark.parametrize("language", ["zh", "zh-CN", "ja", "klingon", ""])
def test_languages_without_a_voice(language: str) -> None:
    with pytest.raises(ValueError, match=f"language: MMS has no voice for '{language}'; give one such as en, de, fr"):
        mms_code(language)
    with pytest.raises(ValueError, match=f"MMS has no voice for '{language}'"):
        FacebookMms(language=language)


def test_codes_look_like_codes() -> None:
    assert len(CODES) > 90
    assert all(re.fullmatch("[a-z]{2}", code) for code in CODES)
    assert all(re.fullmatch("[a-z]{3}(-script_[a-z]+)?", code) for code in CODES.values())
    assert len(set(CODES.values())) == len(CODES)


def test_voices_are_those_of_the_languages() -> None:
    assert FacebookMms().weights() == [REVISIONS["eng"]]
    assert FacebookMms(language="de-CH").weights() == ["hf:facebook/mms-tts-deu"]
    assert FacebookMms(model="mine").weights() == ["mine"]
    some = FacebookMms(languages={"de": None, "fr": "hf:me/french"})
    assert some.weights() == [REVISIONS["eng"], "hf:facebook/mms-tts-deu", "hf:me/french"]
