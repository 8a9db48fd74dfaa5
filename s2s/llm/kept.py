"""What a model has read of conversations, so that it reads only what is new of them."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any


class Kept(abc.ABC):
    """The caches of the `count` latest callers, each with the tokens that it stands for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: dict[str, tuple[Any, list[int]]] = {}  # the longest unused first

    @abc.abstractmethod
    def fresh(self) -> Any:
        """Return an empty cache."""

    @abc.abstractmethod
    def length(self, cache: Any) -> int:
        """Return how many tokens a cache holds in all of its layers."""

    @abc.abstractmethod
    def cut(self, cache: Any, length: int) -> None:
        """Have a cache hold its first tokens only."""

    def take(self, caller: str, prompt: Sequence[int]) -> tuple[Any, int]:
        """Return a cache to be filled, and how many tokens of the prompt it holds; None where none is kept."""
        if not self._count:
            return None, 0
        cache, tokens = self._kept.pop(caller, (None, []))
        known = next(
            (n for n, (one, other) in enumerate(zip(tokens, prompt, strict=False)) if one != other),
            min(len(tokens), len(prompt)),
        )
        known = min(known, len(prompt) - 1)  # the model wants something to read
        if cache is None or known <= 0:
            return self.fresh(), 0
        self.cut(cache, known)
        return cache, known

    def keep(self, caller: str, cache: Any, tokens: Sequence[int]) -> None:
        """Keep what a cache holds of these tokens, were it cut off in the midst of a layer."""
        whole = self.length(cache) if cache is not None else 0
        if whole == 0 or whole > len(tokens):
            return
        self.cut(cache, whole)
        self._kept[caller] = cache, list(tokens[:whole])
        while len(self._kept) > self._count:
            oldest, *_ = self._kept  # a caller may hang up meanwhile
            self._kept.pop(oldest, None)

    def forget(self, caller: str) -> None:
        """Let go of what a caller's conversation takes."""
        self._kept.pop(caller, None)
