"""An answer that a model in this process writes token by token: what of it is said, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from s2s.llm.chat_template import opened_thought
from s2s.llm.detokenizer import Detokenizer
from s2s.llm.forced import Forced
from s2s.llm.said import Piece, Said
from s2s.llm.written import MARKUP, Written
from s2s.messages import ReplyEnd
from s2s.settings import Settings


class Writing:
    """One answer to the prompt `asked`, a text; `ends` are the tokens that end it.

    With `enough` it ends with the first sentence that is so many tokens into it, unless it may call functions.
    """

    def __init__(
        self,
        tokenizer: Any,
        ends: Collection[int],
        asked: str,
        settings: Settings,
        forced: Forced | None,
        enough: int | None,
    ) -> None:
        tools = () if settings.tool_choice == "none" or forced is not None else settings.tools
        self.tokens: list[int] = []
        self._ends = ends
        self._several = settings.parallel_tools
        self._written = Written(tools, settings.parallel_tools, "" if forced is not None else opened_thought(asked))
        self._said = Said(enough if forced is None and not settings.tools else None)
        self._words = Detokenizer(tokenizer, MARKUP, ends)

    @property
    def over(self) -> bool:
        """Whether no more tokens are wanted."""
        return self._said.ended or (self._written.called > 0 and not self._several)

    def add(self, token: int) -> Iterator[Piece]:
        """Yield what a token adds to the answer."""
        self.tokens.append(token)
        yield from self._said.heard(self._written.feed(self._words.add(token)))

    def rest(self, read: int, known: int) -> Iterator[Piece | ReplyEnd]:
        """Yield what is left, and the last word; the prompt had `read` tokens, of which `known` were kept."""
        cut = not self._said.ended and bool(self.tokens) and self.tokens[-1] not in self._ends
        if not self._said.ended:
            yield from self._said.heard(self._written.feed(self._words.rest()))
            yield from self._said.heard(self._written.rest(cut))
        yield ReplyEnd(
            reason="tool_calls" if self._written.called else "length" if cut else "stop",
            input_tokens=read,
            cached_tokens=known,
            output_tokens=len(self.tokens),
        )
