"""Chat: history becomes a prompt that is well-formed, bounded, and begins as the one before did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.messages import Ask, Asked, Line, Prompt, Speech, ToolUse, Transcript
from s2s.settings import Settings
from s2s.stage import Call, ports
from s2s.text.chat import Chat, paired, tokens, trimmed
from s2s.text.languages import name_of


def ask(
    lines: list[Line], chat: Chat | None = None, language: str = "", settings: Settings | None = None
) -> list[Prompt | Asked]:
    call = Call("call", 1, settings or Settings())
    return list((chat or Chat()).run(call, Ask(lines=tuple(lines), language=language)))


def dialogue(turns: int, size: int = 4) -> list[Line]:
    roles = [(role, f"{role} {n} ".ljust(size, "x")) for n in range(turns) for role in ("user", "assistant")]
    return [Line(role=role, text=text) for role, text in roles]  # type: ignore[arg-type]


def prompt_of(sent: list[Prompt | Asked]) -> Prompt:
    assert isinstance(sent[-1], Prompt)
    return sent[-1]


def test_the_prompt_is_the_instructions_and_the_lines() -> None:
    lines = dialogue(1)[:1]
    assert [line.text for line in prompt_of(ask(lines)).lines] == [Chat().prompt, lines[0].text]
    assert prompt_of(ask(lines, settings=Settings(instructions="Be brief."))).lines[0] == Line(
        role="system", text="Be brief."
    )
    assert prompt_of(ask(lines, Chat(prompt=""))).lines == tuple(lines)


def test_what_the_agent_said_last_comes_first() -> None:
    assert len(ask([Line(role="user", text="hi")])) == 1
    sent = ask([*dialogue(2), Line(role="user", text="five")])
    assert sent[0] == Asked(text="assistant 1 ")


def test_only_an_ask_makes_a_prompt() -> None:
    call = Call("call", 1, Settings())
    for item in (Transcript(text="hi"), Speech(pcm=b"", rate=16000)):
        assert list(Chat().run(call, item)) == []
    assert ports(Chat)[1] == {Prompt, Asked} and Chat.face == "chat"


@given(turns=st.integers(1, 80), size=st.integers(1, 12))
def test_a_prompt_holds_the_latest_turns(turns: int, size: int) -> None:
    lines = dialogue(turns)
    kept = trimmed(lines, size)
    users = sum(line.role == "user" for line in kept)
    assert kept == lines[len(lines) - len(kept) :] and kept[0].role == "user"
    assert min(turns, size - max(1, size // 4) + 1) <= users <= size


def test_most_prompts_begin_as_the_one_before() -> None:
    firsts = [trimmed(dialogue(turns), 12)[0].text for turns in range(1, 61)]
    assert len(set(firsts)) == 1 + (60 - 12) // 3
    firsts = [trimmed(dialogue(turns, 400), 99, 4000)[0].text for turns in range(1, 61)]
    assert 2 < len(set(firsts)) <= 14


@given(turns=st.integers(1, 40), size=st.integers(4, 900), budget=st.integers(300, 3000))
def test_a_prompt_keeps_within_its_budget(turns: int, size: int, budget: int) -> None:
    kept = trimmed(dialogue(turns, size), 99, budget)
    assert sum(map(tokens, kept)) <= budget or len(kept) == 2


def test_the_lines_of_the_system_stay_and_orphans_go() -> None:
    use = ToolUse(call_id="a", name="weather", arguments="{}")
    old = [Line(role="system", text="Stay calm."), Line(role="user", text="1"), Line(role="assistant", calls=(use,))]
    new = [Line(role="user", text="2"), Line(role="tool", call_id="a", text="late"), Line(role="user", text="3")]
    assert [line.text for line in prompt_of(ask([*old, *new], Chat(chat_size=2))).lines[1:]] == ["Stay calm.", "2", "3"]


def test_results_follow_their_calls_and_calls_without_result_go() -> None:
    one, two = (ToolUse(call_id=name, name="f", arguments="{}") for name in "ab")
    result = Line(role="tool", call_id="b", text="sunny")
    lines = [Line(role="assistant", calls=(one, two)), Line(role="user", text="wait"), result]
    assert paired(lines) == [Line(role="assistant", calls=(two,)), result, Line(role="user", text="wait")]
    assert paired([Line(role="assistant", calls=(one,))]) == []


def test_the_language_of_the_caller() -> None:
    chat, lines = Chat(enable_lang_prompt=True), [Line(role="user", text="Bonjour"), Line(role="assistant", text="…")]
    assert prompt_of(ask(lines, chat, "fr")).lines[1].text == "Bonjour\n\nPlease reply to my message in French."
    assert prompt_of(ask(lines, chat, "")).lines[1].text == "Bonjour"
    assert prompt_of(ask(lines, chat, "fr", Settings(language="fr"))).lines[1].text == "Bonjour"
    assert prompt_of(ask(lines, Chat(), "fr")).lines[1].text == "Bonjour"
    assert prompt_of(ask(lines[1:], chat, "fr")).lines[1:] == tuple(lines[1:])
    assert (name_of("pt-BR"), name_of("zh"), name_of("Klingon")) == ("Portuguese", "Chinese", "Klingon")


def test_no_room_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="chat_size should be 1 or more, not 0"):
        Chat(chat_size=0)
