"""Speech for recognisers that are tried in an environment of their own, and one that can be watched and stopped."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable
from typing import Any

import numpy as np

from s2s.messages import Speech, Transcript
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.recognizer import RATE, Recognizer
from tests.embedded.speech import CITIES, TURNS, turn_sound, word_error_rate

PATIENCE_S = 60.0


def caller(**settings: object) -> Call:
    """Return a call that wants no partials, unless it says so."""
    return Call("caller", 1, Settings(**{"transcribe": False, **settings}))  # type: ignore[arg-type]


def samples(number: int = 0) -> np.ndarray:
    """Return a turn of the recording as float samples at 16 kHz."""
    return turn_sound(number, RATE).astype("f4") / 32768


def speak(stage: Recognizer, call: Call, pcm: bytes) -> list[Transcript]:
    """Return what a recogniser sends for a turn."""
    out = list(stage.run(call, Speech(pcm=pcm, rate=RATE, mark="start")))
    return out + list(stage.finish(call))


def last_word(stage: Recognizer, number: int = 0, **settings: object) -> Transcript:
    """Return the final transcript of a turn of the recording."""
    return speak(stage, caller(**settings), turn_sound(number, RATE).tobytes())[-1]


def error_rate(stage: Recognizer) -> float:
    """Return the pooled word error rate of a recogniser on all turns of the recording."""
    return word_error_rate([(text, last_word(stage, number).text) for number, (*_, text) in enumerate(TURNS)])


def whole() -> bytes:
    """Return the recording of 44 s: a turn longer than any window."""
    with wave.open(str(CITIES)) as file:
        return file.readframes(file.getnframes())


def watched(kind: type[Recognizer], **options: Any) -> Any:
    """Return a recogniser whose questions whether it is still wanted are counted; `at` says what happens at which."""

    class Watched(kind):  # type: ignore[valid-type, misc]
        checks = 0
        at: dict[int, Callable[[], None]] = {}

        def check(self) -> None:
            self.checks += 1
            self.at.get(self.checks, lambda: None)()
            super().check()

    return Watched(**options)


def leaves_in_the_middle(stage: Any, by_cancel: bool) -> None:
    """Stop a loaded, watched recogniser in the middle, from another thread: it ends at once and hears the next turn."""
    stage.checks, stage.at = 0, {}
    expected = last_word(stage)
    count = stage.checks
    assert count >= 3, "it is asked too seldom to be left in the middle"
    stage.checks, reached, stopped = 0, threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert stopped.wait(PATIENCE_S)

    stage.at = {count // 2: wait}
    call = caller()
    heard: list[Transcript] = []
    thread = threading.Thread(target=lambda: heard.extend(speak(stage, call, turn_sound(0, RATE).tobytes())))
    thread.start()
    assert reached.wait(PATIENCE_S)
    if by_cancel:
        stage.cancel(call)
    else:
        call.live = False
    stopped.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert heard == [], "words of a turn that was revoked"
    assert stage.checks == count // 2, "it went on after it was stopped"
    stage.at = {}
    assert last_word(stage) == expected
