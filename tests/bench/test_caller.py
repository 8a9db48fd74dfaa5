"""Simulated callers against a scripted graph, in virtual time: they measure what the script says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from s2s.bench.caller import BenchError, Plan, call
from s2s.bench.corpus import Corpus, Turn
from s2s.bench.link import HZ, InprocLink, told_by
from s2s.bench.record import TurnRecord, summary
from s2s.engine import Engine
from s2s.messages import Activity, Asked, Speech, Transcript
from s2s.stage import Call
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts, ScriptedTurn
from tests.engine.graphs import graph

FRAME_MS = Plan().frame_ms
LOUD = (8000).to_bytes(2, "little") * (HZ // 1000)
"""A millisecond that can be heard."""


def turn(*pieces_ms: int, kind: str = "plain") -> Turn:
    """Sound and silence in turn, as long as this."""
    pcm = b"".join((bytes(len(LOUD)) if number % 2 else LOUD) * ms for number, ms in enumerate(pieces_ms))
    return Turn(kind, "tone", "hello", pcm, HZ)


def measure(
    turns: list[Turn], plan: Plan, callers: int = 1, cuts: list[Turn] | None = None, **stages: Any
) -> list[TurnRecord]:
    """What callers of a scripted graph note."""
    records: list[TurnRecord] = []

    async def talk() -> None:
        async with Engine(graph(**stages), seed="b") as engine:
            await call(callers, plan, turns, cuts or [], lambda: InprocLink(engine), records.append)
            assert not engine.calls

    run_virtual(talk())
    return records


def test_the_gap_is_what_the_stages_take() -> None:
    stages = {
        "turn": ScriptedTurn(silence_ms=480),
        "stt": ScriptedStt(seconds=0.1),
        "llm": ScriptedLlm(words="yes, certainly.", first_seconds=0.2, seconds=0.0),
        "tts": ScriptedTts(seconds=0.05, level=8000),
    }
    records = measure([turn(1000)], Plan(turns=3, warm_up=1), **stages)
    assert [record.number for record in records] == [-1, 0, 1, 2]
    for record in records:
        stopped = record.stopped_ms or 0.0
        assert 479 < stopped < 481 + FRAME_MS  # a resampler holds some sound back, and then it takes a frame more
        assert record.heard_ms == pytest.approx(stopped + 100, abs=1)
        assert record.gap_ms == pytest.approx(stopped + 100 + 200 + 50, abs=1)
        assert (record.heard, record.answer, record.status) == ("hello", "yes, certainly.", "completed")
        assert not record.cut_in and not record.missed and record.late_ms <= 0
        assert record.answer_s == pytest.approx(0.4)


def test_silence_at_the_beginning_of_an_answer_counts_until_it_can_be_heard() -> None:
    quiet = measure([turn(1000)], Plan(turns=1, warm_up=0), tts=ScriptedTts(level=100))
    assert quiet[0].gap_ms is None and quiet[0].answer_s > 0


def test_a_pause_longer_than_the_silence_of_a_turn_is_a_cut_in() -> None:
    turns = [turn(600, 200, 600, kind="short"), turn(600, 700, 600, kind="long")]
    records = measure(turns, Plan(turns=8, warm_up=0), turn=ScriptedTurn(silence_ms=480))
    assert {(record.kind, record.cut_in) for record in records} == {("short", False), ("long", True)}
    assert all(record.gap_ms is not None for record in records)


def test_an_answer_to_a_part_of_the_turn_is_not_the_turn_s() -> None:
    stages = {"turn": ScriptedTurn(silence_ms=160), "llm": ScriptedLlm(words="yes.", first_seconds=0.0)}
    (record,) = measure([turn(600, 2000, 600)], Plan(turns=1, warm_up=0), **stages, tts=ScriptedTts(level=8000))
    assert record.cut_in and not record.missed
    assert 160 < (record.gap_ms or 0.0) < 500


def test_an_answer_that_never_comes_is_missed_and_the_next_turn_is_spoken() -> None:
    records = measure([turn(800)], Plan(turns=2, warm_up=0, miss_s=2.0), llm=ScriptedLlm(hang_at=0))
    assert [(record.missed, record.gap_ms) for record in records] == [(True, None)] * 2


def test_sound_that_comes_slower_than_it_is_played_is_late() -> None:
    (record,) = measure([turn(800)], Plan(turns=1, warm_up=0), tts=ScriptedTts(seconds=0.25, level=8000))
    pieces = round(record.answer_s / 0.1)
    assert record.late_ms == pytest.approx((pieces - 1) * 150, abs=20)


def test_a_caller_who_speaks_into_the_answer_notes_when_that_was_noticed() -> None:
    long = ScriptedLlm(words=" ".join(["word"] * 200) + ".", seconds=0.0)
    plan = Plan(turns=2, warm_up=0, interrupt=1.0)
    records = measure([turn(800)], plan, cuts=[turn(900, kind="interruption")], llm=long)
    cuts = [record for record in records if record.kind == "interruption"]
    assert len(cuts) == 2
    assert all(FRAME_MS <= (record.stop_ms or 0.0) <= 2 * FRAME_MS + 1 for record in cuts), cuts


def test_a_caller_who_vanishes_calls_again_and_only_the_others_count() -> None:
    records = measure([turn(800)], Plan(turns=20, warm_up=0, drop=0.3), tts=ScriptedTts(level=8000))
    kinds = [record.kind for record in records]
    assert 0 < kinds.count("dropped") < 20
    assert all(record.gap_ms for record in records if record.kind != "dropped")
    figures = summary(records)
    assert figures["missed"].value == 0 and figures["gap_p50"].count == kinds.count("plain")


def test_the_turn_of_a_caller_who_is_muted_ends_all_the_same() -> None:
    (record,) = measure([turn(800)], Plan(turns=1, warm_up=0, mute=1.0, miss_s=6.0), tts=ScriptedTts(level=8000))
    assert record.kind == "muted" and record.heard.startswith("hello")
    assert 3000 < (record.gap_ms or 0.0) < 5000, "the watchdog of 3 s ended it"


def test_many_callers_begin_one_after_another_and_say_turns_in_an_order_of_their_own() -> None:
    turns = [turn(400 + 40 * number, kind=str(number)) for number in range(6)]
    records = measure(turns, Plan(turns=6, warm_up=0), callers=4)
    orders = {tuple(r.kind for r in records if r.caller == caller) for caller in range(4)}
    assert len(orders) > 1 and {tuple(sorted(order)) for order in orders} == {tuple("012345")}
    again = measure(turns, Plan(turns=6, warm_up=0), callers=4)
    assert again == records


def test_a_problem_that_the_server_tells_ends_the_run_with_its_words() -> None:
    class Deaf(ScriptedTurn):
        def run(self, call: Call, item: Activity | Transcript | Asked) -> Iterator[Speech]:
            raise RuntimeError("no ears")

    with pytest.raises(BenchError, match="no ears"):
        measure([turn(400)], Plan(turns=1, warm_up=0), turn=Deaf())


def test_every_kind_of_event_is_told() -> None:
    usage = {"input_tokens": 5, "output_tokens": 3, "input_token_details": {"cached_tokens": 2}}
    done = told_by({"type": "response.done", "response": {"id": "r", "status": "completed", "usage": usage}}, 1.0)
    assert done is not None and (done.kind, done.tokens) == ("done", (5, 2, 3))
    assert told_by({"type": "rate_limits.updated"}, 1.0) is None


def test_the_shipped_corpus_is_in_the_rate_of_the_protocol() -> None:
    assert {turn.rate for turn in Corpus(rate=HZ).turns} == {HZ}


def test_a_caller_who_has_heard_enough_cancels_the_answer() -> None:
    stages = {"llm": ScriptedLlm(words="one two three. " * 20, seconds=0.1), "tts": ScriptedTts(level=8000)}
    whole, cut = (
        measure([turn(800)], Plan(turns=2, warm_up=0, listen_s=listen_s), **stages) for listen_s in (None, 0.1)
    )
    assert [record.status for record in whole + cut] == ["completed"] * 2 + ["cancelled"] * 2
    assert all(record.gap_ms is not None and not record.missed for record in cut)
    assert cut[0].answer_s < whole[0].answer_s
