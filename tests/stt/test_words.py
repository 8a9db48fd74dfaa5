from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.stt.words import agreed, endless, follow, joined, repeats, said_once, split, stitch

WORDS = st.lists(st.sampled_from(["it", "was", "the", "best", "worst", "of", "times,", "times."]), max_size=12)


def words(text: str) -> list[str]:
    return text.split()


def test_agreed_counts_the_words_both_begin_with() -> None:
    assert agreed(words("it was the best"), words("it was the worst of")) == 3
    assert agreed([], ["it"]) == 0
    assert agreed(["it"], ["it", "was"]) == 1


def test_a_hypothesis_that_agrees_is_taken_as_it_is() -> None:
    assert stitch(["it", "was"], words("it was the best")) == words("it was the best")


def test_a_hypothesis_that_differs_goes_on_where_the_frozen_words_end() -> None:
    frozen = words("it was the best of times,")
    assert stitch(frozen, words("It was the best of times. It was")) == [*frozen, "It", "was"]
    assert stitch(frozen, words("was the best of times it was")) == [*frozen, "it", "was"]
    assert stitch(frozen, words("and so it was the best of times it")) == [*frozen, "it"]


def test_a_much_shorter_hypothesis_takes_nothing_back() -> None:
    frozen = words("it was the best of times,")
    assert stitch(frozen, ["it"]) == frozen
    assert stitch(frozen, []) == frozen


def test_a_cut_inside_a_sentence_leaves_no_full_stop() -> None:
    assert follow(words("the present period."), words("that some")) == words("the present period that some")
    assert follow(words("of times."), words("It was")) == words("of times. It was")
    assert follow(words("and so..."), words("it was")) == words("and so... it was")
    assert follow([], ["it"]) == ["it"]
    assert follow(["it."], []) == ["it."]


@given(WORDS, WORDS)
def test_frozen_words_stay(frozen: list[str], heard: list[str]) -> None:
    assert stitch(frozen, heard)[: len(frozen)] == frozen


def test_words_over_and_over_are_noticed() -> None:
    assert repeats("number is 7429 749 749 749 749") and repeats("Yes, please. " * 4)
    assert endless("number is 7429 749 749 749 749") and endless("number is 7429 749 749 749 749 7")
    assert endless("it was so. " * 4 + "it w") and not endless("no no no now") and not endless("a b c d")
    assert not endless("Thank you. Thank you.") and not endless("")
    assert not repeats("no no no") and not repeats("") and not repeats("one two three four five six")


@pytest.mark.parametrize(
    "text",
    [
        "Where did I park my car? Where did I park my car? Where did",
        "Where did I park my car? Where did I park my car?",
        "Where did I park my car? where did I park my car, where",
        "one two one two one two one",
    ],
)
def test_a_text_that_is_one_phrase_said_again_is_noticed(text: str) -> None:
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "It was the best of times, it was the worst of times",
        "no no",
        "no",
        "Where did I park my car? Where did",
        "So where did I park my car? Where did I park my car?",
        "Where did I park my car? Where did I park my car? I see",
        "It was the best of times, it was the best of times, it was the worst",
    ],
)
def test_what_people_say_twice_is_no_repetition(text: str) -> None:
    assert not repeats(text)


@pytest.mark.parametrize(
    ("text", "seconds", "once"),
    [
        ("Call my sister? Call my sister? Call my sister?", 1.2, "Call my sister?"),
        ("Call my sister? Call my sister? Call my", 1.2, "Call my sister?"),
        ("Call my sister? Call my sister?", 1.5, "Call my sister? Call my sister?"),  # somebody may say that
        ("Could you call my sister?", 0.5, "Could you call my sister?"),  # fast, but nothing is said twice
        ("so so so so so so so", 1.0, "so so so so so so so"),  # of no phrase
        ("", 0.0, ""),
    ],
)
def test_a_phrase_that_nobody_says_so_often_in_so_short_a_time_is_said_once(
    text: str, seconds: float, once: str
) -> None:
    assert said_once(text, seconds) == once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Hello, world.  It's me", ["Hello,", "world.", "It's", "me"]),
        ("今天天气。很好", ["今", "天", "天", "气。", "很", "好"]),
        ("我用iPhone吗？", ["我", "用", "iPhone", "吗？"]),
        ("스피치 투 스피치", ["스피치", "투", "스피치"]),
        ("「はい」とスーパーで", ["「", "は", "い」", "と", "ス", "ー", "パ", "ー", "で"]),
        ("谢谢。 Thank you", ["谢", "谢。", "Thank", "you"]),
    ],
)
def test_words_of_scripts_with_and_without_spaces(text: str, words: list[str]) -> None:
    assert split(text) == words


@given(st.lists(st.sampled_from(["one", "two,", "it's", "今", "天。", "ス", "「", "스피치"]), max_size=8))
def test_joined_words_are_the_same_words_and_begin_as_fewer_of_them_do(words: list[str]) -> None:
    text = joined(words)
    assert "".join(split(text)) == "".join(words)
    assert joined(split(text)) == text
    assert all(text.startswith(joined(words[:count])) for count in range(len(words) + 1))


def test_chinese_settles_letter_by_letter() -> None:
    assert joined(split("今天 天气 很好")) == "今天天气很好"
    assert agreed(split("今天天气"), split("今天很好")) == 2
    assert joined(["all", "the", "words"]) == "all the words"
