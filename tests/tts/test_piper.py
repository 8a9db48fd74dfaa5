from __future__ import annotations

import math
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.loudness import KNEE
from s2s.tts.piper import Piper
from s2s.weights import WeightsError

pytestmark = pytest.mark.embedded


TEXTS = [
    "Yes.",
    "Great question!",
    "The most exciting time in life",
    "I'm sorry, I didn't catch that.",
    "The weather today is sunny with a high of twenty five degrees.",
    "and then it went on and on, as it had always done before.",
]
LONG = "We had everything before us, we had nothing before us, as it had always been before."


@pytest.fixture(scope="module")
def piper() -> Piper:
    stage = Piper(noise_scale=0.0, noise_w_scale=0.0)
    stage.load()
    return stage


@pytest.fixture(scope="module")
def whole() -> Piper:
    """Return one that speaks a sentence at once."""
    stage = Piper(noise_scale=0.0, noise_w_scale=0.0, first_ms=0)
    stage.load()
    return stage


def caller(speed: float = 1.0) -> Call:
    return Call("caller", 1, Settings(speed=speed))


def say(piper: Piper, text: str, speed: float = 1.0, index: int = 0) -> list[Sound]:
    return list(piper.run(caller(speed), Clause(text=text, index=index)))


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def joined(sounds: list[Sound]) -> NDArray[np.float32]:
    return float32(b"".join(sound.pcm for sound in sounds))


def level_db(samples: NDArray[np.float32]) -> float:
    """Return the RMS of speech, without its pauses."""
    power = np.array([np.square(part).mean() for part in np.array_split(samples, len(samples) // 441)])
    return 10 * math.log10(power[power > power.max() / 1000].mean())


def silence_ms(sounds: list[Sound]) -> float:
    """Return how long it is until something is heard."""
    return int(np.argmax(np.abs(joined(sounds)) > 0.003)) * 1000 / sounds[0].rate


def test_a_sentence_is_of_a_likely_length(piper: Piper) -> None:
    sounds = say(piper, "Hello, how can I help you today?")
    assert {sound.rate for sound in sounds} == {22050}
    assert 1.2 < seconds(sounds) < 3.0


def test_clauses_are_alike_in_level_and_none_is_cut_off(piper: Piper) -> None:
    clauses = [joined(say(piper, text)) for text in TEXTS]
    levels = [level_db(clause) for clause in clauses]
    assert max(levels) - min(levels) < 6  # a shout is louder than an aside
    assert abs(np.mean(levels) - piper.level_db) < 1.5
    for clause in clauses:
        assert np.abs(clause).max() < 1.0
        assert np.mean(np.abs(clause) > KNEE) < 0.003  # what the limiter bends at all


def test_what_is_too_loud_is_bent_and_not_clipped(piper: Piper, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = joined(say(piper, "Great question!"))
    monkeypatch.setitem(piper._gains, None, 2 * piper._gains[None])
    louder = joined(say(piper, "Great question!"))[-len(usual) :]
    assert np.abs(usual).max() > 0.6
    assert KNEE < np.abs(louder).max() < 1.0


def test_the_first_piece_is_short_and_the_others_grow(piper: Piper) -> None:
    lengths = [len(sound.pcm) // 2 for sound in say(piper, LONG, index=1)]
    assert lengths[0] == 12 * 256  # frames nearest to 140 ms
    assert lengths[1:3] == [2 * lengths[0], 4 * lengths[0]]
    assert len(lengths) > 3


@pytest.mark.parametrize("text", ["Hi.", "The most exciting time", "One. Two, three. Four!"])
def test_pieces_joined_are_the_whole(piper: Piper, whole: Piper, text: str) -> None:
    one, other = joined(say(piper, text, index=1)), joined(say(whole, text, index=1))
    assert len(one) == len(other)
    assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()  # 60 dB below the peak, at the seams too


def test_whole_is_a_piece_for_each_sentence(whole: Piper) -> None:
    assert len(say(whole, "One. Two, three. Four!")) == 3


def test_an_answers_first_word_comes_at_once(piper: Piper) -> None:
    text = "The most exciting time"
    first, later = say(piper, text), say(piper, text, index=1)
    assert silence_ms(first) < 3
    assert silence_ms(later) > 30
    dropped = len(joined(later)) - len(joined(first))
    assert np.array_equal(joined(later)[dropped:], joined(first))
    assert len(first[0].pcm) > 0.04 * 2 * first[0].rate  # enough to bridge until the next piece


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
    while "stop" not in call.state:
        time.sleep(0)
    cancelled_s = time.perf_counter()
    piper.cancel(call)
    thread.join(10)
    assert sounds == []
    assert left_s[0] - cancelled_s < 0.5  # unhindered it takes seconds
    assert seconds(say(piper, "Next.")) > 0.2


def test_a_revoked_call_hears_no_further_piece(piper: Piper) -> None:
    call = caller()
    running = piper.run(call, Clause(text=LONG))
    next(running)
    call.live = False
    assert list(running) == []


def test_cancel_between_pieces_ends_the_clause(piper: Piper) -> None:
    call = caller()
    running = piper.run(call, Clause(text=LONG))
    next(running)
    piper.cancel(call)
    assert list(running) == []
    assert len(list(piper.run(call, Clause(text=LONG)))) > 3  # the next clause is none of its business


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
