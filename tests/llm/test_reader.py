"""What is read ahead of a prompt: all that will stay of it."""

from __future__ import annotations

import pytest

from s2s.llm.reader import begun
from s2s.messages import Ahead, Line, Prompt


def templated(item: Prompt) -> str:
    """Return the text of a prompt as a chat template makes it."""
    lines = "".join(f"<|im_start|>{line.role}\n{line.text}<|im_end|>\n" for line in item.lines)
    return f"{lines}<|im_start|>assistant\n"


def read(ahead: Ahead, *said: str) -> tuple[str, str]:
    """Return the text of a prompt, and what is read ahead of it."""
    lines = [Line(role="user" if n % 2 == 0 else "assistant", text=text) for n, text in enumerate(said)]
    item = Prompt(lines=(Line(role="system", text="Be brief."), *lines), ahead=ahead)
    return templated(item), begun(templated(item), item)


@pytest.mark.parametrize(("text", "known"), [("What is the weath", "What is the"), ("Good morning", "Good")])
def test_the_word_that_is_still_spoken_is_left_out(text: str, known: str) -> None:
    whole, start = read("begun", text)
    assert start == f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{known}"
    assert whole.startswith(start)


def test_the_lines_before_it_are_read_whole() -> None:
    whole, start = read("begun", "Who is there?", "It is me.", "Who is there?")
    assert whole.startswith(start)
    assert start.endswith("It is me.<|im_end|>\n<|im_start|>user\nWho is"), "the last of two lines that are alike"


def test_all_of_a_prompt_is_read_at_a_pause() -> None:
    for text in ("What is the weather?", "Yes."):
        whole, start = read("whole", text)
        assert start == whole


@pytest.mark.parametrize("text", ["What", ""])
def test_a_first_word_is_waited_for(text: str) -> None:
    assert read("begun", text)[1] == ""


def test_a_line_that_the_template_changes_is_not_read() -> None:
    item = Prompt(lines=(Line(role="user", text="What  is  it"),), ahead="begun")
    assert begun("user: What is it", item) == ""
