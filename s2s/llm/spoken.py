"""What of a model's text is meant to be heard: all but its thoughts."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Spoken:
    """Takes a text in pieces and gives it back without `<think>...</think>`, wherever the pieces are cut.

    `begun` says that the text goes on from an earlier one, so that a space before its first word counts.
    """

    def __init__(self, begun: bool = False) -> None:
        self._held = ""
        self._thinking = False
        self._begun = begun

    def feed(self, piece: str) -> str:
        """Return what may be said of the text so far and was not yet; what may become a tag is held back."""
        text, said = self._held + piece, ""
        while True:
            tag = CLOSE if self._thinking else OPEN
            before, found, after = text.partition(tag)
            keep = 0 if found else _overlap(before, tag)
            if not self._thinking:
                said += before[: len(before) - keep]
            if not found:
                self._held = before[len(before) - keep :]
                return self._trim(said)
            text, self._thinking = after, not self._thinking

    def rest(self) -> str:
        """Return what is held back at the end of the text, when it was no tag after all."""
        held, self._held = self._held, ""
        return "" if self._thinking else self._trim(held)

    def _trim(self, said: str) -> str:
        # Blank lines separate the thoughts from the answer; nothing is to be heard of them.
        if not self._begun:
            said = said.lstrip()
            self._begun = bool(said)
        return said


def _overlap(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` begin `tag`."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
