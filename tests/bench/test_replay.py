"""Turns replayed in virtual time: what they come to is arithmetic, and hints go where a call would bring them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from s2s.bench.corpus import Turn
from s2s.bench.record import TurnRecord
from s2s.bench.recorded import Recorded
from s2s.bench.replay import Delays, Replay
from s2s.conversation.state import Wiring
from s2s.messages import Activity, EndOfTurn, Message, Transcript
from s2s.stage import Call, Stage
from s2s.turn.fused import Fused
from s2s.turn.silence import Silence
from s2s.turn.smart import Smart

HOP_MS = 32
HINTS: frozenset[type[Message]] = frozenset({Transcript, EndOfTurn})
DELAYS = Delays(stt_ms=90, endpoint_ms=120, answer_ms=220)
QUESTION = "What time is it now in Lisbon?"


class Known:
    """A judge who hears the same words and the same verdict in every sound, and counts how often."""

    def __init__(self, text: str = QUESTION, ended: float = 0.9) -> None:
        self.text, self.ended = text, ended
        self.heard: list[int] = []

    async def transcript(self, sound: bytes, rate: int) -> Transcript:
        self.heard.append(len(sound) // 2 * 1000 // rate)
        return Transcript(text=self.text)

    async def end_of_turn(self, sound: bytes, rate: int) -> EndOfTurn | None:
        return EndOfTurn(probability=self.ended)


def spoken(*hops: int, after: int = 100, end: int | None = None) -> Recorded:
    """A turn of so many hops of speech, of silence, of speech, ..., and the silence after it."""
    chances = [chance for number, count in enumerate(hops) for chance in [1.0 - number % 2] * count]
    end_ms = len(chances) * HOP_MS if end is None else end * HOP_MS
    activities = [
        Activity(pcm=np.full(512, number, "<i2").tobytes(), rate=16000, speech=chance, at_ms=number * HOP_MS)
        for number, chance in enumerate(chances + [0.0] * after)
    ]
    return Recorded(Turn("plain", "a", "words", b"", 16000), tuple(activities), end_ms)


def replay(stage: Stage, *turns: Recorded, judge: Known | None = None, **options: Any) -> list[TurnRecord]:
    """What the turns come to, one after another."""

    async def all_of_them() -> list[TurnRecord]:
        caller = Replay(stage, DELAYS, judge or Known(), **{"hints": HINTS, **options})
        return [await caller.hear(turn) for turn in turns]

    return asyncio.run(all_of_them())


def test_a_gap_is_the_silence_the_words_and_the_answer() -> None:
    (record,) = replay(Silence(silence_ms=320, soft_ms=None), spoken(20))
    assert (record.stopped_ms, record.gap_ms) == (320, 320 + 90 + 220)
    assert not record.cut_in and not record.missed


@pytest.mark.parametrize(("silence_ms", "cut_in"), [(320, True), (480, True), (500, False)])
def test_a_turn_that_ends_in_its_pause_is_cut_into_and_the_rest_is_answered(silence_ms: int, cut_in: bool) -> None:
    (record,) = replay(Silence(silence_ms=silence_ms, soft_ms=None), spoken(20, 15, 10))
    assert record.cut_in is cut_in
    waited_ms = -(-silence_ms // HOP_MS) * HOP_MS
    assert (record.stopped_ms, record.gap_ms) == (waited_ms, waited_ms + 90 + 220)


@pytest.mark.parametrize(("silence_ms", "gap_ms"), [(640, 640), (320, 64 + 90 + 220), (96, 64 + 90 + 220)])
def test_an_answer_on_trial_waits_for_the_end_and_the_end_for_it(silence_ms: int, gap_ms: float) -> None:
    (record,) = replay(Silence(silence_ms=silence_ms, soft_ms=64), spoken(20))
    assert (record.stopped_ms, record.gap_ms) == (silence_ms, gap_ms)


def test_nothing_is_prepared_where_the_deployment_does_not_speculate() -> None:
    (record,) = replay(Silence(silence_ms=320, soft_ms=64), spoken(20), wiring=Wiring(speculates=False))
    assert record.gap_ms == 320 + 220, "the words were there by then"


def test_answers_prepared_in_vain_are_limited_as_in_a_call() -> None:
    stage = Silence(silence_ms=640, soft_ms=64)
    turns = [spoken(20, 10, 20, 10, 20, 10, 20)] * 2
    gaps = [
        [record.gap_ms for record in replay(stage, *turns, wiring=Wiring(max_extra_llm=share))] for share in (0.0, 9.0)
    ]
    assert gaps == [[640 + 220, 640 + 220], [640 + 220, 640]], "two may be dropped before any was given"


def test_the_words_of_a_pause_that_is_over_are_not_asked_for() -> None:
    stage = Silence(silence_ms=640, soft_ms=64)
    short, long = Known(), Known()
    replay(stage, spoken(20, 3, 20), judge=short)  # its end is known after 128 ms, the words after 64 + 90
    replay(stage, spoken(20, 6, 20), judge=long)
    assert short.heard == [(20 + 3 + 20 + 2) * HOP_MS]
    assert long.heard == [(20 + 2) * HOP_MS, (20 + 6 + 20 + 2) * HOP_MS], "each with all of the turn so far"
    two = Known()
    replay(stage, spoken(20), spoken(20), judge=two)
    assert two.heard == [(20 + 2) * HOP_MS, 300 + (20 + 2) * HOP_MS], "and the sound before it, not the turn before"


class Told(Silence):
    """Keeps the hints that it gets."""

    def run(self, call: Call, item: Any) -> Any:
        if not isinstance(item, Activity):
            call.memory.setdefault("told", []).append(type(item))
        self.__dict__["kept"] = call.memory.get("told", [])
        return super().run(call, item)


@pytest.mark.parametrize("pause", [3, 4, 5])
def test_hints_come_to_the_open_pause_alone(pause: int) -> None:
    stage = Told(silence_ms=640, soft_ms=64)
    replay(stage, spoken(20, pause, 20))
    words, verdict = ((pause + 1) * HOP_MS >= 64 + took for took in (90, 120))
    assert stage.__dict__["kept"] == [Transcript] * words + [EndOfTurn] * verdict + [Transcript, EndOfTurn]
    quick = Told(silence_ms=160, soft_ms=64)
    replay(quick, spoken(20))
    assert quick.__dict__["kept"] == [Transcript], "the turn is over when the verdict comes"


def test_hints_of_a_turn_that_is_over_do_not_come_to_the_next() -> None:
    stage = Told(silence_ms=64, soft_ms=None)
    (record,) = replay(stage, spoken(20, 2, 20))  # the words of the first part are there when the second is open
    assert record.cut_in and stage.__dict__["kept"] == []


def test_hints_decide_when_they_are_there_and_the_graph_gives_them() -> None:
    assert [record.stopped_ms for record in replay(Smart(soft_ms=64, silence_ms=160), spoken(20))] == [64 + 120]
    assert [record.stopped_ms for record in replay(Smart(soft_ms=64, silence_ms=320), spoken(20))] == [320]
    deaf = replay(Smart(soft_ms=64, silence_ms=160, unheard_ms=800), spoken(20), hints=frozenset())
    assert [record.stopped_ms for record in deaf] == [800]
    asked, opened = (replay(Fused(), spoken(20), judge=Known(text, 0.5))[0] for text in (QUESTION, "My number is"))
    assert asked.stopped_ms is not None and opened.stopped_ms is not None
    assert asked.stopped_ms < 300 < 1500 < opened.stopped_ms


def test_one_caller_speaks_all_turns() -> None:
    words = "I have a question about it."
    alone = replay(Fused(), spoken(20), judge=Known(words))
    missed = spoken(20, after=5)
    pausing = replay(Fused(), *[spoken(20, 40, 20)] * 6, missed, spoken(20), judge=Known(words))
    assert alone[0].stopped_ms is not None and pausing[-1].stopped_ms is not None
    assert pausing[-1].stopped_ms > alone[0].stopped_ms + 64


def test_a_turn_that_does_not_end_is_missed_and_the_next_is_one_of_its_own() -> None:
    missed, other = replay(Silence(silence_ms=2000, soft_ms=64), spoken(20, after=30), spoken(20))
    assert missed.missed and missed.gap_ms is None and missed.stopped_ms is None and not missed.cut_in
    assert (other.gap_ms, other.missed) == (2016, False)
