"""Translator: each finished turn becomes a prompt."""

from __future__ import annotations

from s2s.messages import Line, Prompt, Transcript
from s2s.settings import Settings
from s2s.stage import Call, ports
from s2s.text.translator import Translator


def test_a_final_transcript_becomes_a_prompt() -> None:
    call = Call("call", 1, Settings(instructions="not for the interpreter"))
    (prompt,) = Translator(to="fr").run(call, Transcript(text=" Good morning. "))
    order = "Translate what the user says into French. Say only the translation, nothing else."
    assert prompt == Prompt(lines=(Line(role="system", text=order), Line(role="user", text="Good morning.")))


def test_partials_and_silence_are_passed_over() -> None:
    call = Call("call", 1, Settings())
    assert list(Translator().run(call, Transcript(text="Good", final=False))) == []
    assert list(Translator().run(call, Transcript(text="  "))) == []


def test_any_prompt_and_language_will_do() -> None:
    (prompt,) = Translator(to="Elvish", prompt="{to}, {please}").run(Call("c", 1, Settings()), Transcript(text="hi"))
    assert prompt.lines[0].text == "Elvish, {please}"
    assert ports(Translator) == (frozenset({Transcript}), frozenset({Prompt}))
