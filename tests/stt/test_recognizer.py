from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.audio import pcm16
from s2s.messages import Speech, Transcript
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.recognizer import RATE, Heard, Recognizer, is_silent, quietest


@dataclass(kw_only=True)
class Reader(Recognizer):
    """Reads one word a second from the level of the sound; decoding takes `cost_s` of its own clock."""

    cost_s: float = 0.0
    lengths: list[int] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    now_s: float = 0.0

    def clock(self) -> float:
        return self.now_s

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        self.now_s += self.cost_s
        self.lengths.append(len(samples))
        self.languages.append(language)
        levels = np.rint(samples * 64).astype(int)
        starts = np.flatnonzero(np.diff(levels, prepend=0))
        return " ".join(f"w{level}" for level in levels[starts] if level)


def reader(cost_s: float = 0.0, partial_ms: int = 500, window_s: float = 8.0) -> Reader:
    stage = Reader(cost_s=cost_s, partial_ms=partial_ms, window_s=window_s)
    stage.load()
    return stage


def caller(**settings: object) -> Call:
    return Call("caller", 1, Settings(**settings))  # type: ignore[arg-type]


def spoken(words: int, first: int = 1) -> bytes:
    """Return `words` seconds: 900 ms at a level of its own, and 100 ms of silence."""
    levels = np.repeat(np.arange(first, first + words) / 64, RATE).astype(np.float32)
    levels[np.arange(len(levels)) % RATE >= RATE * 9 // 10] = 0
    return pcm16(levels)


def numbered(words: int) -> str:
    return " ".join(f"w{n}" for n in range(1, words + 1))


def hear(stage: Reader, call: Call, pcm: bytes, piece_ms: int = 200, step_s: float = 0.0) -> list[Transcript]:
    out: list[Transcript] = []
    for start in range(0, len(pcm), piece_ms * 32):
        stage.now_s += step_s
        out += stage.run(call, Speech(pcm=pcm[start : start + piece_ms * 32], rate=RATE))
    return out


def last(stage: Reader, call: Call) -> Transcript:
    (final,) = stage.finish(call)
    return final


def test_the_last_word_is_the_whole_turn() -> None:
    stage, call = reader(), caller()
    hear(stage, call, spoken(3))
    final = last(stage, call)
    assert final == Transcript(text="w1 w2 w3", final=True, stable=8)
    assert stage.lengths[-1] == 3 * RATE


def test_partials_come_no_more_often_than_partial_ms() -> None:
    stage, call = reader(partial_ms=500), caller()
    partials = hear(stage, call, spoken(4), piece_ms=100)
    assert stage.lengths == [RATE // 2 * n for n in range(1, 9)]
    assert [partial.final for partial in partials] == [False] * len(partials)


def test_partials_take_a_seventh_of_the_time_of_all_callers() -> None:
    stage, calls = reader(cost_s=0.5, partial_ms=100), [caller(), caller()]
    pcm = spoken(7)
    for start in range(0, len(pcm), 3200):
        stage.now_s += 0.1
        for call in calls:
            list(stage.run(call, Speech(pcm=pcm[start : start + 3200], rate=RATE)))
    assert 0.1 < len(stage.lengths) * 0.5 / stage.now_s <= 0.2


def test_words_that_two_hypotheses_agree_on_stay() -> None:
    stage, call = reader(), caller()
    partials = hear(stage, call, spoken(20))
    stable = ""
    for partial in partials:
        assert partial.text.startswith(stable)
        stable = partial.text[: partial.stable]
    assert stable == numbered(20)


def test_a_partial_that_says_nothing_new_is_not_sent() -> None:
    stage, call = reader(), caller()
    partials = hear(stage, call, spoken(1) + bytes(2 * 4 * RATE))
    assert [(partial.text, partial.stable) for partial in partials] == [("w1", 0), ("w1", 2)]


def test_no_decoding_is_longer_than_the_window() -> None:
    stage, call = reader(window_s=8.0), caller()
    hear(stage, call, spoken(30))
    assert last(stage, call).text == numbered(30)
    assert max(stage.lengths) <= 8 * RATE


def test_one_long_item_is_cut_too() -> None:
    stage, call = reader(), caller()
    list(stage.run(call, Speech(pcm=spoken(30), rate=RATE, mark="start")))
    list(stage.run(call, Speech(pcm=b"", rate=RATE, mark="end")))
    assert last(stage, call).text == numbered(30)
    assert max(stage.lengths) <= 8 * RATE


def test_without_partials_only_the_last_word_is_decoded() -> None:
    stage, call = reader(), caller(transcribe=False)
    assert hear(stage, call, spoken(3)) == []
    assert stage.lengths == []
    assert last(stage, call).text == "w1 w2 w3"


def test_the_end_mark_makes_no_partial() -> None:
    stage, call = reader(), caller()
    assert list(stage.run(call, Speech(pcm=spoken(2), rate=RATE, mark="end"))) == []
    assert stage.lengths == []


@pytest.mark.parametrize("pcm", [b"", spoken(1)[: 2 * 1500], bytes(2 * RATE), pcm16(np.full(RATE, 0.0005))])
def test_no_sound_short_sound_and_silence_are_no_words(pcm: bytes) -> None:
    stage, call = reader(), caller()
    assert hear(stage, call, pcm) == []
    list(stage.run(call, Speech(pcm=b"", rate=RATE, mark="end")))
    assert last(stage, call) == Transcript(text="")
    assert stage.lengths == []


def test_a_scope_without_sound_says_nothing() -> None:
    assert list(reader().finish(caller())) == []


def test_a_revoked_turn_is_not_decoded() -> None:
    stage, call = reader(), caller(transcribe=False)
    hear(stage, call, spoken(2))
    call.live = False
    assert list(stage.finish(call)) == []
    assert stage.lengths == []


def test_the_callers_language_is_passed_on() -> None:
    stage, call = reader(), caller(language="de", transcribe=False)
    hear(stage, call, spoken(1))
    assert last(stage, call).language == "de"
    assert stage.languages == ["de"]


@dataclass(kw_only=True)
class Guesser(Reader):
    """Takes a second of sound for Dutch, and more for German."""

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        return Heard(self.transcribe(samples, language), "nl" if len(samples) <= RATE else "de")


def test_the_language_is_that_of_the_longest_stretch_unless_the_caller_has_set_one() -> None:
    stage = Guesser(partial_ms=500, window_s=4.0)
    stage.load()
    call = caller()
    partials = hear(stage, call, spoken(9))
    assert [partial.language for partial in partials][:1] == ["nl"]
    assert {partial.language for partial in partials[2:]} == {"de"}
    assert last(stage, call).language == "de"
    call = caller(language="en")
    hear(stage, call, spoken(3))
    assert last(stage, call).language == "en"


@dataclass(kw_only=True)
class Interrupted(Reader):
    """Decodes in steps, and what happens at the third is `meanwhile`."""

    meanwhile: Callable[[], None] = lambda: None
    steps: int = 0

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        for step in range(5):
            if step == 2:
                self.meanwhile()
            self.check()
            self.steps += 1
        return super().transcribe(samples, language)


@pytest.mark.parametrize("by_cancel", [True, False])
def test_a_turn_that_is_revoked_while_it_is_decoded_gives_nothing(by_cancel: bool) -> None:
    stage, call = Interrupted(), caller(transcribe=False)
    stage.load()
    stage.meanwhile = lambda: stage.cancel(call) if by_cancel else setattr(call, "live", False)
    hear(stage, call, spoken(2))
    assert list(stage.finish(call)) == []
    assert stage.steps == 2


def test_a_partial_that_is_cancelled_is_left_out_and_the_turn_goes_on() -> None:
    stage, call = Interrupted(partial_ms=500), caller()
    stage.load()
    stage.meanwhile = lambda: stage.cancel(call)
    assert hear(stage, call, spoken(1)) == []
    stage.meanwhile = lambda: None
    assert hear(stage, call, spoken(1, first=2))[-1].text.startswith("w1")
    assert last(stage, call).text == "w1 w2"


def test_a_cancellation_that_comes_when_another_is_heard_stops_nobody() -> None:
    stage, late, call = Interrupted(), caller(transcribe=False), caller(transcribe=False)
    stage.load()
    hear(stage, call, spoken(2))

    def between_its_look_and_its_word() -> None:
        stage._hearing = late
        stage.cancel(late)
        stage._hearing = call

    stage.meanwhile = between_its_look_and_its_word
    assert last(stage, call).text == "w1 w2"


def test_cancelling_another_call_stops_nothing() -> None:
    stage, call = Interrupted(), caller(transcribe=False)
    stage.load()
    stage.meanwhile = lambda: stage.cancel(caller())
    hear(stage, call, spoken(2))
    assert last(stage, call).text == "w1 w2"


def test_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="Reader takes sound at 16000 Hz, not 8000; put a resampler before it"):
        list(reader().run(caller(), Speech(pcm=b"", rate=8000)))


def test_text_without_a_letter_is_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, call = reader(), caller(transcribe=False)
    monkeypatch.setattr(Reader, "transcribe", lambda *_: "♪♪ ...")
    hear(stage, call, spoken(1))
    assert last(stage, call).text == ""


def test_the_quietest_moment_is_after_the_earliest() -> None:
    samples = np.full(4 * RATE, 0.5, np.float32)
    samples[RATE // 2 : RATE // 2 + 3200] = 0
    samples[3 * RATE : 3 * RATE + 1600] = 0.01
    assert abs(quietest(samples, 2 * RATE) - (3 * RATE + 800)) <= 160


def test_silence_is_judged_by_the_loudest_tenth_of_a_second() -> None:
    samples = np.zeros(RATE, np.float32)
    assert is_silent(samples)
    samples[8000:9600] = 0.01
    assert not is_silent(samples)
