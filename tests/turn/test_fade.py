"""A firm voice that falls off: its words are recognised a hop before the silence, and nobody is taken at a waver."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.messages import Speech, Transcript
from s2s.stage import Call
from s2s.turn.ear import Ear
from s2s.turn.endpointer import Endpointer
from s2s.turn.fused import Fused
from s2s.turn.silence import Silence
from s2s.turn.smart import Smart
from tests.turn.mouth import HOP_MS, Mouth, hop, marks, sound

OPENS, FIRM = 2, 8
"""Hops that open a turn, and hops in it after which a voice is firm: the first that are 250 ms."""


def firm(stage: Endpointer | None = None, hops: int = FIRM) -> Mouth:
    """A caller who has spoken firmly for so long."""
    mouth = Mouth(stage or Fused(piece_ms=9999))
    assert marks(mouth.say(*[0.9] * (OPENS + hops))) == ["start"]
    return mouth


@pytest.mark.parametrize("stage", [Fused(piece_ms=9999), Smart(piece_ms=9999, soft_ms=32)])
def test_a_firm_voice_that_falls_off_has_paused_on_that_hop(stage: Endpointer) -> None:
    mouth = firm(stage)
    (pause,) = mouth.say(0.6)
    assert (pause.mark, pause.at_ms, pause.quiet_ms) == ("pause", (OPENS + FIRM + 1) * HOP_MS, 0.0)
    assert pause.pcm == b"".join(hop(n) for n in range(OPENS, OPENS + FIRM + 1)), "all of the turn so far has left"


@pytest.mark.parametrize(("hops", "said"), [(FIRM - 1, []), (FIRM, ["pause"]), (40, ["pause"])])
def test_a_voice_is_firm_after_a_quarter_of_a_second(hops: int, said: list[str]) -> None:
    assert marks(firm(hops=hops).say(0.6)) == said


@pytest.mark.parametrize(("speech", "said"), [(0.8, []), (0.79, ["pause"]), (0.4, ["pause"]), (0.0, ["pause"])])
def test_a_voice_falls_off_below_what_is_firm(speech: float, said: list[str]) -> None:
    assert marks(firm().say(speech)) == said


def test_silence_after_a_fade_is_the_same_pause() -> None:
    mouth = firm()
    assert marks(mouth.say(0.6)) == ["pause"]
    assert marks(mouth.say(*[0.0] * 5)) == []


def test_a_turn_that_faded_ends_after_the_same_silence() -> None:
    def quiet_ms(*last: float) -> float:
        mouth, out = firm(), list[Speech]()
        mouth.say(*last)
        while "end" not in marks(out):
            out += mouth.say(0.0)
        assert "resume" not in marks(out) and "pause" not in marks(out)[1:]
        return out[-1].quiet_ms

    assert quiet_ms(0.6) == quiet_ms()


@pytest.mark.parametrize("speech", [0.4, 0.6, 0.79, 0.9])
def test_a_voice_that_did_not_fall_silent_after_all_goes_on(speech: float) -> None:
    mouth = firm()
    mouth.say(0.6)
    (resume,) = mouth.say(speech)
    assert (resume.mark, resume.at_ms) == ("resume", (OPENS + FIRM + 1) * HOP_MS)
    assert resume.pcm == hop(OPENS + FIRM + 1)
    assert marks(mouth.say(*[0.6, 0.79] * 10)) == [], "and has to be firm again before it can fade"
    assert marks(mouth.say(*[0.9] * FIRM, 0.6)) == ["pause"]


def test_a_soft_voice_that_wavers_never_pauses() -> None:
    mouth = Mouth(Fused(piece_ms=9999))
    assert marks(mouth.say(*[0.6, 0.7, 0.79, 0.65] * 25)) == ["start"]
    assert marks(mouth.say(*[0.9, 0.9, 0.9, 0.6] * 25)) == [], "nor one that is firm for a moment"


def test_words_that_come_before_the_silence_prepare_nothing_yet() -> None:
    mouth = firm()
    mouth.say(0.6)
    assert mouth.tell(Transcript(text="What time is it now in Lisbon?")) == []
    assert marks(mouth.say(0.0)) == ["ripe"], "but their answer need not wait for them"


def test_a_fade_is_no_pause_to_learn_from() -> None:
    learnt: list[float] = []

    class Learning(Fused):
        def resumed(self, call: Call, quiet_ms: float) -> None:
            learnt.append(quiet_ms)

    mouth = firm(Learning(piece_ms=9999))
    assert marks(mouth.say(0.6, 0.9)) == ["pause", "resume"] and learnt == []
    assert marks(mouth.say(0.0, 0.0, 0.9)) == ["pause", "resume"] and learnt == [2 * HOP_MS]


@pytest.mark.parametrize("soft_ms", [200, 64, None])
def test_who_waits_for_a_longer_silence_is_told_of_no_fade(soft_ms: int | None) -> None:
    mouth = firm(Silence(piece_ms=9999, soft_ms=soft_ms, silence_ms=9999))
    assert marks(mouth.say(0.6, 0.6, *[0.9] * FIRM, 0.6, 0.9)) == []
    hops = 0 if soft_ms is None else -(-soft_ms // HOP_MS)
    out = mouth.say(*[0.9] * FIRM, 0.6, *[0.0] * 20)
    assert marks(out) == (["pause", "ripe"] if hops else [])
    if hops:
        assert out[0].quiet_ms == hops * HOP_MS


@given(st.lists(st.tuples(st.sampled_from([0.95, 0.6, 0.4, 0.0]), st.integers(1, 12)), max_size=20))
def test_marks_alternate_and_no_sound_is_lost_however_a_voice_fades(runs: list[tuple[float, int]]) -> None:
    mouth = Mouth(Fused(prefix_ms=99999))
    out = mouth.say(*[0.9] * 12, *[chance for chance, count in runs for _ in range(count)])
    out += mouth.stage.commit(mouth.call)
    assert sound(out) == b"".join(hop(n) for n in range(mouth.count))
    said = [mark for mark in marks(out) if mark not in ("more", "ripe")]
    after = {"start": "pause end", "pause": "resume end", "resume": "pause end", "end": "start"}
    assert all(other in after[one].split() for one, other in itertools.pairwise(said)), said


def test_an_ear_says_so_once() -> None:
    ear = Ear()
    assert not any(ear.fades(0.8, 125.0) for _ in range(2))
    assert ear.fades(0.79, 125.0)
    assert not ear.fades(0.79, 125.0) and not ear.fades(0.9, 125.0)
    assert not ear.fades(0.5, 125.0), "125 ms are not firm"
