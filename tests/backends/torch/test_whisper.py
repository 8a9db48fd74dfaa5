"""Whisper through transformers, on the true weights of tiny.en and of the multilingual base."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

import numpy as np
import pytest

from s2s.stt.recognizer import RATE
from s2s.stt.whisper import Whisper
from s2s.weights import WeightsError
from tests.backends import hearing, suite
from tests.backends.torch import whisper
from tests.embedded.speech import TURNS, word_error_rate


@functools.cache
def model() -> str:
    return str(suite.built("whisper-tiny", whisper.tiny))


@functools.cache
def stage(**options: object) -> Whisper:
    made = Whisper(**{"model": model(), **options})  # type: ignore[arg-type]
    made.load()
    return made


def test_it_conforms() -> None:
    suite.conforms("stt", Whisper(model=model(), pad_s=8.0))


@pytest.mark.anyio
async def test_a_conversation() -> None:
    found = await suite.talk("stt=whisper", f"stt.model={model()}", "stt.device=cpu", "stt.pad_s=8")
    assert found.heard <= 0.10
    assert found.said <= 0.15


@pytest.mark.parametrize("pad_s", [30.0, 8.0])
@pytest.mark.parametrize("beam", [1, 3])
def test_a_person_is_understood(pad_s: float, beam: int) -> None:
    rate = hearing.error_rate(stage(pad_s=pad_s, beam=beam))
    print(f"\nwhisper tiny.en pad_s={pad_s} beam={beam}: WER {rate:.3f}")
    assert rate <= 0.05


def test_shorter_padding_is_shorter_work() -> None:
    encoded = {pad_s: stage(pad_s=pad_s)._encoded(np.zeros(round(pad_s * RATE), np.float32)) for pad_s in (8.0, 30.0)}
    assert [found.last_hidden_state.shape[1] for found in encoded.values()] == [400, 1500]


def test_a_turn_longer_than_any_window() -> None:
    *_, final = hearing.speak(stage(pad_s=8.0), hearing.caller(), hearing.whole())
    assert "we had everything before us" in final.text.lower()
    assert final.text.lower().rstrip(".").endswith("of comparison only")


@pytest.mark.parametrize("by_cancel", [True, False])
def test_it_is_left_in_the_middle(by_cancel: bool) -> None:
    watched = hearing.watched(Whisper, model=model(), pad_s=8.0)
    watched.load()
    hearing.leaves_in_the_middle(watched, by_cancel)


def test_compiled_it_hears_the_same_and_is_left_in_the_middle() -> None:
    import torch

    torch._dynamo.utils.counters.clear()
    watched = hearing.watched(Whisper, model=model(), compile="default")
    watched.load()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 2
    assert hearing.last_word(watched) == hearing.last_word(stage(pad_s=30.0, beam=1))
    hearing.leaves_in_the_middle(watched, by_cancel=False)


def test_half_precision_hears_the_same() -> None:
    import torch

    half = stage(pad_s=8.0, dtype="bfloat16")
    assert half._model.dtype is torch.bfloat16
    assert hearing.error_rate(half) <= 0.05


def test_no_more_tokens_than_asked_for() -> None:
    assert len(hearing.last_word(stage(pad_s=8.0, max_tokens=4)).text.split()) <= 4


def test_noise_and_a_click_are_no_words() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert stage(pad_s=8.0, beam=1).transcribe(noise * 0.01, None) == ""
    click = np.where(np.arange(RATE) // 200 == 25, noise / 2, 0).astype(np.float32)
    assert stage(pad_s=8.0, beam=1).transcribe(click, None) == ""


def test_an_english_model_refuses_another_language() -> None:
    assert hearing.last_word(stage(pad_s=8.0, beam=1), language="en-GB").language == "en-GB"
    assert hearing.last_word(stage(pad_s=8.0, beam=1)).language == "en"
    with pytest.raises(ValueError, match="language: this model knows English only, not 'fr'; set a multilingual model"):
        hearing.last_word(stage(pad_s=8.0, beam=1), language="fr")


def test_a_multilingual_model_finds_out_the_language_or_is_told() -> None:
    base = str(suite.built("whisper-base", whisper.base))
    guessing = stage(model=base, pad_s=8.0)
    heard = [hearing.last_word(guessing, number) for number in range(len(TURNS))]
    assert [word.language for word in heard] == ["en"] * len(TURNS)
    rate = word_error_rate([(text, word.text) for (*_, text), word in zip(TURNS, heard, strict=True)])
    print(f"\nwhisper base: WER {rate:.3f}, language guessed")
    assert rate <= 0.10
    told = hearing.last_word(guessing, language="es")
    assert told.language == "es"
    assert told.text != heard[0].text
    spanish = stage(model=base, pad_s=8.0, language="es")
    assert hearing.last_word(spanish) == told
    assert hearing.last_word(spanish, language="en").text == heard[0].text
    with pytest.raises(ValueError, match="language: Whisper has no 'xx'; give an ISO 639-1 code such as en, de or zh"):
        hearing.last_word(guessing, language="xx")


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finds no cuda here; choose device=cpu"):
        Whisper(model=model(), device="cuda").load()
    with pytest.raises(WeightsError, match=r"no model's folder: config.json not in .*; name a folder"):
        Whisper(model=str(tmp_path)).load()


def test_loading_says_nothing(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    made = Whisper(model=model(), pad_s=8.0)
    made.load()
    hearing.last_word(made)
    made.close()
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_default_model_is_fetched_from_its_hub() -> None:
    suite.from_hub(Whisper(), Path(model()))
