"""Answers on trial: begun when a pause is long enough, kept while the words stay the same, dropped when they change."""

from __future__ import annotations

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.state import Wiring
from s2s.conversation.trial import FREE, same
from s2s.messages import Transcript
from tests.conversation.bench import Bench


def paused(bench: Bench, text: str = "What is it?", ripe: bool = True) -> int:
    """Speak a turn up to a pause whose words are known; return the turn's scope."""
    bench.do(ev.Spoken(mark="start", at_ms=0))
    scope = bench.scopes[-1]
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text=text)))
    if ripe:
        bench.do(ev.Spoken(mark="ripe", at_ms=950))
    return scope


def asked(bench: Bench) -> list[str]:
    return [effect.item.lines[-1].text for effect in bench.effects if isinstance(effect, ev.Send)]


def go_on(bench: Bench, text: str) -> list[f.Fact]:
    """Go on after a pause, and end the turn with these words; return what is told from then on."""
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    scope = bench.scopes[-1]
    bench.do(ev.Spoken(mark="pause", at_ms=1100))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text=text)))
    bench.do(ev.Spoken(mark="ripe", at_ms=1150))
    return bench.do(ev.Spoken(mark="end", at_ms=1500))


def test_a_pause_alone_prepares_no_answer() -> None:
    bench = Bench()
    paused(bench, ripe=False)
    assert asked(bench) == []
    bench.do(ev.Spoken(mark="ripe", at_ms=950))
    assert asked(bench) == ["What is it?"] and not any(isinstance(fact, f.ResponseCreated) for fact in bench.told)


def test_the_same_words_in_other_clothes_keep_the_answer() -> None:
    bench = Bench()
    paused(bench)
    told = go_on(bench, "what is it")
    assert asked(bench) == ["What is it?"]
    assert [type(fact).__name__ for fact in told][-2:] == ["TurnText", "ResponseCreated"]
    assert bench.state.dropped == 0 and bench.state.answers == 1


def test_other_words_drop_the_answer_and_ask_anew() -> None:
    bench = Bench()
    paused(bench)
    go_on(bench, "What is it made of?")
    assert asked(bench) == ["What is it?", "What is it made of?"]
    assert bench.state.dropped == 1 and bench.state.answers == 1


def test_a_partial_that_goes_beyond_the_words_drops_the_answer() -> None:
    bench = Bench()
    paused(bench)
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    scope = bench.scopes[-1]
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is", final=False)))
    assert bench.state.on_trial
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it made", final=False)))
    assert not bench.state.on_trial


def test_speech_that_is_more_than_a_breath_drops_the_answer() -> None:
    bench = Bench()
    paused(bench)
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    bench.do(ev.Spoken(mark="more", at_ms=1100))
    assert bench.state.on_trial
    bench.do(ev.Spoken(mark="more", at_ms=1250))
    assert not bench.state.on_trial


def test_a_turn_that_ends_with_other_words_than_its_answer_is_to_is_answered_anew() -> None:
    bench = Bench()
    paused(bench)
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    scope = bench.scopes[-1]
    bench.do(ev.Spoken(mark="end", at_ms=1100))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it not?")))
    assert asked(bench) == ["What is it?", "What is it not?"]
    assert sum(isinstance(fact, f.ResponseCreated) for fact in bench.told) == 1


def test_no_more_is_prepared_in_vain_than_is_paid_for() -> None:
    bench = Bench(wiring=Wiring(max_extra_llm=0.0))
    for number in range(FREE + 3):
        paused(bench, f"and {number}")
        bench.do(ev.Cleared())
    assert len(asked(bench)) == FREE
    paused(bench, "and what now")
    assert len(asked(bench)) == FREE
    bench.do(ev.Spoken(mark="end", at_ms=1500))
    assert asked(bench)[FREE:] == ["and what now"], "a turn that is over is answered whatever it costs"


def test_nothing_is_prepared_where_nobody_wants_it() -> None:
    bench = Bench(wiring=Wiring(speculates=False))
    paused(bench)
    assert asked(bench) == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("Yes, please.", "yes please", True), ("It's 4.", "its 4", True), ("yes", "yes yes", False), ("", "...", True)],
)
def test_words_are_the_same_whatever_their_marks(one: str, other: str, alike: bool) -> None:
    assert same(one, other) is alike
