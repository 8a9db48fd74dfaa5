"""Parakeet-TDT through transformers: no weights of it come in packages, so a tiny random one runs the whole way."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from s2s.stt.parakeet import STEPS_PER_S, ParakeetTdt
from s2s.stt.recognizer import RATE
from s2s.weights import WeightsError
from tests.backends import hearing, suite
from tests.backends.torch import parakeet

RANDOM = "random weights understand nobody"


@functools.cache
def model() -> str:
    return str(suite.built("parakeet", parakeet.build))


@functools.cache
def stage() -> ParakeetTdt:
    made = ParakeetTdt(model=model())
    made.load()
    return made


def test_it_conforms() -> None:
    cases = ("understands-speech", "keeps-callers-apart", "keeps-turns-apart")
    suite.conforms("stt", ParakeetTdt(model=model()), cannot=dict.fromkeys(cases, RANDOM))


def test_the_words_are_those_of_transformers_alone() -> None:
    from transformers import AutoModelForTDT, AutoProcessor

    alone, processor = AutoModelForTDT.from_pretrained(model()), AutoProcessor.from_pretrained(model())
    texts = set()
    for number in range(5):
        sound = hearing.samples(number)
        heard = alone.generate(**processor(sound, sampling_rate=RATE), max_new_tokens=1000)
        (text,) = processor.batch_decode(heard.sequences, skip_special_tokens=True)
        assert stage().transcribe(sound, None) == text.strip() == hearing.last_word(stage(), number).text
        texts.add(text)
    assert len(texts) > 1, "it should not hear the same in everything"


@pytest.mark.parametrize("by_cancel", [True, False])
def test_it_is_left_in_the_middle(by_cancel: bool) -> None:
    watched = hearing.watched(ParakeetTdt, model=model())
    watched.load()
    hearing.leaves_in_the_middle(watched, by_cancel)


def test_a_decoder_that_does_not_go_on_is_ended() -> None:
    import torch

    stuck = ParakeetTdt(model=model())
    stuck.load()
    with torch.no_grad():
        stuck._model.joint.head.weight.zero_()
        stuck._model.joint.head.bias.zero_()
        stuck._model.joint.head.bias[5] = 9.0  # a token that lasts no time
        stuck._model.joint.head.bias[-len(stuck._model.config.durations)] = 9.0
    assert 0 < len(stuck.transcribe(hearing.samples()[:RATE], None)) <= 8 * (STEPS_PER_S + 16)


def test_a_turn_longer_than_any_window_and_sound_too_short_for_a_frame() -> None:
    assert hearing.speak(stage(), hearing.caller(), hearing.whole())[-1].final
    for count in (1600, 1601, 2000):
        stage().transcribe(np.full(count, 0.1, np.float32), None)


def test_half_precision() -> None:
    import torch

    half = ParakeetTdt(model=model(), dtype="bfloat16")
    half.load()
    assert half._model.dtype is torch.bfloat16
    assert hearing.last_word(half).final


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finds no cuda here; choose device=cpu"):
        ParakeetTdt(model=model(), device="cuda").load()
    with pytest.raises(WeightsError, match=r"no model's folder: config.json not in .*; name a folder"):
        ParakeetTdt(model=str(tmp_path)).load()


def test_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    made = ParakeetTdt(model=model())
    made.load()
    hearing.last_word(made)
    made.close()
    assert capfd.readouterr() == ("", "")


def test_the_default_model_is_fetched_from_its_hub() -> None:
    suite.from_hub(ParakeetTdt(), Path(model()))
