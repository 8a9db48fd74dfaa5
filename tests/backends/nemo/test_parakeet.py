"""Parakeet-TDT through NeMo: no weights of it come in packages, so a tiny random .nemo file runs the whole way."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from s2s.stt.parakeet_nemo import ParakeetNemo
from s2s.stt.recognizer import RATE
from s2s.wav import wav
from s2s.weights import WeightsError
from tests.backends import hearing, suite
from tests.backends.nemo import checkpoint
from tests.embedded.speech import turn_sound

RANDOM = "random weights understand nobody"
ELSEWHERE = Path(sys.prefix).parents[1] / "bin" / "python"
"""The interpreter of the other tests, which has no NeMo."""


@functools.cache
def model() -> str:
    return str(suite.built("parakeet", checkpoint.build) / "tiny.nemo")


@functools.cache
def stage() -> ParakeetNemo:
    made = ParakeetNemo(model=model())
    made.load()
    return made


def test_it_conforms() -> None:
    cases = ("understands-speech", "keeps-callers-apart", "keeps-turns-apart")
    suite.conforms("stt", ParakeetNemo(model=model()), cannot=dict.fromkeys(cases, RANDOM))


def test_the_words_are_those_of_nemo_alone(tmp_path: Path) -> None:
    from nemo.collections.asr.models import ASRModel

    alone = ASRModel.restore_from(model(), map_location="cpu")
    texts = []
    for number in range(3):
        file = tmp_path / f"{number}.wav"
        file.write_bytes(wav(turn_sound(number, RATE).tobytes(), RATE))
        (found,) = alone.transcribe([str(file)], verbose=False)
        texts.append(hearing.last_word(stage(), number).text)
        assert texts[-1] == found.text.strip() != ""
    assert len(set(texts)) > 1, "it should not hear the same in everything"


def test_it_runs_in_an_interpreter_of_its_own() -> None:
    said = elsewhere("-m", "tests.backends.nemo.elsewhere", model(), sys.executable, "3")
    assert json.loads(said) == [hearing.last_word(stage(), number).text for number in range(3)]


def test_a_server_without_nemo_hears_by_it() -> None:
    words = ["stt=parakeet-tdt-nemo", f"stt.model={model()}", f"stt.place.python={sys.executable}", "device=cpu"]
    said = elsewhere("-c", f"import asyncio; from tests.backends import suite; asyncio.run(suite.talk(*{words}))")
    print(said)
    assert hearing.last_word(stage()).text[:20] in said


def elsewhere(*words: str) -> str:
    """Return what the interpreter without NeMo prints."""
    root = Path(__file__).parents[3]
    done = subprocess.run([str(ELSEWHERE), *words], capture_output=True, text=True, timeout=300, cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("by_cancel", [True, False])
def test_it_is_left_in_the_middle(by_cancel: bool) -> None:
    watched = hearing.watched(ParakeetNemo, model=model())
    watched.load()
    hearing.leaves_in_the_middle(watched, by_cancel)


def test_a_long_turn_and_sound_too_short_for_a_frame() -> None:
    assert hearing.speak(stage(), hearing.caller(), hearing.whole())[-1].final
    for count in (1600, 1601, 2000):
        stage().transcribe(np.full(count, 0.1, np.float32), None)


def test_half_precision() -> None:
    import torch

    half = ParakeetNemo(model=model(), dtype="bfloat16")
    half.load()
    assert next(half._model.encoder.parameters()).dtype is torch.bfloat16
    assert hearing.last_word(half).final


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    shutil.copy(model(), tmp_path / "one.nemo")
    made = ParakeetNemo(model=str(tmp_path))
    made.load()
    assert hearing.last_word(made) == hearing.last_word(stage())
    shutil.copy(model(), tmp_path / "two.nemo")
    with pytest.raises(WeightsError, match=r"has 2 \.nemo files; name the one to use"):
        ParakeetNemo(model=str(tmp_path)).load()


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finds no cuda here; choose device=cpu"):
        ParakeetNemo(model=model(), device="cuda").load()
    with pytest.raises(WeightsError, match=r"has 0 \.nemo files; name the one to use"):
        ParakeetNemo(model=str(tmp_path)).load()
    (tmp_path / "broken.nemo").write_bytes(b"no archive")
    with pytest.raises(WeightsError, match=r"broken.nemo: NeMo can't read it: .*; give a .nemo file"):
        ParakeetNemo(model=str(tmp_path / "broken.nemo")).load()


def test_the_default_model_is_fetched_from_its_hub() -> None:
    suite.from_hub(ParakeetNemo(), {"parakeet-tdt-0.6b-v3.nemo": Path(model())})
