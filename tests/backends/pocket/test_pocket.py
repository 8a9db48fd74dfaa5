"""`tts=pocket` on a checkpoint of random weights: nobody has packed Pocket TTS."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.pocket import Pocket
from s2s.weights import WeightsError
from tests.backends import suite
from tests.backends.pocket.checkpoint import build

TEXT = "Hello there, how can I help you today?"


@pytest.fixture(scope="module")
def folder() -> Path:
    return suite.built("pocket", build)


def made(folder: Path, **options: Any) -> Pocket:
    """Return a voice that has not been loaded."""
    given: dict[str, Any] = {"model": str(folder / "model.yaml"), "ref_audio": str(folder / "one.wav")}
    return Pocket(**given | {"device": "cpu", "temperature": 0.0} | options)


def loaded(folder: Path, **options: Any) -> Pocket:
    stage = made(folder, **options)
    stage.load()
    return stage


@pytest.fixture(scope="module")
def pocket(folder: Path) -> Pocket:
    return loaded(folder, voices={"two": str(folder / "two.wav")})


def say(pocket: Pocket, text: str = TEXT, voice: str | None = None) -> list[Sound]:
    return list(pocket.run(Call("caller", 1, Settings(voice=voice)), Clause(text=text, index=1)))


def alike(one: list[Sound], other: list[Sound]) -> bool:
    """Say whether it is the same sound: how many frames are decoded at once, which time decides, rounds differently."""
    first, second = (float32(b"".join(sound.pcm for sound in sounds)) for sounds in (one, other))
    return len(first) == len(second) and np.abs(first - second).max() < 0.01 * np.abs(first).max()


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def threads_of_the_library() -> list[threading.Thread]:
    """Return the threads in which sound is made."""
    return [thread for thread in threading.enumerate() if thread.daemon and thread is not threading.main_thread()]


def test_conforms(folder: Path) -> None:
    suite.conforms("tts", made(folder, temperature=None))


def test_sound_comes_in_pieces_of_80_ms_at_24_khz(pocket: Pocket) -> None:
    sounds = say(pocket)
    assert {sound.rate for sound in sounds} == {24000}
    assert {len(sound.pcm) % (2 * 1920) for sound in sounds} == {0}
    running = pocket.run(Call("caller", 1, Settings()), Clause(text=TEXT, index=1))
    next(running)
    assert threads_of_the_library()  # more is made while the first piece is played
    assert len(list(running)) > 1


def test_a_cold_voice_says_the_same_every_time(pocket: Pocket) -> None:
    assert alike(say(pocket), say(pocket))


def test_temperature_is_an_option(folder: Path) -> None:
    warm = loaded(folder, temperature=1.0)
    assert not alike(say(warm), say(warm))


def test_the_callers_voice_is_one_of_the_yaml(pocket: Pocket, folder: Path) -> None:
    assert pocket.voice_names() == ["jean", "two"]
    assert not alike(say(pocket, voice="two"), say(pocket))
    assert alike(say(pocket, voice="jean"), say(pocket))
    assert alike(say(pocket, voice=str(folder / "two.wav")), say(pocket))  # a path is no name


def test_a_recording_may_be_exported_once(pocket: Pocket, folder: Path, tmp_path: Path) -> None:
    from pocket_tts import export_model_state

    export_model_state(pocket._states["two"], tmp_path / "two.safetensors")
    stage = loaded(folder, ref_audio=str(tmp_path / "two.safetensors"))
    assert not stage._cloning
    assert alike(say(stage), say(pocket, voice="two"))


@pytest.mark.parametrize("option", [{"decode_steps": 4}, {"noise_clamp": 0.1, "temperature": 1.0}])
def test_how_it_decodes_is_an_option(pocket: Pocket, folder: Path, option: dict[str, Any]) -> None:
    assert not alike(say(loaded(folder, **option)), say(pocket))


def test_where_it_ends_is_an_option(folder: Path) -> None:
    short, long = loaded(folder, eos_threshold=-100.0), loaded(folder, eos_threshold=100.0)
    assert seconds(say(short)) < seconds(say(long))


def test_how_much_text_goes_in_one_run_is_an_option(pocket: Pocket, folder: Path) -> None:
    text = "How can I help you today? The fox does not mind at all. " * 3
    assert not alike(say(loaded(folder, max_tokens=12), text), say(pocket, text))


def test_int8_is_an_option(pocket: Pocket, folder: Path) -> None:
    small = loaded(folder, quantize=True)
    assert not alike(say(small), say(pocket))
    assert seconds(say(small)) > 0.2


@pytest.mark.parametrize("told", ["cancelled", "left alone"])
def test_a_clause_that_nobody_wants_ends_and_leaves_no_thread(pocket: Pocket, told: str) -> None:
    call = Call("caller", 1, Settings())
    running = pocket.run(call, Clause(text=TEXT * 40))
    next(running)
    begun = time.perf_counter()
    if told == "cancelled":
        call.live = False
        pocket.cancel(call)
        assert len(list(running)) <= 1
    else:
        running.close()  # type: ignore[attr-defined]
    print(f"{told}: ended after {1000 * (time.perf_counter() - begun):.0f} ms")
    assert time.perf_counter() - begun < 1
    for thread in threads_of_the_library():
        thread.join(5)
        assert not thread.is_alive()
    assert alike(say(pocket), say(pocket))


def test_cancel_from_another_thread_ends_a_clause_that_runs(pocket: Pocket) -> None:
    call, sounds, begun = Call("caller", 1, Settings()), list[Sound](), threading.Event()

    def speak() -> None:
        for sound in pocket.run(call, Clause(text=TEXT * 200)):
            sounds.append(sound)
            begun.set()

    thread = threading.Thread(target=speak)
    thread.start()
    assert begun.wait(30)
    cancelled_s = time.perf_counter()
    pocket.cancel(call)
    thread.join(10)
    print(f"ended {1000 * (time.perf_counter() - cancelled_s):.0f} ms after it was cancelled")
    assert not thread.is_alive()
    assert seconds(say(pocket)) > 0.2


def test_the_packages_own_model_and_voices_are_sources() -> None:
    model, tokenizer, voice = Pocket().weights()
    assert model.startswith("hf:kyutai/pocket-tts-without-voice-cloning@")
    assert model.endswith("/languages/english/model.safetensors")
    assert tokenizer.endswith("/tokenizer.json")
    assert voice.endswith("/languages/english/embeddings/jean.safetensors")
    assert [part for part in (model, tokenizer, voice) if len(part.split("@")[1].split("/")[0]) != 40] == []


def test_cloning_takes_the_weights_that_can() -> None:
    model, _, recording = Pocket(language="de", ref_audio="mine.wav").weights()
    assert model.startswith("hf:kyutai/pocket-tts@") and "/languages/german/" in model
    assert recording == "mine.wav"


def test_the_packages_own_voices_are_not_for_other_models(folder: Path) -> None:
    with pytest.raises(ValueError, match="voice: jean: those of pocket-tts are made for its own models; give"):
        made(folder, ref_audio=None)


def test_a_voice_that_the_package_lacks() -> None:
    with pytest.raises(ValueError, match=r"voice: pocket-tts has no 'bob'; give ref_audio, or one of alba, anna"):
        Pocket(voice="bob").load()


def test_a_language_that_the_package_lacks() -> None:
    with pytest.raises(ValueError, match=r"language: pocket-tts has no 'klingon'; give one of .*, german, "):
        Pocket(language="klingon")


def test_what_is_no_recording(folder: Path) -> None:
    said = r"can't be the voice 'jean': .*; give a WAV file of 16 bits, or a \.safetensors file"
    with pytest.raises(WeightsError, match=said):
        made(folder, ref_audio=str(folder / "tokenizer.json")).load()


def test_what_is_no_configuration(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"tokenizer\.json: no configuration of pocket-tts; name its \.yaml file"):
        made(folder, model=str(folder / "tokenizer.json")).load()


def test_a_device_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"device: torch .* finds no cuda here; choose device=cpu"):
        made(folder, device="cuda").load()
