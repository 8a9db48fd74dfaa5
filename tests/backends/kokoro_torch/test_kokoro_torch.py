"""`tts=kokoro-torch` on a checkpoint of random weights; the reading of English and of Spanish is real."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.kokoro_torch import KokoroTorch
from s2s.weights import WeightsError
from tests.backends import suite
from tests.backends.kokoro_torch.checkpoint import build

TEXT = "Hello there, how are you today?"


@pytest.fixture(scope="module")
def folder() -> Path:
    return suite.built("kokoro", build)


def made(folder: Path, **options: Any) -> KokoroTorch:
    """Return a voice that has not been loaded."""
    return KokoroTorch(**{"model": str(folder), "voice": "bm_two", "device": "cpu"} | options)


def loaded(folder: Path, **options: Any) -> KokoroTorch:
    stage = made(folder, **options)
    stage.load()
    return stage


@pytest.fixture(scope="module")
def kokoro(folder: Path) -> KokoroTorch:
    return loaded(folder)


def say(kokoro: KokoroTorch, text: str = TEXT, **settings: Any) -> list[Sound]:
    return list(kokoro.run(Call("caller", 1, Settings(**settings)), Clause(text=text, index=1)))


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def test_conforms(folder: Path) -> None:
    suite.conforms("tts", made(folder))


def test_a_sentence_is_a_piece_at_the_model_s_rate(kokoro: KokoroTorch) -> None:
    sounds = say(kokoro, "It was the best of times. It was the worst of times.")
    assert len(sounds) == 2
    assert {sound.rate for sound in sounds} == {kokoro.rate} == {24000}


def test_english_is_read_by_spacy_and_misaki(kokoro: KokoroTorch) -> None:
    read = [result.phonemes for result in kokoro._read("I read a book, Dr. Smith.")]
    assert len(read) == 1
    assert "dˈɒktə" in read[0]  # an abbreviation, and British
    american = loaded(Path(kokoro.model), language="a")
    assert "dˈɑktəɹ" in "".join(result.phonemes for result in american._read("Dr. Smith"))


def test_spanish_is_read_by_espeak(folder: Path) -> None:
    spanish = loaded(folder, language="es-MX")
    assert next(iter(spanish._read("Hola."))).phonemes == "ˈola."
    assert seconds(say(spanish, "Hola, ¿cómo estás?")) > 0.2


def test_the_callers_voice_is_spoken_where_there_is_one(kokoro: KokoroTorch) -> None:
    assert kokoro.voice_names() == ["af_one", "bm_two"]
    call = Call("caller", 1, Settings(voice="af_one"))
    assert kokoro.voice_of(call) == "af_one"
    assert seconds(list(kokoro.run(call, Clause(text=TEXT)))) > 0.2
    assert set(kokoro._gains) == {"af_one", "bm_two"}
    assert kokoro.voice_of(Call("caller", 1, Settings(voice="../secret"))) == "bm_two"


def test_speeds_multiply(kokoro: KokoroTorch, folder: Path) -> None:
    slow, normal = seconds(say(kokoro, speed=0.5)), seconds(say(kokoro))
    assert 1.5 < slow / normal < 2.5
    assert seconds(say(loaded(folder, speed=0.5))) == pytest.approx(slow, rel=0.05)


@pytest.mark.parametrize("told", ["cancel", "live"])
def test_what_runs_ends_before_its_next_layer(kokoro: KokoroTorch, told: str) -> None:
    call, running, go_on, left_s = Call("caller", 1, Settings()), threading.Event(), threading.Event(), list[float]()

    def wait(module: object, inputs: object) -> None:
        running.set()
        go_on.wait(10)

    def speak() -> None:
        sounds.extend(kokoro.run(call, Clause(text=TEXT * 4)))
        left_s.append(time.perf_counter())

    sounds: list[Sound] = []
    hook = kokoro._model.bert.register_forward_pre_hook(wait)
    thread = threading.Thread(target=speak)
    thread.start()
    assert running.wait(10)
    hook.remove()
    if told == "cancel":
        kokoro.cancel(call)
    else:
        call.live = False
    ended_s = time.perf_counter()
    go_on.set()
    thread.join(10)
    print(f"{told}: ended after {1000 * (left_s[0] - ended_s):.0f} ms")
    assert sounds == []
    assert left_s[0] - ended_s < 1
    assert seconds(say(kokoro, "Next.")) > 0.1


def test_english_without_spacys_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "en_core_web_sm" else find(name))
    with pytest.raises(ValueError, match=r"which is not here; .* -m spacy download en_core_web_sm, or take tts=kokoro"):
        made(folder).load()


@pytest.mark.parametrize(("language", "extra"), [("ja", "ja"), ("zh-CN", "zh")])
def test_languages_that_want_another_package(folder: Path, language: str, extra: str) -> None:
    with pytest.raises(ValueError, match=rf"language: it is read with \w+; pip install 'misaki\[{extra}\]'"):
        made(folder, language=language).load()


def test_a_voice_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"voice: there is no 'bm_fable'; .* has af_one, bm_two"):
        made(folder, voice="bm_fable").load()


def test_a_folder_that_lacks_something(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model's folder: config\.json not in"):
        made(tmp_path).load()
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(WeightsError, match=r"has 0 \.pth files; name a folder with one"):
        made(tmp_path).load()
    (tmp_path / "random.pth").symlink_to(folder / "random.pth")
    with pytest.raises(WeightsError, match=r"no voices in .*voices; each is a \.pt file there"):
        made(tmp_path).load()


def test_a_device_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"device: torch .* finds no cuda here; choose device=cpu"):
        made(folder, device="cuda").load()


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    suite.from_hub(KokoroTorch(voice="bm_two"), folder)
