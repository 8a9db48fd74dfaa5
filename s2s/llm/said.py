"""What was said of an answer that is generated in stretches, whether it is enough, and what it cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from s2s.cutting import sentence_end
from s2s.messages import Reply, ReplyEnd, ToolCall

Piece = Reply | ToolCall


class Said:
    """The text so far; with `enough` it ends with the first sentence that is at least that many tokens into it."""

    def __init__(self, enough: int | None = None) -> None:
        self.text = ""
        self.tokens = 0
        self.ended = False
        self._enough = enough
        self._least: int | None = None

    def take(self, piece: str) -> str:
        """Add a token's text, and return what of it is to be said."""
        if self._least is None and self.tokens == self._enough:
            self._least = len(self.text)
        before = len(self.text)
        self.text += piece
        self.tokens += 1
        end = None if self._least is None else sentence_end(self.text, self._least)
        if end is not None:
            self.ended = True
            self.text = self.text[: max(end, before)]
        return self.text[before:]

    def heard(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield what of the pieces of one token is wanted: text up to where there is enough of it."""
        for piece in pieces:
            if not isinstance(piece, Reply):
                yield piece
            elif not self.ended and (text := self.take(piece.text)):
                yield Reply(text=text)


class Usage:
    """The tokens of one stretch, as the server's chunks tell them while they come."""

    def __init__(self) -> None:
        self._timings: dict[str, int] = {}

    async def watch(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """Pass the chunks on."""
        async for chunk in chunks:
            self._timings = chunk.get("timings") or self._timings
            yield chunk

    def end(self) -> ReplyEnd:
        """Return the last word on a stretch that was not read to its end."""
        cached = self._timings.get("cache_n", 0)
        read = self._timings.get("prompt_n", 0)
        return ReplyEnd(
            input_tokens=cached + read, cached_tokens=cached, output_tokens=self._timings.get("predicted_n", 0)
        )

    def joined(self, end: ReplyEnd, before: int) -> ReplyEnd:
        """Return the last word on an answer of which `before` tokens were generated in earlier stretches."""
        return msgspec.structs.replace(
            end, input_tokens=end.input_tokens - before, output_tokens=end.output_tokens + before
        )
