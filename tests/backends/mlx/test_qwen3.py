"""Qwen3-TTS by mlx-audio, with tiny random weights: what runs is the library's own way from text to sound."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.mlx_qwen3 import MlxQwen3
from s2s.weights import WeightsError
from tests.backends.mlx import qwen3
from tests.backends.suite import built, conforms, from_hub
from tests.embedded.speech import turn_sound

LIMIT = "its clauses are cut off after 4 frames here, since the codec takes a CPU 12 times as long as the sound"


@pytest.fixture(scope="module")
def folder() -> Path:
    return built("qwen3", qwen3.build)


def stage(folder: Path, **options: object) -> MlxQwen3:
    given = {"quantization": None, "max_tokens": 4, "chunk_frames": 2, **options}
    return MlxQwen3(model=str(folder), **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def voice(folder: Path) -> Iterator[MlxQwen3]:
    speaker = stage(folder)
    speaker.load()
    yield speaker
    speaker.close()


def spoken(speaker: MlxQwen3, /, **settings: object) -> list[Sound]:
    return list(speaker.run(Call("caller", 1, Settings(**settings)), Clause(text="Hello there.")))  # type: ignore[arg-type]


@pytest.mark.slow
def test_it_conforms(folder: Path) -> None:
    conforms("tts", stage(folder), {"takes-long-text": LIMIT})


def test_sound_comes_in_pieces_of_chunk_frames_and_stops_between_them(voice: MlxQwen3) -> None:
    pieces = [np.frombuffer(sound.pcm, "<i2") for sound in spoken(voice)]
    assert len(pieces) == 2
    assert len(pieces[1]) == 2 * 24000 * 80 // 1000
    assert all(np.abs(piece).max() > 100 for piece in pieces)
    call = Call("hasty", 1, Settings())
    out = voice.run(call, Clause(text="Hello there."))
    next(out)
    voice.cancel(call)
    assert list(out) == []


def test_a_caller_chooses_among_the_model_s_voices_only(voice: MlxQwen3, folder: Path) -> None:
    assert voice.voice_names() == ["aiden", "ryan"]
    for name, speaks in ((None, "aiden"), ("Ryan", "ryan"), ("/etc/passwd", "aiden"), ("nobody", "aiden")):
        assert voice.voice_of(Call("caller", 1, Settings(voice=name))) == speaks
    assert spoken(voice, voice="ryan")
    with pytest.raises(ValueError, match="voice: the model has no voice 'Vivian'; it has aiden, ryan"):
        stage(folder, voice="Vivian").load()
    with pytest.raises(ValueError, match="language: the model has no 'fr"):
        stage(folder, language="fr").load()


def test_a_recording_is_cloned_by_the_sound_of_its_voice(tmp_path: Path) -> None:
    folder, recording = built("qwen3-base", qwen3.build_base), tmp_path / "cities.wav"
    with wave.open(str(recording), "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(turn_sound(0, 24000).tobytes())
    speaker = stage(folder, ref_audio=str(recording), xvec_only=True)
    assert speaker.weights() == [str(folder), str(recording)]
    speaker.load()
    assert speaker.voice_names() == []
    assert len(spoken(speaker, voice="aiden")) == 2
    with pytest.raises(WeightsError, match="no such file or folder: /nonexistent"):
        stage(folder, ref_audio="/nonexistent.wav", xvec_only=True).load()


def test_quantization_is_the_end_of_a_hub_s_name(folder: Path) -> None:
    (own,) = MlxQwen3().weights()
    assert own.startswith("hf:mlx-community/Qwen3-TTS-12Hz-1.7B-CustomVoice-6bit@")
    assert MlxQwen3(quantization="bf16").weights()[0].endswith("-CustomVoice-bf16")
    assert MlxQwen3(model="hf:me/mine", quantization=None).weights() == ["hf:me/mine"]
    assert MlxQwen3(model=str(folder)).weights() == [str(folder)]


def test_what_is_not_whole_or_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"device: MLX .* finds no mps here; choose device=cpu"):
        stage(folder, device="mps").load()
    half = tmp_path / "half"
    shutil.copytree(folder, half)
    shutil.rmtree(half / "speech_tokenizer")
    with pytest.raises(WeightsError, match=f"{half}: no whole Qwen3-TTS: .*; take all of its files"):
        stage(half).load()
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    config = json.loads((folder / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "tokenizer_type": "qwen3_tts_tokenizer_25hz"}))
    with pytest.raises(WeightsError, match="no Qwen3-TTS of 12 Hz; take one"):
        stage(other).load()


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    from_hub(MlxQwen3(quantization=None, max_tokens=4), folder)
