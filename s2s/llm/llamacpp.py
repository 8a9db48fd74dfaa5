"""Language models in this process, by llama.cpp."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from s2s.llm.chat_stream import answer, chat_messages, chat_tools
from s2s.llm.forced import Forced
from s2s.llm.loopback import Refused, events
from s2s.llm.reader import Reader, begun
from s2s.llm.requantized import Kind, requantized
from s2s.llm.said import Said, Usage
from s2s.llm.shortened import shorter
from s2s.llm.slots import Slots
from s2s.llm.smollm2 import SMOLLM2
from s2s.llm.turns import Turns
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.stage import Call, Stage
from s2s.weights import resolve

MOVED = 16
"""Tokens in a row that are moved, instead of read again, where a conversation has lost what stood before them."""


@dataclass(kw_only=True)
class LlamaCpp(Stage):
    """A GGUF model in llama.cpp's own server, inside this process: callers share it, each in a slot of its own.

    `history_tokens` is what it asks `chat` to keep a conversation to, by the `budget_tokens` there.
    """

    model: str = SMOLLM2
    slots: int = 8
    at_once: int = 1
    context: int = 1024
    kv: Literal["f16", "q8_0"] = "f16"
    threads: int = 1
    batch_threads: int = 1
    batch: int = 32
    gpu_layers: int = 0
    cache_ram_mib: int = 0
    temperature: float = 0.2
    top_p: float = 0.9
    repeat_penalty: float = 1.05
    max_tokens: int = 80
    enough: int | None = 12
    q4_1_as: Kind | None = "q4_0"
    chat_template: str | None = None
    history_tokens: int | None = None
    warm_up: str = ""

    reads_ahead: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("xllamacpp", "gguf")
    extra: ClassVar[str] = "embedded"
    honours: ClassVar[frozenset[str]] = frozenset(
        {"instructions", "temperature", "max_tokens", "tools", "tool_choice", "parallel_tools"}
    )

    def weights(self) -> list[str]:
        """The GGUF file."""
        return [self.model]

    def load(self) -> None:
        """Start the server on a free port of 127.0.0.1; it reads `warm_up` into every slot while nobody calls."""
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(requantized(resolve(self.model), self.q4_1_as))
        params.hostnames, params.port = ["127.0.0.1"], 0
        params.n_parallel, params.n_ctx = self.slots, self.slots * self.context
        params.cpuparams.n_threads = self.threads
        params.cpuparams_batch.n_threads = self.batch_threads
        params.n_threads_http = self.slots + 2
        params.n_batch = params.n_ubatch = self.batch
        params.n_gpu_layers = self.gpu_layers
        kind = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{self.kv.upper()}")
        params.cache_type_k = params.cache_type_v = kind
        if self.kv == "f16" and not self.gpu_layers:  # on a CPU a long conversation is read a quarter sooner so
            params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_ram_mib, params.n_cache_reuse = self.cache_ram_mib, MOVED
        if self.chat_template:
            params.chat_template = self.chat_template
        # Mapped weights are the first that a system short of memory takes away, and then an answer waits for the disk.
        params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
        params.verbosity = -1
        params.ui = False
        params.endpoint_slots = False
        # Until its next ping, a thread whose stream has no reader keeps the server from closing.
        params.sse_ping_interval = 1
        self._server = xllamacpp.Server(params)
        self._url = f"{self._server.listening_address}/v1/chat/completions"
        self._reader = Reader(self._server.listening_address)
        self._calls_tools = self._reader.knows_tools()
        self._slots = Slots(self.slots)
        self._turns = Turns(self.at_once)
        self._closing = False
        self._warmer: threading.Thread | None = None
        if self.warm_up:
            self._warmer = threading.Thread(target=self._warm, name="llamacpp-warm-up", daemon=True)
            self._warmer.start()

    def close(self) -> None:
        """Stop the server; what it still answers is cut off."""
        self._closing = True
        if self._warmer is not None:
            self._warmer.join()
        self._server = None

    def hangup(self, call: Call) -> None:
        """Free the caller's slot."""
        self._slots.forget(call.id)

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ToolCall | ReplyEnd]:
        """Yield the answer as it comes; a conversation too long for the slot loses its older half.

        An answer without tools that is far ahead of its playback gives way to one that is needed sooner, and goes on
        later where it stopped; one that is `enough` tokens long ends with its sentence.
        """
        if item.ahead:
            await self._read(call, item)
            return
        forced = Forced.of(call.settings)
        if forced is None:
            tools = chat_tools(call.settings) if self._calls_tools else {}
            pieces = self._answer(call, item.lines, tools)
        else:
            pieces = forced.read(self._answer(call, forced.told(item.lines), forced.request(call.settings.max_tokens)))
        async with aclosing(pieces) as out:
            async for piece in out:
                yield piece

    async def _answer(
        self, call: Call, lines: tuple[Line, ...], request: dict[str, Any]
    ) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
        said = Said(None if request else self.enough)
        async with self._slots.lend(call.id) as slot:
            while not said.ended:
                try:
                    async with aclosing(self._stretch(call, lines, said, {**request, "id_slot": slot})) as pieces:
                        async for piece in pieces:
                            yield piece
                except Refused as error:
                    too_long = error.kind == "exceed_context_size_error" and call.settings.truncation is not None
                    fewer = shorter(lines) if too_long else lines
                    if fewer == lines:
                        raise RuntimeError(f"llama.cpp: {error}; {_remedy(error.kind)}") from error
                    lines = fewer

    async def _stretch(
        self, call: Call, lines: tuple[Line, ...], said: Said, request: dict[str, Any]
    ) -> AsyncGenerator[Reply | ToolCall | ReplyEnd, None]:
        """Generate until the answer ends, which `said` then knows, or until it gives way."""
        begun = (*lines, Line(role="assistant", text=said.text)) if said.text else lines
        body = {**self._body(call, begun, said.tokens), **request}
        before, usage = said.tokens, Usage()
        async with (
            self._turns.take(call),
            aclosing(events(self._url, body)) as chunks,
            aclosing(answer(usage.watch(chunks), bool(said.text))) as pieces,
        ):
            async for piece in pieces:
                if isinstance(piece, ReplyEnd):
                    said.ended = True
                    yield usage.joined(piece, before)
                    return
                if not isinstance(piece, Reply):
                    yield piece
                    continue
                if text := said.take(piece.text):
                    yield Reply(text=text)
                if said.ended:
                    yield usage.joined(usage.end(), before)
                    return
                if not request.keys() - {"id_slot"} and not said.text[-1].isspace() and self._turns.gives_way(call):
                    return

    async def _read(self, call: Call, item: Prompt) -> None:
        """Have the caller's slot read a prompt as far as it is sure, unless somebody needs the model."""
        if not self._slots.idle or not self._turns.idle or Forced.of(call.settings) is not None:
            return
        tools = chat_tools(call.settings) if self._calls_tools else {}
        prompt = begun(await self._reader.prompt({"messages": chat_messages(item), **tools}), item)
        if prompt:
            async with self._slots.lend(call.id) as slot:  # and no turn: another's answer need not wait for it
                await self._reader.read(prompt, slot)

    def _body(self, call: Call, lines: tuple[Line, ...], tokens: int) -> dict[str, Any]:
        settings = call.settings
        limit = self.max_tokens if settings.max_tokens is None else min(settings.max_tokens, self.max_tokens)
        return {
            "messages": chat_messages(Prompt(lines=lines)),
            "stream": True,
            "stream_options": {"include_usage": True},
            "timings_per_token": True,
            "temperature": self.temperature if settings.temperature is None else settings.temperature,
            "top_p": self.top_p,
            "repeat_penalty": self.repeat_penalty,
            "max_tokens": max(1, limit - tokens),
            "cache_prompt": True,
        }

    def _warm(self) -> None:
        """Have each slot that no caller has had read the system line, so that a first turn waits for less."""
        lines = (Line(role="system", text=self.warm_up), Line(role="user"))
        body = {"messages": chat_messages(Prompt(lines=lines)), "max_tokens": 1, "stream": True}

        async def read(slot: int) -> None:
            async with aclosing(events(self._url, {**body, "id_slot": slot})) as chunks:
                async for _ in chunks:
                    pass

        for slot in range(self.slots):
            if self._closing or slot not in self._slots.fresh:
                continue
            try:
                asyncio.run(read(slot))
            except Refused:
                return  # a chat template without a system line: there is nothing to read ahead


def _remedy(kind: str) -> str:
    if kind == "exceed_context_size_error":
        return "shorten the instructions or the turn, or raise 'context'"
    return "see the options of this stage"
