"""Language models by mlx-lm, in this process: for the GPU of an Apple computer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from s2s.llm.chat_template import ChatTemplate
from s2s.llm.forced import Forced, most_tokens
from s2s.llm.held import Held
from s2s.llm.json_pattern import pattern
from s2s.llm.mlx_caches import Caches
from s2s.llm.shortened import shorter
from s2s.llm.writing import Writing
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.mlx_models import folder, loading, release, steps, stream
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.torch_models import quieten, trusted

PENALTY_WORDS = 64
"""Tokens at the end of a text of which none is said again as gladly."""


class Stopped(Exception):
    """Nobody wants the answer whose prompt is being read."""


@dataclass(kw_only=True)
class MlxLm(Stage):
    """A language model in MLX's layout, with its own chat template; callers are answered one after the other.

    `history_tokens` is what it asks `chat` to keep a conversation to.
    """

    model: str = "hf:mlx-community/Qwen3-4B-Instruct-2507-bf16@f9e77d4283734966e9cd641bf35547f0cff5d427"
    device: str = "auto"
    trust_remote_code: bool = False
    temperature: float = 0.0
    top_p: float = 1.0
    repeat_penalty: float = 1.0
    max_tokens: int = 256
    enough: int | None = None
    context: int | None = 8192
    batch: int = 512
    kept_callers: int = 4
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    history_tokens: int | None = None

    needs: ClassVar[tuple[str, ...]] = ("mlx_lm",)
    extra: ClassVar[str] = "mlx"
    honours: ClassVar[frozenset[str]] = frozenset(
        {"instructions", "temperature", "max_tokens", "tools", "tool_choice", "parallel_tools", "effort"}
    )

    def weights(self) -> list[str]:
        """The model's folder."""
        return [self.model]

    def load(self) -> None:
        """Load the model and have it write a token."""
        import mlx_lm

        trust = trusted(self.model, self.trust_remote_code)
        path = folder(self.model)
        quieten()
        self._stream = stream(self.device)
        with loading(self.model, self._stream):
            self._model, self._tokenizer = mlx_lm.load(
                str(path), tokenizer_config={"trust_remote_code": trust}, trust_remote_code=trust
            )
        self._template = ChatTemplate(self._tokenizer, self.chat_template, self.chat_template_kwargs)
        self._ends = set(self._tokenizer.eos_token_ids)
        self._kept = Caches(self.kept_callers, self._model)
        for _ in self._tokens(self._tokenizer.encode("Hello."), {"max_tokens": 1}, threading.Event().is_set):
            pass

    def close(self) -> None:
        """Let the model go."""
        for name in ("_model", "_kept"):
            self.__dict__.pop(name, None)
        release()

    def cancel(self, call: Call) -> None:
        """Stop the caller's answer after its next token, or the next piece of its prompt."""
        if stop := call.state.get("stop"):
            stop.set()

    def hangup(self, call: Call) -> None:
        """Let go of what the caller's conversation takes."""
        if kept := self.__dict__.get("_kept"):
            kept.forget(call.id)

    def run(self, call: Call, item: Prompt) -> Iterator[Reply | ToolCall | ReplyEnd]:
        """Yield the answer as it comes; a conversation too long for the model loses its older half."""
        if item.ahead:
            return
        forced = Forced.of(call.settings)
        if forced is None:
            yield from self._answer(call, item.lines)
        else:
            yield from forced.calls(self._answer(call, forced.told(item.lines), forced))

    def _answer(
        self, call: Call, lines: tuple[Line, ...], forced: Forced | None = None
    ) -> Iterator[Reply | ToolCall | ReplyEnd]:
        stop = call.state["stop"] = threading.Event()
        text, prompt = self._read(call, lines)
        settings = call.settings
        cache, known = self._kept.take(call.id, prompt)
        writing = Writing(self._tokenizer, self._ends, text, settings, forced, self.enough)
        options = self._options(settings, len(prompt), len(prompt) - known, forced)
        made = self._tokens(prompt[known:], {**options, "prompt_cache": cache}, lambda: stop.is_set() or not call.live)
        try:
            for token in made:
                yield from writing.add(token)
                if stop.is_set() or writing.over:
                    break
        finally:
            made.close()
            if cache is not None:
                self._kept.keep(call.id, cache, [*prompt, *writing.tokens])
        if not stop.is_set() and call.live:
            yield from writing.rest(len(prompt), known)

    def _tokens(
        self, prompt: list[int], options: dict[str, Any], stopped: Callable[[], bool]
    ) -> Generator[int, None, None]:
        """Yield tokens that go on from a prompt; none where it is stopped before the prompt is read."""
        import mlx_lm

        def look(*_: int) -> None:
            if stopped():
                raise Stopped

        made = mlx_lm.stream_generate(
            self._model,
            self._tokenizer,
            prompt,
            stream=self._stream,
            prefill_step_size=self.batch,
            prompt_progress_callback=look,
            **options,
        )
        try:
            for response in steps(self._stream, made):
                yield int(response.token)
        except Stopped:
            return

    def _options(self, settings: Settings, length: int, new: int, forced: Forced | None) -> dict[str, Any]:
        """Return how words are chosen after a prompt of `length` tokens, of which `new` are to be read."""
        from mlx_lm.sample_utils import make_logits_processors, make_sampler

        room = self.context - length if self.context else self.max_tokens
        if forced is not None:
            held = Held(pattern(forced.schema), self._tokenizer, new, self._ends)
            return {
                "max_tokens": min(room, most_tokens(settings.max_tokens)),
                "logits_processors": [_holding(held, new)],
            }
        limit = self.max_tokens if settings.max_tokens is None else min(settings.max_tokens, self.max_tokens)
        penalty = self.repeat_penalty if self.repeat_penalty != 1.0 else None
        return {
            "max_tokens": max(1, min(room, limit)),
            "sampler": make_sampler(
                self.temperature if settings.temperature is None else settings.temperature,
                top_p=self.top_p if self.top_p < 1 else 0.0,
            ),
            "logits_processors": make_logits_processors(
                repetition_penalty=penalty, repetition_context_size=PENALTY_WORDS
            ),
        }

    def _read(self, call: Call, lines: tuple[Line, ...]) -> tuple[str, list[int]]:
        """Return a prompt's text and tokens; as much of the conversation as there is room for."""
        while True:
            text = self._template.text(lines, call.settings)
            tokens = self._tokenizer.encode(text, add_special_tokens=False)
            if self.context is None or len(tokens) < self.context:
                return text, tokens
            fewer = shorter(lines)
            if fewer == lines or call.settings.truncation is None:
                raise RuntimeError(
                    f"mlx-lm: the prompt has {len(tokens)} tokens of at most {self.context - 1}; "
                    "shorten the instructions or the turn, or raise 'context'"
                )
            lines = fewer


def _holding(held: Held, skip: int) -> Callable[[Any, Any], Any]:
    """Return a logits processor of mlx-lm's; `skip` tokens of the prompt come before what is written."""
    import mlx.core as mx

    def hold(tokens: Any, logits: Any) -> Any:
        scores = np.array(logits[0].astype(mx.float32))
        chosen = held.choose(tokens[skip:].tolist(), scores)
        return mx.where(mx.arange(len(scores)) == chosen, 0.0, -mx.inf)[None]

    return hold
