"""Qwen3-TTS by faster-qwen3-tts: its GGML half over a stand-in for the library below, its CUDA half up to the GPU."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import faster_qwen3_tts
import numpy as np
import pytest
import torch

import s2s.tts.qwen3_faster
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.qwen3_faster import Qwen3Faster
from s2s.wav import wav
from s2s.weights import WeightsError
from tests.backends.qwen import checkpoint, stand_in
from tests.backends.suite import built, conforms

TEXT = "Hello there, how are you today?"
FRAME = 1920


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "qwentts_cpp", stand_in.module())
    monkeypatch.setattr(stand_in.QwenTTS, "speakers", ["aiden", "ryan"])
    monkeypatch.setenv("FQWEN3TTS_QWENTTS_REF_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    for name in ("talker", "codec"):
        (tmp_path / f"{name}.gguf").touch()
    return {"talker": str(tmp_path / "talker.gguf"), "codec": str(tmp_path / "codec.gguf")}


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "voice.wav"
    path.write_bytes(wav(np.full(48000, 1000, "<i2").tobytes(), 24000))
    return str(path)


def loaded(**options: Any) -> tuple[Qwen3Faster, stand_in.QwenTTS]:
    """Return a stage by GGML and the library's part of it, with nothing asked yet."""
    stage = Qwen3Faster(**{"backend": "ggml", **options})
    stage.load()
    runtime = stand_in.QwenTTS.made[-1]
    runtime.asked.clear()
    return stage, runtime


def say(stage: Qwen3Faster, text: str = TEXT, **settings: Any) -> list[Sound]:
    return list(stage.run(Call("caller", 1, Settings(**settings)), Clause(text=text)))


def test_conforms(files: dict[str, Any]) -> None:
    conforms("tts", Qwen3Faster(backend="ggml", **files))


def test_sound_comes_in_pieces_of_its_frames(files: dict[str, Any]) -> None:
    stage, _ = loaded(**files, lead_ms=None, chunk_frames=10)
    assert [len(sound.pcm) / 2 / FRAME for sound in say(stage)] == [10, 10, 10, 7]


def test_the_library_is_asked_for_what_the_options_say(files: dict[str, Any]) -> None:
    stage, runtime = loaded(**files, language="en", instructions="Happy.", temperature=0.5, top_k=9, top_p=0.8)
    assert [str(file) for file in runtime.files] == list(files.values())
    say(stage, "Hi <|im_end|> you.")
    (asked,) = runtime.asked
    expected = {"text": "Hi <im_end|> you.", "lang": "english", "speaker": "aiden", "instruct": "Happy."}
    expected |= {"temperature": 0.5, "top_k": 9, "top_p": 0.8, "do_sample": True, "max_new_tokens": 50 + 4 * 18}
    assert expected.items() <= asked.items()


def test_without_temperature_nothing_is_chosen_by_chance(files: dict[str, Any]) -> None:
    stage, runtime = loaded(**files, temperature=0.0)
    say(stage)
    assert runtime.asked[0]["do_sample"] is False


def test_clients_choose_among_the_models_voices(files: dict[str, Any]) -> None:
    stage, runtime = loaded(**files)
    assert stage.voice_names() == ["aiden", "ryan"]
    for name in ("Ryan", "/etc/passwd"):
        say(stage, voice=name)
    assert [asked["speaker"] for asked in runtime.asked if asked["text"] == TEXT] == ["ryan", "aiden"]


@pytest.mark.parametrize("words", ["hello there", None])
def test_a_voice_is_cloned(
    files: dict[str, Any], recording: str, words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in.QwenTTS, "speakers", [])
    stage, runtime = loaded(**files, ref_audio=recording, ref_text=words, xvec_only=words is None)
    assert stage.voice_names() == []
    assert sum(map(len, (sound.pcm for sound in say(stage)))) > 20 * FRAME
    (asked,) = runtime.asked
    assert asked["ref_text"] == words
    assert ("ref_codes" in asked) == (words is not None)
    assert runtime.heard is not None
    assert recording in stage.weights()


def test_a_voice_is_described(files: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in.QwenTTS, "speakers", [])
    stage, runtime = loaded(**files, instructions="A low voice.")
    say(stage)
    assert runtime.asked[0]["instruct"] == "A low voice."
    assert "speaker" not in runtime.asked[0] or runtime.asked[0]["speaker"] is None


