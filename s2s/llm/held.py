"""A model held to a pattern: at each step the likeliest token with which the text can still match it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRIED = 200
"""Tokens that are tried, the likeliest first, before those of a single character are."""


class Held:
    """A logits processor of transformers' for a batch of one; what begins at token `prompt` matches the pattern.

    `ends` are the tokens that end an answer.
    """

    def __init__(self, pattern: str, tokenizer: Any, prompt: int, ends: Collection[int]) -> None:
        import regex  # transformers needs it too

        self._pattern = regex.compile(pattern, regex.DOTALL)
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._ends = set(ends)
        self._special = set(tokenizer.all_special_ids)

    def __call__(self, tokens: Any, scores: Any) -> Any:
        """Return the scores with all but one token ruled out."""
        import torch

        written = tokens[0, self._prompt :].tolist()
        held = torch.full_like(scores, float("-inf"))
        held[0, self.choose(written, scores[0].float().cpu().numpy())] = 0.0
        return held

    def choose(self, written: list[int], scores: NDArray[np.float32]) -> int:
        """Return the token that may follow those `written` and has the best of all scores."""
        tried = np.argpartition(-scores, min(TRIED, len(scores)) - 1)[:TRIED]
        order = sorted(tried.tolist(), key=lambda token: -scores[token])
        ends = sorted(self._ends, key=lambda token: -scores[token])
        found = next((token for token in (*order, *ends) if self._fits(written, token)), None)
        if found is None:
            singles = [token for token in range(len(scores)) if len(self._text([token])) == 1]
            singles.sort(key=lambda token: -scores[token])
            found = next((token for token in singles if self._fits(written, token)), order[0])
        return int(found)

    def _fits(self, written: list[int], token: int) -> bool:
        if token in self._ends:
            return self._pattern.fullmatch(self._text(written)) is not None
        if token in self._special:
            return False
        before, text = self._text(written), self._text([*written, token])
        return len(text) > len(before) and self._pattern.fullmatch(text, partial=True) is not None

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False))
