"""A key to talk by: tapped twice or held, in virtual time, and read from a terminal."""

from __future__ import annotations

import asyncio
import io
import os
import termios

import pytest

from s2s.line.keyboard import RELEASED_S, Key, mistake, reading
from tests.line.test_playout import virtual


class Typist:
    """Types, and notes what came of it and when."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.noted: list[tuple[str, float]] = []
        self.key = Key(lambda: self._note("began"), lambda: self._note("ended"))

    def _note(self, what: str) -> None:
        self.noted.append((what, round(self.loop.time(), 2)))

    async def at(self, *moments: float) -> None:
        for moment in moments:
            await asyncio.sleep(moment - self.loop.time())
            self.key.typed()
        await asyncio.sleep(1)


@virtual
async def test_a_tap_begins_and_another_ends() -> None:
    typist = Typist()
    await typist.at(1, 4, 6, 9)
    assert typist.noted == [("began", 1), ("ended", 4), ("began", 6), ("ended", 9)]


@virtual
async def test_a_key_that_is_held_ends_when_it_is_released() -> None:
    typist = Typist()
    await typist.at(1, *(1.5 + n * 0.04 for n in range(50)), 8, 11)
    assert typist.noted == [
        ("began", 1),
        ("ended", round(1.5 + 49 * 0.04 + RELEASED_S, 2)),
        ("began", 8),
        ("ended", 11),
    ]


@virtual
async def test_two_quick_taps_end_too() -> None:
    typist = Typist()
    await typist.at(1, 1.4)
    assert typist.noted == [("began", 1), ("ended", 1.7)]


@virtual
async def test_what_a_released_key_has_typed_ahead_is_no_press() -> None:
    typist = Typist()
    await typist.at(1, 4, *(4.04 + n * 0.04 for n in range(10)))
    assert typist.noted == [("began", 1), ("ended", 4)]


def test_a_key_that_does_not_exist_and_no_terminal_are_told() -> None:
    assert mistake("shift") == "input should be space, enter, tab or one character, not 'shift'"
    told = mistake("space", io.StringIO())
    assert told == "keys come from a terminal, and standard input is none; start it in one, or set it to null"


@pytest.mark.anyio
async def test_keys_are_read_from_a_terminal_which_is_left_as_it_was() -> None:
    ours, theirs = os.openpty()
    typed: list[float] = []
    loop = asyncio.get_running_loop()
    with os.fdopen(theirs, "r", buffering=1) as keys:
        assert mistake("space", keys) is None
        before = termios.tcgetattr(keys)
        with reading("space", lambda: typed.append(loop.time()), keys):
            os.write(ours, b"a b ")
            for _ in range(200):
                if len(typed) == 2:
                    break
                await asyncio.sleep(0.01)
            assert not termios.tcgetattr(keys)[3] & termios.ECHO
        assert len(typed) == 2
        assert termios.tcgetattr(keys) == before
    os.close(ours)
