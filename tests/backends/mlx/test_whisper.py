"""Whisper through MLX, with the real weights of tiny.en."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from s2s.paths import CONF
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.mlx_whisper import MlxWhisper
from s2s.stt.recognizer import RATE, Unwanted
from s2s.testing.conformance import Backend
from s2s.weights import WeightsError
from tests.backends.mlx import whisper
from tests.backends.suite import built, conforms, from_hub, talk
from tests.backends.whisper_weights import tiny_en
from tests.embedded.speech import TURNS, turn_sound, word_error_rate


@pytest.fixture(scope="module")
def folder() -> Path:
    return built("whisper", whisper.build)


@pytest.fixture(scope="module")
def quantized() -> Path:
    return built("whisper-8bit", whisper.build_quantized)


def stage(folder: Path, **options: object) -> MlxWhisper:
    return MlxWhisper(model=str(folder), tokenizer=str(tiny_en() / "tokenizer.json"), **options)  # type: ignore[arg-type]


def sound(turn: int) -> np.ndarray:
    return turn_sound(turn, RATE).astype("f4") / 32768


@pytest.mark.slow
def test_it_conforms(folder: Path) -> None:
    conforms("stt", stage(folder, partial_ms=2000))


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_conversation(folder: Path) -> None:
    heard = await talk(
        "stt=mlx-audio-whisper", f"stt.model={folder}", f"stt.tokenizer={folder / 'tokenizer.json'}",
        "stt.partial_ms=5000", patience_s=120,
    )  # fmt: skip
    assert heard.heard <= 0.10
    assert heard.said <= 0.15


def test_a_quantized_folder_of_mlx_community_is_heard_by_with_a_tokenizer_from_elsewhere(quantized: Path) -> None:
    ears = stage(quantized)
    ears.load()
    heard = ears.hear(sound(0), None, ())
    print(heard)
    assert word_error_rate([(TURNS[0][2], heard.text)]) <= 0.1
    assert heard.language == "en"
    with pytest.raises(ValueError, match="language: this model knows English only, not 'de'"):
        ears.hear(sound(0), "de", ())
    assert ears.hear(sound(0), "en-GB", ()).text == heard.text


def test_a_tokenizer_of_another_whisper_is_refused(quantized: Path, tmp_path: Path) -> None:
    text = (tiny_en() / "tokenizer.json").read_text().replace("<|notimestamps|>", "<|other|>")
    (tmp_path / "tokenizer.json").write_text(text)
    wrong = MlxWhisper(model=str(quantized), tokenizer=str(tmp_path / "tokenizer.json"))
    with pytest.raises(WeightsError, match=r"another Whisper's.*tokenizer=hf:openai/whisper-tiny.en/tokenizer.json"):
        wrong.load()


def test_a_folder_without_weights_and_a_device_that_is_absent_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=f"no .*safetensors or .*npz in {tmp_path}; name"):
        stage(tmp_path).load()
    with pytest.raises(ValueError, match=r"device: MLX .* finds no mps here; choose device=cpu"):
        stage(folder, device="mps").load()


def test_a_turn_that_nobody_wants_any_more_is_left_in_the_middle(folder: Path) -> None:
    ears = stage(folder, pad_s=8.0)
    ears.load()
    call = Call("caller", 1, Settings())
    begun = threading.Event()
    decode = ears._model.decoder

    def watched(*args: object, **more: object) -> object:
        begun.set()
        return decode(*args, **more)

    ears._model.decoder = watched
    ears._hearing, ears._stopped = call, False
    ended: list[float] = []

    def hear() -> None:
        with pytest.raises(Unwanted):
            ears.hear(sound(0), None, ())
        ended.append(time.monotonic())

    # The model was loaded in this thread and is used in another, as a whole one may be.
    thread = threading.Thread(target=hear)
    thread.start()
    assert begun.wait(60)
    cancelled = time.monotonic()
    ears.cancel(call)
    thread.join(30)
    assert ended and ended[0] - cancelled < 2.0


@pytest.mark.parametrize("name", ["mlx-audio-whisper", "whisper-mlx"])
def test_both_words_of_the_seed_make_it(name: str) -> None:
    made = Backend(CONF, "stt", name).stage()
    assert isinstance(made, MlxWhisper)
    assert made.weights() == [made.model, MlxWhisper.tokenizer]


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    from_hub(MlxWhisper(), folder)
