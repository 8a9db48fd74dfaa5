"""Language models behind /v1/chat/completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from s2s.llm.chat_stream import answer, chat_messages, chat_tools
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.remote import Remote
from s2s.stage import Call


@dataclass(kw_only=True)
class ChatCompletions(Remote):
    """A language model behind /v1/chat/completions of any OpenAI-compatible server, streamed."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    images: bool = True

    honours: ClassVar[frozenset[str]] = frozenset(
        {"instructions", "temperature", "max_tokens", "tools", "tool_choice", "parallel_tools", "effort"}
    )

    def hears(self) -> bool:
        """Sound is sent to the server, which says so where its model takes none."""
        return True

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ToolCall | ReplyEnd]:
        """Yield the answer as it comes; raise RemoteError when the server fails."""
        async with aclosing(self.patiently(lambda: self._ask(call, item))) as items:
            async for piece in items:
                yield piece

    async def _ask(self, call: Call, item: Prompt) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
        body = self._body(call, item, await self.model_name())
        async with aclosing(self.events("/chat/completions", body)) as chunks, aclosing(answer(chunks)) as pieces:
            async for piece in pieces:
                yield piece

    def _body(self, call: Call, item: Prompt, model: str) -> dict[str, Any]:
        settings = call.settings
        limits = [limit for limit in (settings.max_tokens, self.max_tokens) if limit is not None]
        limit = min(limits, default=None)
        temperature = settings.temperature if settings.temperature is not None else self.temperature
        chosen = {
            "temperature": temperature,
            "top_p": self.top_p,
            self.limit_field: limit,
            "reasoning_effort": settings.effort,
        }
        return {
            "model": model,
            "messages": chat_messages(item, images=self.images),
            "stream": True,
            "stream_options": {"include_usage": True},
            **chat_tools(settings),
            **{name: value for name, value in chosen.items() if value is not None},
        }