@pytest.mark.parametrize("way", ["live", "cancel", "close"])
def test_nobody_wants_the_rest(files: dict[str, Any], way: str) -> None:
    stage, runtime = loaded(**files)
    call = Call("caller", 1, Settings())
    running = stage.run(call, Clause(text=TEXT))
    next(running)
    assert runtime.streaming == 1
    if way == "live":
        call.live = False
    elif way == "cancel":
        stage.cancel(call)
    if way == "close":
        running.close()
    else:
        assert list(running) == []
    assert runtime.streaming == 0
    assert len(say(stage)) > 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"voice": "Bob"}, "voice: the model has no voice 'Bob'; it has aiden, ryan"),
        ({"language": "xx"}, "language: the model has no 'xx'; it has auto, chinese, english"),
        ({"ref_audio": "a.wav"}, "ref_audio: the model clones no voice"),
        ({"codec": "/no/codec.gguf"}, "/no/codec.gguf: no such file or folder"),
    ],
)
def test_options_that_do_not_fit(files: dict[str, Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, WeightsError)) as error:
        loaded(**{**files, **options})
    assert said in str(error.value)


def test_the_library_is_missing(files: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Qwen3Faster(**files)._models() == list(files.values())
    monkeypatch.delitem(sys.modules, "qwentts_cpp")
    assert Qwen3Faster(**files)._models() == [Qwen3Faster.model]
    with pytest.raises(ValueError, match=r"ggml needs the package qwentts-cpp-python, .*; install it, or say backend="):
        loaded(**files)


def test_a_cpu_has_no_cuda_graphs() -> None:
    model = str(built("qwen3-custom_voice", checkpoint.custom_voice))
    with pytest.raises(ValueError, match=r"device: cpu has no CUDA graphs; say tts=qwen3, or backend=ggml"):
        Qwen3Faster(backend="torch", model=model).load()
    with pytest.raises(ValueError, match="CUDA graphs require CUDA device"):  # the package says so itself
        faster_qwen3_tts.FasterQwen3TTS.from_pretrained(model, device="cpu")


class Graphs:
    """A stand-in for the package's model on a GPU: whatever it is asked must fit what the real one can be asked."""

    real = faster_qwen3_tts.FasterQwen3TTS

    def __init__(self, asked: list[dict[str, Any]]) -> None:
        self.asked = asked

    def from_pretrained(self, *given: Any, **how: Any) -> Graphs:
        inspect.signature(self.real.from_pretrained).bind(*given, **how)
        self.asked.append({"model": given[0], **how})
        return self

    def warmup(self) -> None:
        self.asked.append({"warm": True})

    def __getattr__(self, name: str) -> Any:
        real = inspect.signature(getattr(self.real, name))

        def stream(**how: Any) -> Iterator[tuple[np.ndarray, int, dict[str, Any]]]:
            real.bind(self, **how)
            self.asked.append({"way": name, **how})
            for _ in range(3):
                yield np.full(how["chunk_size"] * FRAME, 0.1, np.float32), 24000, {}

        return stream


@pytest.mark.parametrize(
    ("kind", "options", "way"),
    [
        ("custom_voice", {}, {"way": "generate_custom_voice_streaming", "speaker": "aiden", "instruct": None}),
        (
            "base",
            {"ref_text": "hello"},
            {"way": "generate_voice_clone_streaming", "ref_text": "hello", "xvec_only": False},
        ),
        ("voice_design", {"instructions": "Low."}, {"way": "generate_voice_design_streaming", "instruct": "Low."}),
    ],
)
def test_a_gpu_is_asked_for_what_the_options_say(
    kind: str, options: dict[str, Any], way: dict[str, Any], recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[dict[str, Any]]()
    package: Any = ModuleType("faster_qwen3_tts")
    package.__spec__, package.FasterQwen3TTS = ModuleSpec("faster_qwen3_tts", None), Graphs(asked)
    monkeypatch.setitem(sys.modules, "faster_qwen3_tts", package)
    monkeypatch.setattr(s2s.tts.qwen3_faster, "device", lambda wanted: "cuda:0")
    model = str(built(f"qwen3-{kind}", getattr(checkpoint, kind)))
    heard = {"ref_audio": recording} if kind == "base" else {}
    stage = Qwen3Faster(backend="torch", model=model, context=1024, lead_ms=None, **heard, **options)
    stage.load()
    assert asked[0] == {
        "model": model,
        "device": "cuda:0",
        "dtype": torch.bfloat16,
        "attn_implementation": "sdpa",
        "max_seq_len": 1024,
    }
    assert asked[1] == {"warm": True}
    assert len(say(stage)) == 3
    assert {**way, **heard, "text": TEXT, "language": "auto", "chunk_size": 8}.items() <= asked[-1].items()
