"""What is said, in writing, while it is said."""

from __future__ import annotations

from typing import TextIO


class Captions:
    """Writes a line for each item, on a terminal word by word; elsewhere once it is final."""

    def __init__(self, out: TextIO, live: bool | None = None) -> None:
        self._out = out
        self._live = out.isatty() if live is None else live
        self._open = ""
        self._said: dict[str, str] = {}

    def add(self, who: str, item: str, words: str) -> None:
        """Write more words of an item; words of another begin a line of their own."""
        if not self._live:
            return
        words = _plain(words)
        if self._open != item:
            self.end_line()
            self._write(_label(who) + self._said.get(item, ""))
            self._open = item
        self._said[item] = self._said.get(item, "") + words
        self._write(words)

    def whole(self, who: str, item: str, text: str) -> None:
        """Write what an item turned out to be, in place of the words before it."""
        text = _plain(text)
        said = self._said.pop(item, "")
        if self._open == item and self._open:
            self._open = ""
            if text.startswith(said):
                self._write(text[len(said) :] + "\n")
                return
            self._write("\r\x1b[2K")
        self.end_line()
        if text:
            self._write(f"{_label(who)}{text}\n")

    def end_line(self) -> None:
        """Leave a line that is not final as it is."""
        if self._open:
            self._open = ""
            self._write("\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _label(who: str) -> str:
    return f"{who + ':':7}"


def _plain(text: str) -> str:
    """Return text without line ends and without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)
