"""How captions are written."""

from __future__ import annotations

import io

from s2s.clients.captions import Captions


def test_words_are_written_as_they_come() -> None:
    out = io.StringIO()
    captions = Captions(out, live=True)
    captions.add("you", "a", "one")
    captions.add("you", "a", " two")
    assert out.getvalue() == "you:   one two"
    captions.whole("you", "a", "one two three.")
    assert out.getvalue() == "you:   one two three.\n"


def test_a_line_that_turned_out_otherwise_is_written_anew() -> None:
    out = io.StringIO()
    captions = Captions(out, live=True)
    captions.add("you", "a", "won")
    captions.whole("you", "a", "one")
    assert out.getvalue() == "you:   won\r\x1b[2Kyou:   one\n"


def test_two_who_speak_at_once_have_lines_of_their_own() -> None:
    out = io.StringIO()
    captions = Captions(out, live=True)
    captions.add("agent", "a", "well")
    captions.add("you", "b", "no")
    captions.add("agent", "a", " then")
    captions.whole("you", "b", "no.")
    captions.end_line()
    assert out.getvalue() == "agent: well\nyou:   no\nagent: well then\nyou:   no.\n"


def test_a_file_is_given_whole_lines() -> None:
    out = io.StringIO()
    captions = Captions(out)
    captions.add("you", "a", "one")
    captions.whole("you", "a", "one\ntwo")
    captions.whole("you", "b", "")
    assert out.getvalue() == "you:   one two\n"


def test_what_would_steer_a_terminal_is_left_out() -> None:
    out = io.StringIO()
    Captions(out, live=True).add("agent", "a", "\x1b[2Jwell\x07, ünd 好")
    assert out.getvalue() == "agent: [2Jwell, ünd 好"
