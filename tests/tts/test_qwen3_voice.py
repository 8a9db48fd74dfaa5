from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.loudness import Floats
from s2s.tts.qwen3_voice import LANGUAGES, Qwen3Voice
from s2s.weights import WeightsError


@dataclass(kw_only=True)
class Silent(Qwen3Voice):
    """A voice without an engine."""

    def _models(self) -> list[str]:
        return ["a-model"]

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        raise NotImplementedError


def fitted(kind: str = "custom_voice", **options: Any) -> Silent:
    stage = Silent(**options)
    stage._fit(kind, ["aiden", "Uncle_Fu"], LANGUAGES.values())
    return stage


def voice(stage: Silent, name: str | None) -> str | None:
    return stage.voice_of(Call("caller", 1, Settings(voice=name)))


def test_voices_are_named_as_the_model_names_them() -> None:
    stage = fitted(voice="AIDEN")
    assert stage.voice_names() == ["aiden", "Uncle_Fu"]
    assert voice(stage, None) == voice(stage, "aiden") == voice(stage, "nobody") == "aiden"
    assert voice(stage, "uncle_fu") == "Uncle_Fu"


def test_before_it_is_loaded_it_has_no_voices() -> None:
    assert Silent().voice_names() == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [("base", {"ref_audio": "a.wav", "ref_text": "hello"}), ("voice_design", {"instructions": "A low voice."})],
)
def test_a_model_without_voices_by_name_has_one(kind: str, options: dict[str, Any]) -> None:
    stage = fitted(kind, **options)
    assert stage.voice_names() == []
    assert voice(stage, "aiden") is None


@pytest.mark.parametrize(
    ("language", "name"),
    [("auto", "auto"), ("en", "english"), ("EN", "english"), ("German", "german"), ("zh", "chinese")],
)
def test_a_language_has_a_code_or_a_name(language: str, name: str) -> None:
    assert fitted(language=language)._language == name


@pytest.mark.parametrize(("text", "frames"), [("", 50), ("Hi.", 62), ("你好", 74), ("a" * 1000, 1536)])
def test_a_text_has_time_and_no_more(text: str, frames: int) -> None:
    assert Silent().most_frames(text) == frames


def test_the_recording_is_fetched_too() -> None:
    assert Silent().weights() == ["a-model"]
    assert Silent(ref_audio="hf:a/b/c.wav").weights() == ["a-model", "hf:a/b/c.wav"]


def test_a_folder_says_what_its_model_is(tmp_path: Path) -> None:
    config = {
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_type": "custom_voice",
        "talker_config": {"spk_id": {"aiden": 1}, "codec_language_id": {"english": 2}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    stage = Silent()
    stage._fit_folder(tmp_path)
    assert stage.voice_names() == ["aiden"]
    (tmp_path / "config.json").write_text(json.dumps({**config, "tokenizer_type": "qwen3_tts_tokenizer_25hz"}))
    with pytest.raises(WeightsError, match="no Qwen3-TTS of 12 Hz; take one such as hf:Qwen/"):
        stage._fit_folder(tmp_path)
