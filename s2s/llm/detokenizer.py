"""Tokens into text, as they come."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

HALF = "\ufffd"
"""What a tokenizer gives for a part of a character."""


class Detokenizer:
    """Gives the text of tokens one by one; half a character waits for its rest, and special tokens say nothing.

    `tokenizer` is one of transformers'; `heard` are the texts of special tokens that are text all the same, `ends`
    the tokens that end an answer.
    """

    def __init__(self, tokenizer: Any, heard: Collection[str], ends: Collection[int]) -> None:
        self._tokenizer = tokenizer
        self._special = {token: text for token, text in _special(tokenizer).items() if text not in heard}
        self._special.update(dict.fromkeys(ends, ""))
        self._marks = {token: text for token, text in _special(tokenizer).items() if token not in self._special}
        self._tokens: list[int] = []
        self._given = 0

    def add(self, token: int) -> str:
        """Return the text that this token completes."""
        if token in self._special:
            return self.rest()
        if token in self._marks:
            return self.rest() + self._marks[token]
        self._tokens.append(token)
        # A tokenizer may leave out a space before the first word: so one that was given already goes before it.
        before = self._decode(self._tokens[: self._given])
        text = self._decode(self._tokens)
        if text.endswith(HALF) and len(self._tokens) - self._given < 4:
            return ""
        self._tokens = self._tokens[self._given :]
        self._given = len(self._tokens)
        return text[len(before) :]

    def rest(self) -> str:
        """Return what waits, at the end of the text."""
        before = self._decode(self._tokens[: self._given])
        text = self._decode(self._tokens)[len(before) :]
        self._tokens, self._given = [], 0
        return text

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _special(tokenizer: Any) -> dict[int, str]:
    """Return the special tokens and their texts."""
    ids = tokenizer.all_special_ids
    added = {n: str(token) for n, token in tokenizer.added_tokens_decoder.items() if token.special}
    return {**dict(zip(ids, map(str, tokenizer.convert_ids_to_tokens(ids)), strict=True)), **added}
