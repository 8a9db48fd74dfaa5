"""Both recognizers of the embedded stack, on a person's voice."""

from __future__ import annotations

import functools
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np
import pytest

from s2s.bench.corpus import Corpus
from s2s.messages import Speech, Transcript
from s2s.paths import PACKAGE
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.faster_whisper import FasterWhisper
from s2s.stt.moonshine import Moonshine, vocabulary
from s2s.stt.recognizer import RATE, Heard, Recognizer
from s2s.weights import WeightsError

pytestmark = pytest.mark.embedded

SPEECH = PACKAGE / "bench" / "corpus" / "two_cities.wav"
TEXT = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness,
it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were
all going direct to Heaven, we were all going direct the other way - in short, the period was so far like the present
period, that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative
degree of comparison only."""


@pytest.fixture(scope="module", params=[FasterWhisper, Moonshine])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    stage: Recognizer = request.param(partial_ms=1500)
    stage.load()
    return stage


@pytest.fixture(scope="module")
def speech() -> bytes:
    with wave.open(str(SPEECH)) as file:
        return file.readframes(file.getnframes())


def caller(**settings: object) -> Call:
    return Call("caller", 1, Settings(**settings))  # type: ignore[arg-type]


def hear(stage: Recognizer, call: Call, pcm: bytes) -> Iterator[Transcript]:
    for start in range(0, len(pcm), 6400):
        yield from stage.run(call, Speech(pcm=pcm[start : start + 6400], rate=RATE))
    yield from stage.finish(call)


def error_rate(text: str, heard: str) -> float:
    plain = [re.sub(r"[^a-z' ]+", " ", words.lower()) for words in (text, heard)]
    return float(jiwer.wer(*plain))


def test_an_utterance(recognizer: Recognizer, speech: bytes) -> None:
    *_, final = hear(recognizer, caller(transcribe=False), speech[: int(7.9 * 32000)])
    assert final.final
    assert error_rate(" ".join(TEXT.split()[:24]), final.text) <= 0.05


def test_a_turn_of_44_seconds(recognizer: Recognizer, speech: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    hear_once = recognizer.hear

    def counted(samples: np.ndarray, language: str | None, draft: tuple[int, ...]) -> Heard:
        lengths.append(len(samples))
        return hear_once(samples, language, draft)

    monkeypatch.setattr(recognizer, "hear", counted)
    monkeypatch.setattr(recognizer, "clock", lambda: 0.0)  # as many partials as the sound allows
    *partials, final = hear(recognizer, caller(), speech)
    assert error_rate(TEXT, final.text) <= 0.10
    assert len(partials) > 20
    assert max(lengths) <= 8 * RATE
    stable = ""
    for partial in partials:
        assert partial.text.startswith(stable)
        stable = partial.text[: partial.stable]
    assert error_rate(TEXT, partials[-1].text) <= 0.15


def test_what_was_guessed_right_is_decoded_at_once_and_what_was_not_is_corrected(
    speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Moonshine()
    stage.load()
    steps: list[int] = []
    decoder = stage._decoder

    class Counted:
        def run(self, wanted: object, feed: dict[str, np.ndarray]) -> object:
            steps.append(feed["input_ids"].shape[1])
            return decoder.run(wanted, feed)

    monkeypatch.setattr(stage, "_decoder", Counted())
    samples = np.frombuffer(speech[: int(3.9 * 32000)], "<i2").astype("f4") / 32768
    heard = stage.hear(samples, None, ())
    tokens = heard.tokens
    assert error_rate(" ".join(TEXT.split()[:12]), heard.text) < 0.1 and steps == [1] * (len(tokens) + 1)
    for draft in (tokens, tokens[:5], (*tokens[:5], 999, *tokens[6:]), (*tokens, 999), (999,)):
        right = next(
            (n for n, (a, b) in enumerate(zip(draft, tokens, strict=False)) if a != b), min(len(draft), len(tokens))
        )
        steps.clear()
        assert stage.hear(samples, None, draft) == heard
        assert steps == [len(draft) + 1] + [1] * (len(tokens) - right)


@pytest.mark.parametrize("gap_s", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
def test_a_number_after_a_pause_is_not_heard_over_and_over(gap_s: float) -> None:
    """Whisper does so with half of these, with a few whether it hears 8 s or 12."""
    turn = next(turn for turn in Corpus(rate=RATE).of("long-pause") if turn.text.startswith("My order number"))
    sound = np.frombuffer(turn.pcm, "<i2").astype("f4") / 32768
    quiet = np.convolve(np.abs(sound) < 200 / 32768, np.ones(RATE // 5), "valid") >= RATE // 5
    middle = int(np.flatnonzero(quiet).mean()) + RATE // 10
    whole = np.concatenate([sound[:middle], np.zeros(int(gap_s * RATE), "f4"), sound[middle:]])
    assert len(whisper().transcribe(whole, None).split()) <= 6


@functools.cache
def whisper() -> FasterWhisper:
    stage = FasterWhisper()
    stage.load()
    return stage


def test_noise_and_silence_are_no_words(recognizer: Recognizer) -> None:
    *_, final = hear(recognizer, caller(), bytes(4 * RATE))
    assert final.text == ""


def test_a_click_and_hiss_are_no_words_for_whisper() -> None:
    stage = whisper()
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert stage.transcribe(noise * 0.01, None) == ""
    assert stage.transcribe(np.where(np.arange(RATE) // 200 == 25, noise / 2, 0).astype(np.float32), None) == ""


def test_an_english_model_says_so_and_refuses_another_language(speech: bytes) -> None:
    stage = whisper()
    *_, final = hear(stage, caller(transcribe=False), speech[: 4 * 32000])
    assert final.language == "en"
    assert stage.transcribe(np.zeros(RATE, np.float32), "en-GB") == ""
    with pytest.raises(ValueError, match="language: this model knows English only, not 'fr'; set a multilingual model"):
        stage.transcribe(np.zeros(RATE, np.float32), "fr")


@pytest.mark.parametrize("by_cancel", [True, False])
def test_a_turn_that_is_revoked_while_it_is_decoded_gives_no_words(
    recognizer: Recognizer, speech: bytes, monkeypatch: pytest.MonkeyPatch, by_cancel: bool
) -> None:
    call, check = caller(transcribe=False), recognizer.check
    checks = []

    def revoked() -> None:
        checks.append(1)
        if by_cancel:
            recognizer.cancel(call)
        else:
            call.live = False
        check()

    with monkeypatch.context() as patch:
        patch.setattr(recognizer, "check", revoked)
        assert list(hear(recognizer, call, speech[: 4 * 32000])) == []
    assert len(checks) == 1, "it went on"
    assert [out.final for out in hear(recognizer, caller(transcribe=False), speech[: 4 * 32000])] == [True]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no Whisper for CTranslate2: model.bin and tokenizer.json not in"):
        FasterWhisper(model=str(tmp_path)).load()


def test_a_gpu_that_is_not_there_is_refused_and_one_that_does_not_work_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    with pytest.raises((RuntimeError, ValueError)):
        FasterWhisper(device="cuda").load()
    stage = FasterWhisper(device="auto")
    stage.load()
    assert stage.transcribe(np.zeros(RATE, np.float32), None) == ""
    assert "a GPU that it can't use" in caplog.text


def test_a_vocabulary_of_short_and_long_tokens(tmp_path: Path) -> None:
    long = b"x" * 300
    (tmp_path / "tokenizer.bin").write_bytes(b"\x02ab" + b"\x00" + bytes([128 + 300 % 128, 300 // 128]) + long)
    assert vocabulary(tmp_path / "tokenizer.bin") == [b"ab", b"", long]
