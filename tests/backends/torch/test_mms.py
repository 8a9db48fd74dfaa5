"""`tts=facebook-mms` on checkpoints of random weights: nobody has packed a voice of MMS."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.facebook_mms import FacebookMms
from tests.backends import suite
from tests.backends.torch import mms_voice

TEXT = "We had everything before us, we had nothing before us."


@pytest.fixture(scope="module")
def english() -> str:
    return str(suite.built("mms-english", mms_voice.english))


@pytest.fixture(scope="module")
def greek() -> str:
    return str(suite.built("mms-greek", mms_voice.greek))


@pytest.fixture(scope="module")
def voice(english: str, greek: str) -> FacebookMms:
    stage = FacebookMms(model=english, languages={"el": greek}, device="cpu", noise_scale=0.0, noise_scale_duration=0.0)
    stage.load()
    return stage


def say(voice: FacebookMms, text: str = TEXT, **settings: object) -> list[Sound]:
    return list(voice.run(Call("caller", 1, Settings(**settings)), Clause(text=text, index=1)))  # type: ignore[arg-type]


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def test_conforms(english: str) -> None:
    suite.conforms("tts", FacebookMms(model=english, device="cpu"))


def test_it_is_16_khz_and_the_same_every_time_without_noise(voice: FacebookMms) -> None:
    assert say(voice) == say(voice)
    assert {sound.rate for sound in say(voice)} == {16000}


def test_noise_is_an_option(english: str) -> None:
    noisy = FacebookMms(model=english, device="cpu")
    noisy.load()
    assert say(noisy) != say(noisy)


def test_speeds_multiply(voice: FacebookMms, english: str) -> None:
    slow, normal = seconds(say(voice, speed=0.5)), seconds(say(voice))
    assert 1.5 < slow / normal < 2.5
    fast = FacebookMms(model=english, device="cpu", noise_scale=0.0, noise_scale_duration=0.0, speed=2.0)
    fast.load()
    assert seconds(say(fast, speed=0.5)) == pytest.approx(normal, rel=0.05)


def test_a_sentence_is_a_piece_and_a_long_one_several(voice: FacebookMms) -> None:
    assert len(say(voice, "It was the best of times. It was the worst of times.")) == 2
    assert len(say(voice, "and it went on " * 40)) > 3


def test_the_callers_language_is_spoken_where_it_is_loaded(voice: FacebookMms) -> None:
    assert say(voice, "καλημέρα σας") == []  # the English voice knows none of its letters
    assert seconds(say(voice, "καλημέρα σας", language="el-GR")) > 0.1
    assert say(voice, language="de") == say(voice)
    assert say(voice, language="klingon") == say(voice)


def test_text_of_letters_that_it_lacks_is_nothing(voice: FacebookMms) -> None:
    assert say(voice, "你好") == []


def test_numbers_are_words_in_english(voice: FacebookMms) -> None:
    assert say(voice, "room 12") == say(voice, "room twelve")
    assert say(voice, "12", language="el") == []


def test_a_voice_of_other_letters_can_be_its_own(greek: str) -> None:
    stage = FacebookMms(language="el", model=greek, device="cpu")
    stage.load()
    assert 0 < stage._gains["ell"] < 100
    assert seconds(say(stage, "καλημέρα σας")) > 0.1


def test_a_language_in_latin_letters_wants_uroman(monkeypatch: pytest.MonkeyPatch) -> None:
    korean = str(suite.built("mms-romanised", mms_voice.romanised))
    stage = FacebookMms(language="ko", model=korean, device="cpu")
    stage.load()
    assert seconds(say(stage, "안녕하세요")) > 0.1
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(ValueError, match="it reads its language in Latin letters only; pip install uroman"):
        FacebookMms(language="ko", model=korean, device="cpu").load()


def test_voices_of_several_rates_are_told(english: str) -> None:
    other = str(suite.built("mms-other-rate", mms_voice.of_another_rate))
    with pytest.raises(ValueError, match=r"several sample rates, \[16000, 22050\]"):
        FacebookMms(model=english, languages={"de": other}, device="cpu").load()


@pytest.mark.parametrize("told", ["cancel", "live"])
def test_what_runs_ends_before_its_next_layer(voice: FacebookMms, told: str) -> None:
    call, running, go_on = Call("caller", 1, Settings()), threading.Event(), threading.Event()

    def wait(module: object, inputs: object) -> None:
        running.set()
        go_on.wait(10)

    def speak() -> None:
        sounds.extend(voice.run(call, Clause(text=TEXT)))

    sounds: list[Sound] = []
    hook = voice._voices["eng"][0].text_encoder.register_forward_pre_hook(wait)
    thread = threading.Thread(target=speak)
    thread.start()
    assert running.wait(10)
    hook.remove()
    if told == "cancel":
        voice.cancel(call)
    else:
        call.live = False
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()
    assert sounds == []
    assert seconds(say(voice)) > 0.2


def test_loudness_is_an_option(english: str) -> None:
    gains = []
    for level in (-18.0, -24.0, None):
        stage = FacebookMms(model=english, device="cpu", noise_scale=0.0, noise_scale_duration=0.0, level_db=level)
        stage.load()
        gains.append(stage._gains["eng"])
    assert gains[0] / gains[1] == pytest.approx(2, rel=0.01)
    assert gains[2] == 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_number_formats(english: str, dtype: str) -> None:
    stage = FacebookMms(model=english, device="cpu", dtype=dtype)  # type: ignore[arg-type]
    stage.load()
    assert str(next(stage._voices["eng"][0].parameters()).dtype) == f"torch.{dtype}"
    assert seconds(say(stage)) > 0.2


def test_a_device_that_is_not_there(english: str) -> None:
    with pytest.raises(ValueError, match=r"device: torch .* finds no mps here; choose device=cpu"):
        FacebookMms(model=english, device="mps").load()


def test_a_folder_without_a_voice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no model's folder: config\.json, vocab\.json not in"):
        FacebookMms(model=str(tmp_path)).load()


def test_the_default_voice_is_fetched_from_its_hub(english: str) -> None:
    suite.from_hub(FacebookMms(), Path(english))
