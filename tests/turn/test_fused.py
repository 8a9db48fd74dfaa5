"""The fused decision: the silence that ends a turn follows from costs, and from all that is known of the turn."""

from __future__ import annotations

import pytest

from s2s.messages import Asked, EndOfTurn, Speech, Transcript
from s2s.settings import Detection, Settings
from s2s.turn.fused import Costs, Fused
from tests.turn.mouth import Mouth, marks

QUESTION, OPENING, PART = "What time is it now in Lisbon?", "I have a question about it.", "My number is"


def silence_ms(mouth: Mouth, text: str | None = None, ended: float | None = None, asked: str = "") -> float:
    """Speak a turn, let its words and sound be judged, and return the silence after which it ends."""
    if asked:
        mouth.tell(Asked(text=asked))
    mouth.say(*[0.9] * 20)
    out, quiet = [], 0
    while "end" not in marks(out):
        out += mouth.say(0.0)
        quiet += 1
        if quiet == 3:
            out += [] if text is None else mouth.tell(Transcript(text=text))
            out += [] if ended is None else mouth.tell(EndOfTurn(probability=ended))
        assert quiet < 400
    return out[-1].quiet_ms


def of(text: str | None = None, ended: float | None = None, asked: str = "", **changes: object) -> float:
    return silence_ms(Mouth(Fused(**changes)), text, ended, asked)  # type: ignore[arg-type]


def test_a_question_ends_sooner_than_an_opening_and_that_sooner_than_a_part() -> None:
    assert of(QUESTION) < of(OPENING) < of(PART)
    assert of(QUESTION) <= 256 and of(PART) > 1500


def test_the_sound_counts_too() -> None:
    assert of(OPENING, 0.98) < of(OPENING) < of(OPENING, 0.02)


def test_what_the_agent_asked_counts() -> None:
    assert of("I think so.", asked="Is it this one?") < of("I think so.")
    assert of("It is 55", asked="What is your number?") > of("It is 55")


@pytest.mark.parametrize("text", [OPENING, PART])
def test_a_cut_in_that_costs_more_is_waited_for_longer(text: str) -> None:
    waits = [of(text, costs=Costs(cut_in=price)) for price in (4.0, 16.0, 64.0)]
    assert waits == sorted(waits) and waits[0] < waits[2]


def test_nothing_is_waited_for_longer_than_the_limits() -> None:
    assert of(PART, 0.01, costs=Costs(cut_in=1e6), longest_ms=1500) == pytest.approx(1500, abs=32)
    assert of(QUESTION, 0.99, shortest_ms=500) == pytest.approx(500, abs=32)
    assert of(unheard_ms=700) == pytest.approx(700, abs=32), "words that never come"


def test_costs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="delay_per_100ms should be more than 0"):
        Costs(delay_per_100ms=0.0)


def test_an_answer_is_prepared_when_it_has_to_be_begun_to_be_there_in_time() -> None:
    mouth = Mouth(Fused(prepare_ms=300))
    mouth.say(*[0.9] * 20, 0.0, 0.0)
    assert marks(mouth.tell(Transcript(text=QUESTION))) == ["ripe"], "at once, as the wait is short"
    mouth = Mouth(Fused(prepare_ms=300))
    assert marks(mouth.say(*[0.9] * 20, 0.0))[-1] == "pause"
    assert mouth.tell(Transcript(text=OPENING)) == []
    out: list[Speech] = []
    while "end" not in marks(out):
        out += mouth.say(0.0)
    ripe, end = out
    assert end.quiet_ms - ripe.quiet_ms == pytest.approx(300, abs=32)


def test_who_pauses_for_long_is_waited_for_longer() -> None:
    mouth = Mouth(Fused())
    before = silence_ms(mouth, OPENING)
    for _ in range(4):
        mouth.say(*[0.0] * 80, *[0.9] * 20, *[0.0] * 3)
        mouth.tell(Transcript(text=PART))
        mouth.say(*[0.0] * 30, *[0.9] * 20, *[0.0] * 3)
        mouth.tell(Transcript(text=QUESTION))
        mouth.say(*[0.0] * 40)
    assert silence_ms(mouth, OPENING) > before + 64


def test_who_was_cut_off_is_waited_for_longer() -> None:
    mouth = Mouth(Fused())
    before = silence_ms(mouth, OPENING)
    for _ in range(3):
        mouth.say(*[0.0] * 8)
        silence_ms(mouth, OPENING)  # begun again a quarter of a second later
    mouth.say(*[0.0] * 100)
    assert silence_ms(mouth, OPENING) > before + 64


def test_what_follows_a_cut_in_is_judged_with_the_words_before_it() -> None:
    first, rest = "Could you send the report?", "to everybody in the sales team."

    def rest_ms(silence: int) -> float:
        mouth = Mouth(Fused())
        silence_ms(mouth, first)
        mouth.say(*[0.0] * silence)
        return silence_ms(mouth, rest)

    assert rest_ms(8) + 200 < rest_ms(60), "after two seconds it is a turn of its own"


def test_words_are_joined_once() -> None:
    """A third turn is not joined to a second one that nobody was cut off in."""
    mouth = Mouth(Fused())
    silence_ms(mouth, QUESTION)
    mouth.say(*[0.0] * 8)
    silence_ms(mouth, "")
    mouth.say(*[0.0] * 60)
    assert silence_ms(mouth, "to everybody in the sales team.") > 450


@pytest.mark.parametrize(("eagerness", "longer"), [("low", True), ("high", False)])
def test_a_clients_eagerness_is_a_price(eagerness: str, longer: bool) -> None:
    settings = Settings(detection=Detection(kind="semantic", eagerness=eagerness))  # type: ignore[arg-type]
    other = silence_ms(Mouth(Fused(), settings), OPENING)
    assert (other > of(OPENING)) is longer and other != of(OPENING)


def test_a_clients_own_silence_is_taken_literally() -> None:
    for text in (QUESTION, PART):
        settings = Settings(detection=Detection(kind="silence", silence_ms=640))
        assert silence_ms(Mouth(Fused(), settings), text) == 640
    assert silence_ms(Mouth(Fused(), Settings(detection=Detection(kind="silence"))), PART) == 512
