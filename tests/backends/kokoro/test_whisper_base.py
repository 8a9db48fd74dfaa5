"""Whisper base hears what is no English: Kokoro speaks it here, by Japanese voices and each language's own sounds."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import soxr

from s2s.audio import pcm16
from s2s.messages import Clause
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.faster_whisper import FasterWhisper
from s2s.stt.recognizer import RATE
from s2s.tts.kokoro import Kokoro
from tests.backends import hearing, suite
from tests.backends.torch import whisper
from tests.embedded.speech import word_error_rate

SPANISH = "Hola, buenos días. Me llamo Pedro y vivo en Madrid con mi familia."
PORTUGUESE = "Bom dia, eu moro em Lisboa com a minha família."


@functools.cache
def stage() -> FasterWhisper:
    made = FasterWhisper(model=str(suite.built("whisper-base-ct2", whisper.base_ct2)))
    made.load()
    return made


@functools.cache
def spoken(language: str, text: str) -> bytes:
    voice = Kokoro(language=language)
    voice.load()
    sounds = list(voice.run(Call("caller", 1, Settings()), Clause(text=text)))
    samples = np.frombuffer(b"".join(sound.pcm for sound in sounds), "<i2").astype("f4") / 32768
    return pcm16(soxr.resample(samples, sounds[0].rate, RATE))


@pytest.mark.parametrize(
    ("spoken_in", "text", "told", "language"),
    [("es", SPANISH, None, "es"), ("es", SPANISH, "es-MX", "es-MX"), ("pt-br", PORTUGUESE, "pt", "pt")],
)
def test_another_language_is_heard(spoken_in: str, text: str, told: str | None, language: str) -> None:
    final = hearing.speak(stage(), hearing.caller(language=told), spoken(spoken_in, text))[-1]
    rate = word_error_rate([(text, final.text)])
    print(f"\nfaster-whisper base, {spoken_in}, told {told}: WER {rate:.3f}: {final.text} ({final.language})")
    assert final.language == language
    assert rate <= 0.10
