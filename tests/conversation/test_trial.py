"""Answers on trial: begun when a pause is long enough, kept while the words stay the same, dropped when they change."""

from __future__ import annotations

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.state import Wiring
from s2s.conversation.trial import FREE, same
from s2s.messages import Line, Reply, ReplyEnd, Transcript
from s2s.settings import Detection, Settings
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


READS_AHEAD = Wiring(primes=True)


def speaking(bench: Bench, *partials: str) -> int:
    """Open a turn in which so much is heard by now; return its scope."""
    bench.do(ev.Spoken(mark="start", at_ms=0))
    scope = bench.scopes[-1]
    for text in partials:
        bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text=text, final=False)))
    return scope


def primed(bench: Bench) -> list[tuple[str, str]]:
    """How and what the language model was to read ahead."""
    return [(prime.ahead, prime.item.lines[-1].text) for prime in bench.effects if isinstance(prime, ev.Prime)]


def test_the_words_so_far_are_read_ahead() -> None:
    bench = Bench(wiring=READS_AHEAD)
    longer = [f"What{' very' * more} is" for more in (0, 1, 3, 4, 6)]
    scope = speaking(bench, "What", "What is", *longer)
    assert primed(bench) == [("begun", "What"), ("begun", longer[2])], "four words more each time"
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    assert primed(bench)[2:] == [("begun", longer[-1])], "and at a pause however few"
    bench.do(ev.Spoken(mark="ripe", at_ms=950))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it?")))
    assert len(primed(bench)) == 3 and asked(bench) == ["What is it?"], "what may be answered is asked, not read ahead"


def test_final_words_are_read_whole_until_they_may_be_answered() -> None:
    bench = Bench(wiring=READS_AHEAD)
    scope = speaking(bench, "What is")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it?")))
    assert primed(bench) == [("begun", "What is"), ("whole", "What is it?")] and asked(bench) == []
    bench.do(ev.Spoken(mark="ripe", at_ms=950))
    assert len(primed(bench)) == 2 and asked(bench) == ["What is it?"]


def test_words_that_come_at_a_pause_are_read() -> None:
    bench = Bench(wiring=READS_AHEAD)
    scope = speaking(bench, "What")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it", final=False)))
    assert primed(bench) == [("begun", "What"), ("begun", "What is it")]


def test_what_is_read_ahead_is_what_would_be_asked() -> None:
    settings = Settings(instructions="Be brief.")
    bench = Bench(wiring=READS_AHEAD, settings=settings)
    paused(bench, "Who is there?")
    bench.do(ev.Spoken(mark="end", at_ms=1500))
    scope = bench.scopes[-1]
    for item in (Reply(text="It is me."), ReplyEnd()):
        bench.do(ev.Output(scope=scope, item=item))
    bench.do(ev.Drained(scope=scope))
    assert not bench.state.responses
    scope = speaking(bench, "And you?")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="And you?")))
    bench.do(ev.Spoken(mark="ripe", at_ms=950))
    primes = [effect for effect in bench.effects if isinstance(effect, ev.Prime)]
    sent = [effect for effect in bench.effects if isinstance(effect, ev.Send)][-1]
    said = [("user", "Who is there?"), ("assistant", "It is me."), ("user", "And you?")]
    assert sent.item.lines == tuple(Line(role=role, text=text) for role, text in said)  # type: ignore[arg-type]
    assert [prime.item for prime in primes[-2:]] == [sent.item] * 2
    assert all(prime.settings == settings for prime in primes)


def test_a_turn_that_goes_on_is_read_ahead_again() -> None:
    bench = Bench(wiring=READS_AHEAD)
    speaking(bench, "What is")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    scope = bench.scopes[-1]
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it made of now", final=False)))
    bench.do(ev.Spoken(mark="pause", at_ms=1400))
    assert primed(bench)[1:] == [("begun", "What is it made of now")]


@pytest.mark.parametrize(
    ("wiring", "detection"),
    [
        (Wiring(primes=False), Detection()),
        (READS_AHEAD, None),
        (READS_AHEAD, Detection(create_response=False)),
    ],
)
def test_nothing_is_read_ahead_where_nobody_will_be_asked(wiring: Wiring, detection: Detection | None) -> None:
    bench = Bench(wiring=wiring, settings=Settings(detection=detection))
    speaking(bench, "What is")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    assert primed(bench) == []


def test_a_turn_that_the_client_cuts_is_not_read_ahead() -> None:
    bench = Bench(wiring=READS_AHEAD)
    bench.do(ev.Spoken(mark="start", at_ms=0, manual=True))
    bench.do(ev.Transcribed(scope=bench.scopes[-1], transcript=Transcript(text="What is", final=False)))
    assert primed(bench) == []


def test_a_turn_of_which_nothing_was_heard_is_not_read_ahead() -> None:
    bench = Bench(wiring=READS_AHEAD)
    speaking(bench, "")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    assert primed(bench) == []


@pytest.mark.parametrize("in_conversation", [True, False])
def test_nothing_is_read_ahead_while_an_answer_is_given(in_conversation: bool) -> None:
    bench = Bench(wiring=READS_AHEAD, settings=Settings(detection=Detection(interrupt_response=False)))
    bench.do(ev.CreateResponse(settings=Settings(), in_conversation=in_conversation))
    scope = speaking(bench, "What is")
    bench.do(ev.Spoken(mark="pause", at_ms=900))
    assert bench.state.responses and primed(bench) == []
    bench.do(ev.CancelResponse(response_id=bench.state.responses[0].id))
    assert not bench.state.responses
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is it", final=False)))
    assert [text for _, text in primed(bench)] == ["What is it"]


def test_nothing_is_read_ahead_while_an_answer_is_on_trial() -> None:
    bench = Bench(wiring=READS_AHEAD)
    paused(bench)
    bench.do(ev.Spoken(mark="resume", at_ms=1000))
    scope = bench.scopes[-1]
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is", final=False)))
    whole, more = [("whole", "What is it?")], "What is it made of nowadays, then"
    assert bench.state.on_trial and primed(bench) == whole
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text=more, final=False)))
    assert primed(bench) == [*whole, ("begun", more)] and not bench.state.on_trial


def test_words_that_come_after_their_turn_are_not_read_ahead() -> None:
    bench = Bench(wiring=READS_AHEAD)
    scope = speaking(bench)
    bench.do(ev.Spoken(mark="end", at_ms=900))
    bench.do(ev.Transcribed(scope=scope, transcript=Transcript(text="What is", final=False)))
    assert primed(bench) == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("Yes, please.", "yes please", True), ("It's 4.", "its 4", True), ("yes", "yes yes", False), ("", "...", True)],
)
def test_words_are_the_same_whatever_their_marks(one: str, other: str, alike: bool) -> None:
    assert same(one, other) is alike
