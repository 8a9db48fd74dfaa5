"""The terminal of a call: lines alone where it is none, a meter and words as they come where it is one."""

from __future__ import annotations

import io
import logging
import os
import sys

import pytest

from s2s.conversation import facts as f
from s2s.line.screen import WIDTH, Screen, bar

OUTPUT = {"response_id": "r", "item_id": "b", "output_index": 0}
SAID: list[f.Fact] = [
    f.TurnTextDelta(item_id="a", delta="hello "),
    f.TurnTextDelta(item_id="a", delta="there"),
    f.TurnText(item_id="a", text="Hello there.", seconds=1),
    f.WordsDelta(delta="Good ", **OUTPUT),
    f.WordsDelta(delta="morning\n\x1b[2J.", **OUTPUT),
    f.WordsDone(text="Good morning\n\x1b[2J.", **OUTPUT),
    f.TurnText(item_id="c", text=" ", seconds=1),
    f.TurnTextFailed(item_id="d", reason="stt: out of order"),
]
LINES = ["you:   Hello there.", "agent: Good morning [2J.", "you:   (stt: out of order)"]


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


def told(out: io.StringIO, **options: bool) -> str:
    with Screen(out, **options) as screen:
        for fact in SAID:
            screen.tell(fact)
            screen.draw(0.1, 0.0, "listening")
    return out.getvalue()


def test_where_no_terminal_is_each_caption_is_a_line_and_nothing_else_is_written() -> None:
    assert told(io.StringIO()).splitlines() == LINES


def test_a_long_caption_is_one_line() -> None:
    out = io.StringIO()
    with Screen(out) as screen:
        screen.tell(f.TurnText(item_id="a", text="word " * 100, seconds=1))
    assert len(out.getvalue().splitlines()) == 1


def test_a_terminal_shows_words_as_they_come_and_a_meter() -> None:
    shown = told(Terminal())
    assert "you:   hello there" in shown, "before it is final"
    for line in LINES:
        assert line in shown
    assert "mic [" in shown and "listening" in shown
    assert "\x1b[2J" not in shown, "nobody steers the terminal by what they say"


def test_what_is_not_wanted_is_not_shown() -> None:
    assert "mic [" not in told(Terminal(), meter=False)
    assert "Hello" not in told(Terminal(), captions=False)
    assert told(io.StringIO(), captions=False) == ""
    assert told(Terminal(), meter=False, captions=False) == ""


def test_a_terminal_that_can_do_nothing_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert told(Terminal()).splitlines() == LINES


def test_what_is_logged_to_the_same_terminal_stands_above_the_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    error, out = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stderr", error)
    handler = logging.StreamHandler(error)
    logging.getLogger().addHandler(handler)
    try:
        with Screen(out) as screen:
            screen.draw(0.1, 0.0)
            logging.getLogger("s2s").warning("something happened")
            screen.draw(0.1, 0.0)
        assert handler.stream is error
        assert sys.stderr is error
        logging.getLogger("s2s").warning("afterwards")
    finally:
        logging.getLogger().removeHandler(handler)
    assert "something happened" in out.getvalue()
    assert error.getvalue() == f"afterwards{os.linesep}"


def test_a_bar_is_even_in_decibels() -> None:
    assert bar(0.0).strip() == ""
    assert bar(1.0) == "█" * WIDTH
    assert bar(10 ** (-30 / 20), ascii_only=True) == "#" * (WIDTH // 2) + " " * (WIDTH // 2)
