from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from s2s.tts.kokoro import read_styles
from s2s.tts.kokoro_speech import LETTERS, RATE, breathed
from s2s.tts.kokoro_voice import SWITCH, spoken
from s2s.weights import WeightsError

KNOWN = frozenset({"en-us", "en-gb", "es", "fr-fr", "hi", "it", "ja", "pt", "pt-br", "cmn", "de", "yue"})


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("a", "en-us"),
        ("b", "en-gb"),
        ("z", "cmn"),
        ("en", "en-us"),
        ("en-GB", "en-gb"),
        ("en_US", "en-us"),
        ("en-IN", "en-us"),
        ("fr", "fr-fr"),
        ("fr-CA", "fr-fr"),
        ("es-MX", "es"),
        ("pt-BR", "pt-br"),
        ("pt-PT", "pt-br"),
        ("zh-Hant-TW", "cmn"),
        ("yue", "yue"),
        ("de-AT", "de"),
        ("", ""),
        ("klingon", ""),
    ],
)
def test_languages_by_letter_and_by_code(language: str, expected: str) -> None:
    assert spoken(language, KNOWN) == expected


def test_kokoros_letters_are_known() -> None:
    assert set(LETTERS.values()) <= KNOWN


def test_the_name_of_a_language_is_no_phoneme() -> None:
    assert SWITCH.sub("", "lə (en)wˈiːkɛnd(fr) a (en-us)wɔʃ(fr-fr), (nɔ̃)") == "lə wˈiːkɛnd a wɔʃ, (nɔ̃)"


@pytest.mark.parametrize(("phonemes", "left_s"), [("jˈɛs.", 0.25), ("jˈɛs? ", 0.25), ("jˈɛs,", 0.1), ("jˈɛs", 0.1)])
def test_a_sentence_ends_with_a_longer_silence(phonemes: str, left_s: float) -> None:
    speech = np.concatenate([np.zeros(RATE // 4), np.full(RATE, 0.5), np.zeros(RATE)]).astype(np.float32)
    assert len(breathed(speech, phonemes)) == pytest.approx(RATE * (0.02 + 1 + left_s), abs=1)


def test_styles_of_an_archive_and_of_a_folder(tmp_path: Path) -> None:
    styles = np.random.default_rng(0).normal(size=(5, 1, 256)).astype("<f4")
    np.savez(tmp_path / "voices.npz", one=styles, two=styles[::-1])
    folder = tmp_path / "voices"
    folder.mkdir()
    styles.tofile(folder / "one.bin")
    found = read_styles("a", tmp_path / "voices.npz")
    assert sorted(found) == ["one", "two"]
    assert found["two"].shape == (5, 256)
    assert np.array_equal(read_styles("b", folder)["one"], found["one"])


@pytest.mark.parametrize("content", [b"", b"1234", b"0" * 1000])
def test_what_holds_no_styles(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.bin").write_bytes(content)
    for path in (tmp_path, tmp_path / "one.bin"):
        with pytest.raises(WeightsError, match=r"hf:a/b: no voices of Kokoro in .*; name an \.npz, or a folder"):
            read_styles("hf:a/b", path)
