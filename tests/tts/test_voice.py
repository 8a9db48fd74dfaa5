from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.loudness import Floats
from s2s.tts.voice import SAMPLE, Voice

RATE = 8000


@dataclass(kw_only=True)
class Hum(Voice):
    """Hums 10 ms for each letter, after 100 ms of silence; the voice `loud` does so at ten times the loudness."""

    honours = frozenset({"voice"})
    sends_hz = RATE

    @property
    def rate(self) -> int:
        return RATE

    def voice_of(self, call: Call) -> str:
        return call.settings.voice or "soft"

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        self.asked = [*getattr(self, "asked", []), text]
        peak = 0.5 if self.voice_of(call) == "loud" else 0.05
        yield np.zeros(RATE // 10, np.float32)
        for _ in text:
            if "!" in text and call.state["stop"].is_set():
                raise RuntimeError("the run was terminated")
            yield (peak * np.sin(np.arange(RATE // 100) * 2 * np.pi * 200 / RATE)).astype(np.float32)


def loaded(**options: float | None) -> Hum:
    hum = Hum(**options)  # type: ignore[arg-type]
    hum.load()
    return hum


def caller(voice: str | None = None) -> Call:
    return Call("caller", 1, Settings(voice=voice))


def say(hum: Hum, text: str = "hum", voice: str | None = None, index: int = 0) -> list[Sound]:
    return list(hum.run(caller(voice), Clause(text=text, index=index)))


def joined(sounds: list[Sound]) -> Floats:
    return float32(b"".join(sound.pcm for sound in sounds))


def level_db(samples: Floats) -> float:
    return 10 * math.log10(np.square(samples).mean())


@pytest.mark.parametrize("voice", ["soft", "loud"])
def test_voices_come_to_the_same_level(voice: str) -> None:
    assert level_db(joined(say(loaded(level_db=-20.0, lead_ms=0), voice=voice))) == pytest.approx(-20, abs=0.3)


def test_without_a_level_a_voice_is_as_loud_as_it_is() -> None:
    assert np.abs(joined(say(loaded(level_db=None), voice="loud"))).max() == pytest.approx(0.5, abs=0.01)


def test_each_voice_is_measured_once() -> None:
    hum = loaded()
    for voice in ("loud", "soft", "loud"):
        say(hum, voice=voice)
    assert hum.asked.count(SAMPLE) == 2


def test_a_cancelled_measure_counts_for_nothing() -> None:
    hum, call = loaded(), caller("loud")
    speak = hum.speak

    def cancelled(call: Call, text: str) -> Iterator[Floats]:
        hum.cancel(call)
        return speak(call, text)

    hum.speak = cancelled  # type: ignore[method-assign]
    assert list(hum.run(call, Clause(text="hum"))) == []
    assert list(hum._gains) == ["soft"]


@pytest.mark.parametrize(("index", "lead_ms", "left_ms"), [(0, 10, 110), (0, None, 200), (1, 10, 200), (0, 0, 100)])
def test_only_an_answers_first_word_comes_at_once(index: int, lead_ms: int | None, left_ms: int) -> None:
    sounds = say(loaded(lead_ms=lead_ms), "ten letter", index=index)
    assert 1000 * len(joined(sounds)) / RATE == pytest.approx(left_ms, abs=1)


@pytest.mark.parametrize("text", ["", "   ", "...", "—!?", "😀"])
def test_nothing_to_say_is_nothing(text: str) -> None:
    hum = loaded()
    assert say(hum, text) == []
    assert text not in hum.asked


def test_a_revoked_call_hears_no_further_piece() -> None:
    call = caller()
    running = loaded().run(call, Clause(text="hum", index=1))
    next(running)
    call.live = False
    assert list(running) == []


def test_a_cancelled_clause_ends_and_the_next_one_is_spoken() -> None:
    hum, call = loaded(), caller()
    running = hum.run(call, Clause(text="hum", index=1))
    next(running)
    hum.cancel(call)
    assert list(running) == []
    assert len(list(hum.run(call, Clause(text="hum", index=1)))) == 4


def test_what_ends_a_cancelled_run_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    hum, call = loaded(), caller()
    running = hum.run(call, Clause(text="hum!", index=0))
    monkeypatch.setattr(hum, "stopped", lambda call: False)  # it is cancelled while the runtime runs
    next(running)
    hum.cancel(call)
    assert list(running) == []


def test_an_error_of_a_clause_that_is_wanted_is_one() -> None:
    hum = loaded()

    def speak(call: Call, text: str) -> Iterator[Floats]:
        raise RuntimeError("out of memory")

    hum.speak = speak  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="out of memory"):
        say(hum)


def test_to_cancel_what_does_not_run_is_nothing() -> None:
    loaded().cancel(caller())


def test_cancel_comes_from_another_thread() -> None:
    hum, call = loaded(), caller()
    running = hum.run(call, Clause(text="hum" * 100, index=1))
    next(running)
    thread = threading.Thread(target=hum.cancel, args=[call])
    thread.start()
    thread.join()
    assert list(running) == []
