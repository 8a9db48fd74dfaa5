"""The embedded stack, spoken to with real human speech through the stock `openai` package."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from tests.backends.suite import talk
from tests.embedded.client import ENDED, HZ, RawCaller, SdkCaller
from tests.embedded.other_ears import heard_back
from tests.embedded.server import Server, running
from tests.embedded.speech import TURNS, turn_sound, word_error_rate

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

BUFFER_S = 0.25
"""Seconds of sound that a player holds back, so that a busy machine fails no test that is not one of speed."""


async def test_five_turns_of_real_speech_are_heard_and_answered_aloud(server: Server) -> None:
    gaps = []
    async with SdkCaller(server.url) as caller:
        await caller.be_silent(0.5)
        for number, _ in enumerate(TURNS):
            ended = await caller.speak(turn_sound(number, HZ))
            await caller.be_silent_until(lambda n=number: len(caller.answers) > n and caller.answers[n].done)
            answer = caller.answers[number]
            assert answer.done.status in ENDED
            gaps.append((answer.arrivals[0][0] - ended) * 1000)
            playing_until = answer.arrivals[0][0] + answer.seconds
            await caller.be_silent(max(0.0, playing_until - caller.loop.time()) + 0.3)
    heard = word_error_rate(list(zip((words for _, _, words in TURNS), caller.transcripts, strict=True)))
    spoken = [(answer.words, heard_back(answer.words, answer.samples)) for answer in caller.answers]
    said = word_error_rate(spoken)
    late = max(answer.late_s for answer in caller.answers)
    print(f"\ninput WER {heard:.3f}, answers' WER by another recogniser {said:.3f}, gaps {[round(g) for g in gaps]} ms")
    print(f"late by at most {late * 1000:.0f} ms; answers {[round(a.seconds, 1) for a in caller.answers]} s")
    assert len(caller.answers) == 5 and all(answer.seconds > 0.3 for answer in caller.answers)
    assert heard <= 0.10
    assert said <= 0.15, spoken
    assert late <= BUFFER_S, "the sound is always ahead of its player"


async def test_speech_over_an_answer_stops_it_and_is_answered_itself() -> None:
    """Each turn is spoken as soon as the answer before it sounds: one that is not said whole by then is stopped."""
    with running("turn=silence", "llm.enough=null", "llm.max_tokens=300") as server:
        async with SdkCaller(server.url) as caller:
            await caller.connection.session.update(
                session={"type": "realtime", "instructions": "Tell a very long story with many sentences."}
            )
            await caller.be_silent(0.3)
            for number, _ in enumerate(TURNS):
                await caller.speak(turn_sound(number, HZ))
                await caller.be_silent_until(lambda n=number: len(caller.answers) > n and caller.answers[n].arrivals)
            await caller.be_silent_until(lambda: caller.answers[-1].done)
    types = caller.types()
    stopped = [answer for answer in caller.answers if answer.done.status == "cancelled"]
    print(f"\n{len(stopped)} of {len(caller.answers)} stopped")
    assert stopped, "not one story was longer than the time until the next turn began"
    assert types.count("response.done") == len(caller.answers) == len(TURNS)
    assert all(answer.done.status in ENDED for answer in caller.answers if answer not in stopped)
    assert caller.answers[-1].done.status in ENDED and caller.answers[-1].seconds > 0.3
    onsets = [at for at, kind in enumerate(types) if kind == "input_audio_buffer.speech_started"]
    for answer in stopped:
        assert answer.done.status_details.reason == "turn_detected"
        onset = onsets[caller.answers.index(answer) + 1]
        later = [event for _, event in caller.events[onset + 1 :] if getattr(event, "response_id", "") == answer.id]
        assert not [event.type for event in later if event.type.endswith(".delta")], "nothing stale afterwards"


async def test_eight_callers_share_one_copy_of_each_model(server: Server) -> None:
    async def converse(number: int, turns: int, gaps: list[float], late: list[float]) -> None:
        async with RawCaller(server.url) as caller:
            await caller.be_silent(0.3 + number * 3.0 / 8)
            for turn in range(turns):
                ended = await caller.speak(turn_sound(turn, HZ))
                await caller.be_silent_until(lambda n=turn: len(caller.answers) > n and caller.answers[n].done, 60)
                answer = caller.answers[turn]
                assert answer.done.status in ENDED and answer.arrivals
                gaps.append(answer.arrivals[0][0] - ended)
                late.append(answer.late_s)
                playing_until = answer.arrivals[0][0] + answer.seconds
                await caller.be_silent(max(0.0, playing_until - caller.loop.time()) + 0.2)

    warm: list[float] = []
    await asyncio.gather(*(converse(n, 1, warm, []) for n in range(8)))
    await converse(0, 1, warm, [])
    one_mb = server.rss_mb()
    gaps: list[float] = []
    late: list[float] = []
    await asyncio.gather(*(converse(n, 2, gaps, late) for n in range(8)))
    eight_mb = server.rss_mb()
    median, p95 = statistics.median(gaps), sorted(gaps)[int(0.95 * len(gaps))]
    growth = (eight_mb - one_mb) / 7
    print(f"\n8 callers, {len(gaps)} turns: gap median {median:.2f} s, p95 {p95:.2f} s, late {max(late) * 1000:.0f} ms")
    print(f"RSS {one_mb:.0f} -> {eight_mb:.0f} MB: {growth:.2f} MB a caller")
    assert len(gaps) == 16
    assert growth <= 3.0


async def test_the_other_recogniser_of_the_stack_hears_a_conversation() -> None:
    found = await talk("stt=moonshine")
    assert found.heard <= 0.15 and found.said <= 0.15  # it writes "time" for "times" and "a" for "the"
