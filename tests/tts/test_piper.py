from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.piper import Piper
from s2s.weights import WeightsError

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def piper() -> Piper:
    stage = Piper(noise_scale=0.0, noise_w_scale=0.0)
    stage.load()
    return stage


def caller(speed: float = 1.0) -> Call:
    return Call("caller", 1, Settings(speed=speed))


def say(piper: Piper, text: str, speed: float = 1.0) -> list[Sound]:
    return list(piper.run(caller(speed), Clause(text=text)))


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def test_a_sentence_is_loud_and_of_a_likely_length(piper: Piper) -> None:
    sounds = say(piper, "Hello, how can I help you today?")
    assert {sound.rate for sound in sounds} == {22050}
    assert 1.2 < seconds(sounds) < 3.0
    assert 0.9 < np.abs(float32(sounds[0].pcm)).max() <= 1.0


def test_each_sentence_leaves_by_itself(piper: Piper) -> None:
    assert len(say(piper, "One. Two, three. Four!")) == 3


def test_the_same_sound_every_time_without_noise(piper: Piper) -> None:
    assert say(piper, "The same again.") == say(piper, "The same again.")


def test_the_callers_speed_is_obeyed(piper: Piper) -> None:
    text = "We had everything before us, we had nothing before us."
    slow, normal, fast = (seconds(say(piper, text, speed)) for speed in (0.5, 1.0, 2.0))
    assert 1.6 < slow / normal < 2.1  # each phoneme lasts whole frames, at least one: not quite proportional
    assert 0.45 < fast / normal < 0.7


@pytest.mark.parametrize("text", ["", "   ", "...", "—!?", "😀"])
def test_nothing_to_say_is_nothing(piper: Piper, text: str) -> None:
    assert say(piper, text) == []


@pytest.mark.parametrize("text", ["naïve café 你好 😀 Ω", "see [[here]]", "3.5 % of $1,000", "a" * 300])
def test_odd_text_is_spoken(piper: Piper, text: str) -> None:
    assert seconds(say(piper, text)) > 0.2


def test_cancel_ends_the_inference_that_runs(piper: Piper) -> None:
    text = "and then it went on and on, as it had always done before, " * 12
    call, sounds, left_s = caller(), list[Sound](), list[float]()

    def speak() -> None:
        sounds.extend(piper.run(call, Clause(text=text)))
        left_s.append(time.perf_counter())

    thread = threading.Thread(target=speak)
    thread.start()
    while "options" not in call.state:
        time.sleep(0)
    cancelled_s = time.perf_counter()
    while thread.is_alive():  # again, should the first have come before the inference
        piper.cancel(call)
        thread.join(0.001)
    assert sounds == []
    assert left_s[0] - cancelled_s < 0.5  # unhindered it takes seconds
    assert seconds(say(piper, "Next.")) > 0.2


def test_a_revoked_call_hears_no_further_sentence(piper: Piper) -> None:
    call = caller()
    running = piper.run(call, Clause(text="One. Two. Three."))
    next(running)
    call.live = False
    assert list(running) == []


def test_a_speaker_that_the_voice_lacks() -> None:
    with pytest.raises(ValueError, match="speaker: the voice has no speaker 'bob'; it has one; leave speaker null"):
        Piper(speaker="bob").load()


def test_a_folder_without_a_voice(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has 0 \.onnx files; name the one to use"):
        Piper(model=str(tmp_path)).load()


def test_a_voice_without_its_config(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    with pytest.raises(WeightsError, match=r"the voice's config is not beside it: .*a\.onnx\.json; give it as config"):
        Piper(model=str(tmp_path)).load()
