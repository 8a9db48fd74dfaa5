"""Paraformer through FunASR: no weights of it come in packages, so a tiny random one runs the whole way."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

import numpy as np
import pytest

from s2s.stt.paraformer import Paraformer
from s2s.stt.recognizer import RATE
from s2s.weights import WeightsError
from tests.backends import hearing, suite
from tests.backends.paraformer import checkpoint

RANDOM = "random weights understand nobody"


KINDS = ["plain", "seaco"]


@functools.cache
def model(kind: str = "plain") -> str:
    return str(suite.built(f"paraformer-{kind}", getattr(checkpoint, kind)))


@functools.cache
def stage(kind: str = "plain") -> Paraformer:
    made = Paraformer(model=model(kind))
    made.load()
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_it_conforms(kind: str) -> None:
    cases = ("understands-speech", "keeps-callers-apart", "keeps-turns-apart")
    suite.conforms("stt", Paraformer(model=model(kind)), cannot=dict.fromkeys(cases, RANDOM))


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_are_those_of_funasr_alone(kind: str) -> None:
    from funasr import AutoModel

    alone = AutoModel(model=model(kind), device="cpu", disable_update=True, disable_pbar=True)
    texts = set()
    for number in range(3):
        (found,) = alone.generate(input=hearing.samples(number), fs=RATE)
        heard = hearing.last_word(stage(kind), number).text
        assert heard.replace(" ", "") == found["text"].replace(" ", "")
        texts.add(heard)
    assert len(texts) == 3


def test_chinese_has_no_spaces_and_its_words_settle_one_by_one() -> None:
    call = hearing.caller(transcribe=True)
    *partials, final = hearing.speak(stage(), call, hearing.whole()[: 6 * 2 * RATE])
    assert any(character in final.text for character in checkpoint.TOKENS[3])
    assert all(a.isascii() and b.isascii() for a, b in _around_spaces(final.text))
    assert all(0 <= partial.stable <= len(partial.text) for partial in partials)


def _around_spaces(text: str) -> list[tuple[str, str]]:
    return [(text[at - 1], text[at + 1]) for at, character in enumerate(text) if character == " "]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_cancel", [True, False])
def test_it_is_left_in_the_middle(kind: str, by_cancel: bool) -> None:
    watched = hearing.watched(Paraformer, model=model(kind))
    watched.load()
    hearing.leaves_in_the_middle(watched, by_cancel)


def test_a_long_turn_and_sound_too_short_for_a_frame() -> None:
    assert hearing.speak(stage(), hearing.caller(), hearing.whole())[-1].final
    for count in (1600, 1601, 2000):
        stage().transcribe(np.full(count, 0.1, np.float32), None)
    assert stage().transcribe(np.zeros(RATE, np.float32), None) is not None


def test_the_process_keeps_its_own_logging_and_threads() -> None:
    import torch

    root = logging.getLogger()
    before = root.level, list(root.handlers), root.manager.disable
    Paraformer(model=model(), threads=2).load()
    assert torch.get_num_threads() == 2
    Paraformer(model=model()).load()
    assert torch.get_num_threads() == 1
    assert (root.level, list(root.handlers), root.manager.disable) == before


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finds no cuda here; choose device=cpu"):
        Paraformer(model=model(), device="cuda").load()
    (tmp_path / "config.yaml").touch()
    with pytest.raises(WeightsError, match=r"no model's folder: model\.pt not in"):
        Paraformer(model=str(tmp_path)).load()


def test_the_default_model_is_fetched_from_its_hub() -> None:
    suite.from_hub(Paraformer(), Path(model()))
