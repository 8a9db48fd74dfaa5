"""A key to talk by: a press begins and another ends it, and so does holding it, though terminals tell of no release."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

NAMES = {"space": " ", "enter": "\n", "tab": "\t"}
"""Keys that have a name; any other is the character that it types."""
REPEATS_S = 0.8
"""A key that is held types again within so many seconds."""
RELEASED_S = 0.3
"""A held key that types nothing for so long was released."""
STRAY_S = 0.15
"""A character so soon after another is a held key's, and no press."""


class Key:
    """Makes presses and releases of the characters that a key types: `began` and `ended` are called for each."""

    def __init__(self, began: Callable[[], None], ended: Callable[[], None]) -> None:
        self._began = began
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._talking = self._held = False
        self._pressed_at = self._typed_at = -REPEATS_S
        self._timer: asyncio.TimerHandle | None = None

    def typed(self) -> None:
        """Take a character of the key's."""
        now = self._loop.time()
        before, self._typed_at = self._typed_at, now
        if not self._talking:
            if now - before >= STRAY_S:
                self._talking, self._pressed_at = True, now
                self._began()
        elif self._held or now - self._pressed_at < REPEATS_S:
            self._held = True
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(RELEASED_S, self._release)
        else:
            self._release()

    def _release(self) -> None:
        self._talking = self._held = False
        self._timer = None
        self._ended()


def mistake(key: str, keys: TextIO | None = None) -> str | None:
    """Return why nobody can talk by a key here, or None."""
    keys = keys or sys.stdin
    if key not in NAMES and (len(key) != 1 or not key.isprintable()):
        return f"input should be {', '.join(NAMES)} or one character, not '{key}'"
    if os.name == "nt":
        return "keys are read from Unix terminals only; set it to null and speak freely"
    if keys is None or not keys.isatty():
        return "keys come from a terminal, and standard input is none; start it in one, or set it to null"
    return None


@contextlib.contextmanager
def reading(key: str, typed: Callable[[], None], keys: TextIO | None = None) -> Iterator[None]:
    """Call `typed` for each character of a key, and show none, until the block ends."""
    import termios
    import tty

    loop = asyncio.get_running_loop()
    wanted = NAMES.get(key, key)
    number = (keys or sys.stdin).fileno()
    before = termios.tcgetattr(number)

    def read() -> None:
        characters = os.read(number, 64).decode(errors="replace")
        if not characters:
            loop.remove_reader(number)  # the terminal is gone
        for _ in range(characters.count(wanted)):
            typed()

    tty.setcbreak(number)
    loop.add_reader(number, read)
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)
