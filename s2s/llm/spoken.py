"""What of a model's text is meant to be heard: all but its thoughts."""

from __future__ import annotations

import re
from collections.abc import Iterable

THOUGHTS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|START_THINKING|>": "<|END_THINKING|>",
}
"""The tags that models put around their thoughts."""
BODY = "<|message|>"
HEADS = {"<|start|>": BODY, "<|channel|>": BODY}
"""What opens a message of the harmony format: the head, up to the message's body, says whom it is for."""
UNHEARD = {"analysis": "<|end|>", "to=": "<|call|>"}
"""Words in a head by which a message is no answer, and what ends such a message."""

_OPENS = {**THOUGHTS, **HEADS}


class Spoken:
    """Takes a text in pieces and gives it back without `<think>...</think>` and its like, wherever the pieces are cut.

    `begun` says that the text goes on from an earlier one, so that a space before its first word counts; `thinking` is
    a tag that was opened before the text.
    """

    def __init__(self, begun: bool = False, thinking: str = "") -> None:
        self._held = ""
        self._until = THOUGHTS.get(thinking, "")
        self._head = ""
        self._begun = begun

    def feed(self, piece: str) -> str:
        """Return what may be said of the text so far and was not yet; what may become a tag is held back."""
        text, said = self._held + piece, ""
        while True:
            tags = [self._until] if self._until else list(_OPENS)
            before, found, after = first_of(text, tags)
            keep = 0 if found else overlap(before, tags)
            sure = before[: len(before) - keep]
            if not self._until:
                said += sure
            elif self._until == BODY:
                self._head += sure
            if not found:
                self._held = before[len(before) - keep :]
                return self._trim(said)
            text, self._until = after, self._next(found)

    def rest(self) -> str:
        """Return what is held back at the end of the text, when it was no tag after all."""
        held, self._held = self._held, ""
        return "" if self._until else self._trim(held)

    def _next(self, tag: str) -> str:
        """Return the tag that is waited for after this one."""
        if not self._until:
            self._head = ""
            return _OPENS[tag]
        if tag != BODY:
            return ""
        return next((end for word, end in UNHEARD.items() if word in self._head), "")

    def _trim(self, said: str) -> str:
        # Blank lines separate the thoughts from the answer; nothing is to be heard of them.
        if not self._begun:
            said = said.lstrip()
            self._begun = bool(said)
        return said


def first_of(text: str, tags: Iterable[str]) -> tuple[str, str, str]:
    """Return what stands before the first of some tags, the tag and what follows it: nothing, where none is."""
    match = re.search("|".join(map(re.escape, tags)), text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def overlap(text: str, tags: Iterable[str]) -> int:
    """Return how many characters at the end of `text` begin one of the tags."""
    return max((_begun(text, tag) for tag in tags), default=0)


def _begun(text: str, tag: str) -> int:
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
