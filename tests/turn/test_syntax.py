from __future__ import annotations

import pytest

from s2s.turn.syntax import completeness


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("What is the weather like in Lisbon today?", "What is the weather like in"),
        ("What is the weather like in Lisbon today?", "What is the weather"),
        ("Please turn off the light in the kitchen.", "Please turn off the"),
        ("My order number is 7429", "My order number is"),
        ("I would like to book a table for four people on Friday evening.", "I would like to book a table."),
        ("I have a question about my bill because I was charged two times.", "I have a question about my bill."),
        ("Yes.", "Yes and"),
        ("Let us meet on Tuesday.", "Let us meet, um"),
        ("It is this one.", "It is this one,"),
        ("It is this one.", "It is this one..."),
        ("你好吗？", "你好，"),
    ],
)
def test_a_whole_turn_counts_for_more_than_a_part_of_it(whole: str, part: str) -> None:
    assert completeness(whole) > completeness(part) + 0.5


def test_no_words_say_nothing() -> None:
    assert completeness("") == completeness(" ... ") == 0.0


def test_a_yes_counts_after_a_question_for_one_and_a_number_only_once_it_is_long_enough() -> None:
    assert completeness("I think so.", "Would you like a table?") > completeness("I think so.") + 1
    assert completeness("It is 55 32", "What is your phone number?") < completeness("It is 55 32") - 1
    assert completeness("It is 55 32 81 07", "What is your phone number?") == completeness("It is 55 32 81 07")
    assert completeness("It is 55 32", "Your number is known.") == completeness("It is 55 32")


def test_a_question_may_end_with_a_word_that_leans() -> None:
    assert completeness("What is this for?") > 1 > completeness("This is what it is for")
