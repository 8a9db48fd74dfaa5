"""Smart Turn, and the stage that believes it: on real speech, whole and cut off in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from s2s.audio import float32
from s2s.bench.corpus import Corpus
from s2s.messages import EndOfTurn, Speech
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.bench import Bench, Skipped
from s2s.turn.smart import Smart
from s2s.turn.smart_turn import SmartTurn
from tests.turn.mouth import Mouth, marks


def quiet_ms(verdict: float | None) -> float:
    mouth = Mouth(Smart(silence_ms=200, longest_ms=3000, unheard_ms=800))
    mouth.say(*[0.9] * 20, *[0.0] * 3)
    if verdict is not None:
        mouth.tell(EndOfTurn(probability=verdict))
    out: list[Speech] = []
    while "end" not in marks(out):
        out = mouth.say(0.0)
    return out[-1].quiet_ms


def test_a_complete_turn_ends_soon_any_other_late_and_one_that_is_not_judged_in_between() -> None:
    assert [quiet_ms(verdict) for verdict in (0.9, 0.1, None)] == [224, 3008, 800]


def test_a_verdict_is_forgotten_when_the_caller_goes_on() -> None:
    mouth = Mouth(Smart())
    mouth.say(*[0.9] * 20, *[0.0] * 3)
    mouth.tell(EndOfTurn(probability=0.9))
    assert "end" not in marks(mouth.say(*[0.9] * 3, *[0.0] * 12))


@pytest.fixture(scope="module")
def model() -> SmartTurn:
    bench = Bench(SmartTurn())
    try:
        bench.loaded()
    except Skipped as why:
        pytest.skip(str(why))
    return bench.stage  # type: ignore[return-value]


@pytest.mark.embedded
def test_speech_cut_off_in_the_middle_of_a_word_is_less_complete_than_all_of_it(model: SmartTurn) -> None:
    whole, part = [], []
    for turn in Corpus(rate=16000).of("plain"):
        sound = float32(turn.pcm)
        whole.append(model.complete(np.concatenate([sound, np.zeros(3200, np.float32)])))
        part.append(model.complete(sound[: len(sound) * 2 // 3]))
    print(f"complete: whole {np.median(whole):.2f}, two thirds {np.median(part):.2f} ({len(whole)} turns)")
    assert np.median(whole) > 0.8 and np.median(part) < 0.4


@pytest.mark.embedded
def test_a_scopes_verdict_is_on_its_last_eight_seconds_and_comes_at_its_end(model: SmartTurn) -> None:
    sound = Corpus(rate=16000).of("plain")[0].pcm
    call = Call("caller", 1, Settings())
    for _ in range(12):
        assert list(model.run(call, Speech(pcm=sound, rate=16000))) == []
    (verdict,) = model.finish(call)
    heard = float32(sound * 12)[-8 * 16000 :]
    assert verdict.probability == pytest.approx(model.complete(heard), abs=1e-6)
    assert list(model.finish(Call("caller", 2, Settings()))) == [], "a scope without sound has no verdict"
