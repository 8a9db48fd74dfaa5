"""Language models behind /v1/responses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from s2s.llm.responses_stream import answer, response_input, response_tools
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.remote import Remote
from s2s.stage import Call


@dataclass(kw_only=True)
class ResponsesApi(Remote):
    """A language model behind /v1/responses of any OpenAI-compatible server, streamed; the server stores nothing."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
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
        async with aclosing(self.events("/responses", body)) as events, aclosing(answer(events)) as pieces:
            async for piece in pieces:
                yield piece

    def _body(self, call: Call, item: Prompt, model: str) -> dict[str, Any]:
        settings = call.settings
        limits = [limit for limit in (settings.max_tokens, self.max_tokens) if limit is not None]
        limit = min(limits, default=None)
        temperature = settings.temperature if settings.temperature is not None else self.temperature
        chosen = {"temperature": temperature, "top_p": self.top_p, "max_output_tokens": limit}
        return {
            "model": model,
            "stream": True,
            "store": False,
            **response_input(item, images=self.images),
            **response_tools(settings),
            **({"reasoning": {"effort": settings.effort}} if settings.effort else {}),
            **{name: value for name, value in chosen.items() if value is not None},
        }
