"""`tts=kokoro` on real weights: the int8 graph and five voices that packages carry."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.kokoro import Kokoro
from s2s.tts.loudness import KNEE
from s2s.weights import WeightsError, resolve
from tests.backends import suite

TEXT = "We had everything before us, we had nothing before us."
VOICES = ["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"]


@pytest.fixture(scope="module")
def kokoro() -> Kokoro:
    stage = Kokoro()
    stage.load()
    return stage


def say(kokoro: Kokoro, text: str = TEXT, index: int = 1, **settings: object) -> list[Sound]:
    call = Call("caller", 1, Settings(**settings))  # type: ignore[arg-type]
    return list(kokoro.run(call, Clause(text=text, index=index)))


def seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def joined(sounds: list[Sound]) -> NDArray[np.float32]:
    return float32(b"".join(sound.pcm for sound in sounds))


def silences_ms(sounds: list[Sound]) -> tuple[float, float]:
    """Return how long it is silent before the first audible sample and after the last one."""
    samples = joined(sounds)
    audible = np.flatnonzero(np.abs(samples) > 0.006)
    return audible[0] / 24, (len(samples) - audible[-1]) / 24


def test_conforms() -> None:
    suite.conforms("tts", Kokoro())


@pytest.mark.anyio
async def test_a_conversation() -> None:
    found = await suite.talk("tts=kokoro")
    assert found.heard <= 0.10
    assert found.said <= 0.15


@pytest.mark.parametrize(("voice", "language"), [("jf_alpha", "en-gb"), ("jm_kumo", "en-us")])
def test_it_is_understood(kokoro: Kokoro, voice: str, language: str) -> None:
    from tests.embedded.other_ears import heard_back
    from tests.embedded.speech import word_error_rate

    samples = soxr.resample(joined(say(kokoro, voice=voice, language=language)), 24000, 16000)
    heard = heard_back(TEXT, samples)
    print(f"{voice} in {language}: {heard}")
    assert word_error_rate([(TEXT, heard)]) <= 0.15


def test_the_callers_voice_is_spoken_where_there_is_one(kokoro: Kokoro) -> None:
    assert kokoro.voice_names() == VOICES
    assert joined(say(kokoro, voice="jm_kumo")).size != joined(say(kokoro)).size
    assert say(kokoro, voice="../../etc/passwd") == say(kokoro)


def test_a_clause_is_one_piece_at_the_model_s_rate_and_always_the_same(kokoro: Kokoro) -> None:
    sounds = say(kokoro)
    assert len(sounds) == 1
    assert sounds[0].rate == kokoro.rate == 24000
    assert say(kokoro) == sounds


def test_a_long_text_is_several_pieces(kokoro: Kokoro) -> None:
    assert len(say(kokoro, "and then it went on, as it had always done before, " * 12)) == 2


def test_speeds_multiply(kokoro: Kokoro) -> None:
    slow, normal, fast = (seconds(say(kokoro, speed=speed)) for speed in (0.5, 1.0, 2.0))
    assert 1.5 < slow / normal < 2.5
    assert 0.4 < fast / normal < 0.7
    own = Kokoro(speed=2.0)
    own.load()
    assert seconds(say(own)) == pytest.approx(fast, rel=0.01)


def test_the_silence_around_a_clause_is_short(kokoro: Kokoro) -> None:
    before, after = silences_ms(say(kokoro, index=0))
    assert before < 15
    assert 200 < after < 300  # it ends a sentence
    before, after = silences_ms(say(kokoro, "We had everything before us,"))
    assert 15 < before < 30
    assert 80 < after < 130


def test_loudness_is_the_same_for_all_voices(kokoro: Kokoro) -> None:
    levels = []
    for voice in VOICES:
        samples = joined(say(kokoro, voice=voice))
        power = np.array([np.square(part).mean() for part in np.array_split(samples, len(samples) // 480)])
        levels.append(10 * np.log10(power[power > power.max() / 1000].mean()))
        assert np.abs(samples).max() < 1
        assert np.mean(np.abs(samples) > KNEE) < 0.01
    print("levels in dB:", *(f"{level:.1f}" for level in levels))
    assert max(abs(level - kokoro.level_db) for level in levels) < 3  # type: ignore[operator]


def test_languages(kokoro: Kokoro) -> None:
    french = say(kokoro, "Bonjour, comment allez-vous ?", language="fr-FR")
    assert french != say(kokoro, "Bonjour, comment allez-vous ?")
    assert say(kokoro, language="en") == say(kokoro)
    assert say(kokoro, language="klingon") == say(kokoro)
    letter = Kokoro(language="b", threads=2)
    letter.load()
    assert letter._session.get_session_options().intra_op_num_threads == 2
    british = seconds(say(letter))
    assert british == seconds(say(kokoro, language="en-GB"))
    assert british != seconds(say(kokoro))


def test_the_name_of_another_language_is_not_spoken(kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    text, spoken = "le weekend à Washington (donc loin)", []
    assert "(en)" in kokoro._tokenizer.phonemize(text, "fr-fr")  # before a word that is read by English rules
    monkeypatch.setattr(kokoro, "_split", lambda phonemes: spoken.append(phonemes) or [])
    assert say(kokoro, text, language="fr") == []
    assert "(en)" not in spoken[0] and "(fr)" not in spoken[0]
    assert spoken[0].count("(") == 1


@pytest.mark.parametrize("text", ["", "   ", "...", "😀"])
def test_nothing_to_say_is_nothing(kokoro: Kokoro, text: str) -> None:
    assert say(kokoro, text) == []


def test_cancel_ends_the_inference_that_runs(kokoro: Kokoro) -> None:
    call, sounds, left_s = Call("caller", 1, Settings()), list[Sound](), list[float]()
    running = threading.Event()
    feed = kokoro._feed

    def begin(*words: object) -> object:
        running.set()
        return feed(*words)  # type: ignore[arg-type]

    kokoro._feed = begin  # type: ignore[method-assign,assignment]

    def speak() -> None:
        sounds.extend(kokoro.run(call, Clause(text="and then it went on, as it had always done before, " * 9)))
        left_s.append(time.perf_counter())

    thread = threading.Thread(target=speak)
    thread.start()
    assert running.wait(10)
    cancelled_s = time.perf_counter()
    kokoro.cancel(call)
    thread.join(10)
    kokoro._feed = feed  # type: ignore[method-assign]
    print(f"ended {1000 * (left_s[0] - cancelled_s):.0f} ms after it was cancelled")
    assert sounds == []
    assert left_s[0] - cancelled_s < 1  # unhindered it takes ten
    assert seconds(say(kokoro, "Next.")) > 0.2


def test_voices_of_a_folder_and_of_an_archive_are_alike(kokoro: Kokoro, tmp_path: Path) -> None:
    with np.load(resolve(kokoro.voices)) as archive:
        archive["jm_kumo"].astype("<f4").tofile(tmp_path / "mine.bin")
    stage = Kokoro(voices=str(tmp_path), voice="mine")
    stage.load()
    assert stage.voice_names() == ["mine"]
    assert say(stage) == say(kokoro, voice="jm_kumo")


def test_a_voice_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"voice: there is no 'bm_fable'; .* has jf_alpha, jf_gongitsune"):
        Kokoro(voice="bm_fable").load()


def test_a_language_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="language: espeak-ng has no 'klingon'; give one such as en-gb"):
        Kokoro(language="klingon").load()


def test_a_folder_without_voices(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no voices of Kokoro in .*; name an \.npz"):
        Kokoro(voices=str(tmp_path)).load()


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="device: onnxruntime has no CUDAExecutionProvider here; choose device=cpu"):
        Kokoro(device="cuda").load()
