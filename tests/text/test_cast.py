"""Cast: each clause goes to one voice."""

from __future__ import annotations

import pytest

from s2s.messages import Clause
from s2s.settings import Settings
from s2s.stage import Call
from s2s.text.cast import Cast


def play(stage: Cast, *texts: str) -> list[tuple[str, str]]:
    stage.load()
    call, until = Call("call", 1, Settings()), 0
    sent: list[Clause] = []
    for index, text in enumerate(texts):
        until += len(text) + 1
        sent += stage.run(call, Clause(text=text, index=index, until=until))
        assert not sent or sent[-1].until <= until
    assert [clause.index for clause in sent] == list(range(len(sent)))
    assert [clause.until for clause in sent] == sorted(clause.until for clause in sent)
    return [(clause.to, clause.text) for clause in sent]


def test_tags_call_a_voice_until_the_next() -> None:
    sent = play(
        Cast(), "Hello.", "[narrator] Once upon a time,", "there was a king.", "[tts] Go on! [narrator]: He left."
    )
    assert sent == [
        ("tts", "Hello."),
        ("narrator", "Once upon a time,"),
        ("narrator", "there was a king."),
        ("tts", "Go on!"),
        ("narrator", "He left."),
    ]


def test_unknown_tags_and_lone_marks() -> None:
    assert play(Cast(), "[stranger] Hi.") == [("tts", "[stranger] Hi.")]
    assert play(Cast(), "[narrator]", "Hi.") == [("narrator", "Hi.")]


def test_quotes_run_over_clauses() -> None:
    sent = play(Cast(voices={"actor": "quotes"}), 'He said: "It is late.', 'I go home." Then he left. “No!”')
    assert sent == [
        ("tts", "He said:"),
        ("actor", '"It is late.'),
        ("actor", 'I go home."'),
        ("tts", "Then he left."),
        ("actor", "“No!”"),
    ]


def test_a_regular_expression_gives_whole_clauses() -> None:
    sent = play(Cast(voices={"alarm": r"(?i)\bwarning\b"}, default="calm"), "Warning: fire.", "All is well.")
    assert sent == [("alarm", "Warning: fire."), ("calm", "All is well.")]


def test_a_bad_rule_is_named() -> None:
    with pytest.raises(ValueError, match=r"voices\.x should be tag, quotes or a regular expression"):
        Cast(voices={"x": "("})
