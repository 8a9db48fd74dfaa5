"""Kokoro by MLX, with random weights: what runs is the way from text to sound.

Its conformance is not tried: the decoder is as wide as the real one, and takes a CPU 15 times as long as the sound.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from s2s.messages import Clause
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.mlx_kokoro import MlxKokoro
from s2s.weights import WeightsError
from tests.backends.mlx import kokoro
from tests.backends.suite import built, from_hub


@pytest.fixture(scope="module")
def folder() -> Path:
    return built("kokoro", kokoro.build)


@pytest.fixture(scope="module")
def voice(folder: Path) -> Iterator[MlxKokoro]:
    stage = MlxKokoro(model=str(folder))
    stage.load()
    yield stage
    stage.close()


def caller(**settings: object) -> Call:
    return Call("caller", 1, Settings(**settings))  # type: ignore[arg-type]


def test_it_speaks_words_and_nothing_else(voice: MlxKokoro) -> None:
    sounds = list(voice.run(caller(), Clause(text="Hello.")))
    samples = np.concatenate([np.frombuffer(sound.pcm, "<i2") for sound in sounds])
    assert {sound.rate for sound in sounds} == {24000}
    assert len(samples) > 2400
    assert np.abs(samples).max() > 1000
    for text in ("", " ", "...", "😀", "-- !?"):
        assert list(voice.run(caller(), Clause(text=text))) == []


def test_a_caller_chooses_voice_pace_and_language(voice: MlxKokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def heard(call: Call, phonemes: str, style: np.ndarray, speed: float) -> np.ndarray:
        asked.append((phonemes, float(style[0]), speed))
        return np.zeros(0, np.float32)

    monkeypatch.setattr(voice, "sound", heard)
    monkeypatch.setattr(voice, "_gains", {name: 1.0 for name in voice.voice_names()})
    assert voice.voice_names() == ["af_heart", "bm_fable"]
    for settings in ({}, {"voice": "../bm_fable"}, {"voice": "af_heart", "speed": 1.5}, {"language": "fr"}):
        list(voice.run(caller(**settings), Clause(text="raison")))
    own, unknown, chosen, french = asked
    assert own == unknown
    assert chosen[1] != own[1]
    assert (own[2], chosen[2]) == (1.0, 1.5)
    assert french[0] != own[0]


def test_a_cancelled_clause_goes_on_with_no_other_stretch(voice: MlxKokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    call, spoken = caller(), 0

    def sound(*_: object) -> np.ndarray:
        nonlocal spoken
        spoken += 1
        voice.cancel(call)
        return np.full(4800, 0.1, np.float32)

    monkeypatch.setattr(voice, "sound", sound)
    assert len(list(voice.run(call, Clause(text="hello there, " * 90)))) <= 1
    assert spoken == 1


def test_the_pace_shortens_the_sound(voice: MlxKokoro) -> None:
    style = voice._styles["af_heart"][5]
    quick, slow = (len(voice.sound(caller(), "həl", style, speed)) for speed in (2.0, 0.5))
    assert quick < slow


def test_mistakes_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"voice: there is no 'jean'; .* has af_heart, bm_fable"):
        MlxKokoro(model=str(folder), voice="jean").load()
    with pytest.raises(ValueError, match="language: espeak-ng has no 'xx'; give one"):
        MlxKokoro(model=str(folder), language="xx").load()
    with pytest.raises(ValueError, match=r"device: MLX .* finds no mps here; choose device=cpu"):
        MlxKokoro(model=str(folder), device="mps").load()
    with pytest.raises(WeightsError, match="/nonexistent: no such file or folder: /nonexistent; give"):
        MlxKokoro(model="/nonexistent").load()
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "voices")
    with pytest.raises(WeightsError, match=r"no \*.safetensors in .*voices; take the model's folder with its voices"):
        MlxKokoro(model=str(tmp_path)).load()


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    from_hub(MlxKokoro(), folder)
