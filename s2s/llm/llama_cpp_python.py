"""Language models in this process, by llama-cpp-python."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar

from s2s.llm.chat_stream import Answer, chat_tools
from s2s.llm.forced import Forced
from s2s.llm.said import Said
from s2s.llm.shortened import shorter
from s2s.llm.smollm2 import SMOLLM2
from s2s.llm.template_messages import Message, marks, messages
from s2s.llm.watch import Watch
from s2s.llm.written import Written
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.weights import WeightsError, resolve

CALLING = "chatml-function-calling"
"""The package's own format for tools, in which a grammar has the model choose one or none."""


@dataclass(kw_only=True)
class LlamaCppPython(Stage):
    """A GGUF model by llama-cpp-python: one context, in which callers are answered one after the other.

    What the next prompt has in common with the last one is not read again. `history_tokens` is what it asks `chat` to
    keep a conversation to.
    """

    model: str = SMOLLM2
    context: int = 2048
    threads: int = 1
    batch_threads: int = 1
    batch: int = 128
    gpu_layers: int = 0
    chat_format: str | None = None
    temperature: float = 0.2
    top_p: float = 0.9
    repeat_penalty: float = 1.05
    max_tokens: int = 80
    enough: int | None = 12
    history_tokens: int | None = None

    needs: ClassVar[tuple[str, ...]] = ("llama_cpp",)
    extra: ClassVar[str] = "llama-cpp"
    honours: ClassVar[frozenset[str]] = frozenset(
        {"instructions", "temperature", "max_tokens", "tools", "tool_choice", "parallel_tools"}
    )

    def weights(self) -> list[str]:
        """The GGUF file."""
        return [self.model]

    def load(self) -> None:
        """Load the model and have it read and write a token."""
        import llama_cpp

        path = resolve(self.model)
        try:
            self._llama = llama_cpp.Llama(
                model_path=str(path),
                n_ctx=self.context,
                n_batch=self.batch,
                n_threads=self.threads,
                n_threads_batch=self.batch_threads,
                n_gpu_layers=self.gpu_layers,
                chat_format=self.chat_format,
                verbose=False,
            )
        except ValueError as error:
            raise WeightsError(f"{self.model}: llama.cpp can't load {path}; give a GGUF file that it knows") from error
        self._special = marks(_control_tokens(self._llama, llama_cpp))
        template = "" if self.chat_format else str(self._llama.metadata.get("tokenizer.chat_template", ""))
        self._calls_tools = "tools" in template or (self.chat_format or "").startswith(("functionary", CALLING))
        self._watch = Watch(self._llama)
        self._running: Call | None = None
        self._changing = threading.Lock()
        self._llama.create_completion("Hello", max_tokens=1)

    def close(self) -> None:
        """Let the model go."""
        if llama := self.__dict__.pop("_llama", None):
            llama.close()

    def cancel(self, call: Call) -> None:
        """Stop the caller's answer, while its prompt is read too."""
        with self._changing:
            if self._running is call:
                self._watch.stop()

    def run(self, call: Call, item: Prompt) -> Iterator[Reply | ToolCall | ReplyEnd]:
        """Yield the answer as it comes; a conversation too long for the context loses its older half."""
        if item.ahead:
            return
        forced = Forced.of(call.settings)
        if forced is None:
            yield from self._answer(call, item.lines, self._tools(call.settings))
            return
        request = forced.request(call.settings.max_tokens)
        request["response_format"] = {"type": "json_object", "schema": forced.schema}
        yield from forced.calls(self._answer(call, forced.told(item.lines), request))

    def _answer(
        self, call: Call, lines: tuple[Line, ...], request: dict[str, Any]
    ) -> Iterator[Reply | ToolCall | ReplyEnd]:
        try:
            while True:
                try:
                    yield from self._once(call, lines, request)
                    return
                except ValueError as error:  # before anything was written
                    too_long = "context window" in str(error)
                    fewer = shorter(lines) if too_long and call.settings.truncation is not None else lines
                    if fewer == lines:
                        remedy = (
                            "shorten the instructions or the turn, or raise 'context'"
                            if too_long
                            else "see chat_format"
                        )
                        raise RuntimeError(f"llama-cpp-python: {' '.join(str(error).split())}; {remedy}") from error
                    lines = fewer
        finally:
            with self._changing:
                self._running = None

    def _once(
        self, call: Call, lines: tuple[Line, ...], request: dict[str, Any]
    ) -> Iterator[Reply | ToolCall | ReplyEnd]:
        settings = call.settings
        with self._changing:
            self._watch.begin(lambda: call.live)
            self._running = call
        said = Said(None if request else self.enough)
        written = Written()
        answer = Answer(written)
        with closing(self._chunks({**self._body(settings, lines), **request})) as chunks:
            try:
                for number, chunk in enumerate(chunks):
                    if number == 0:  # now the prompt is known
                        tools = settings.tools if "tools" in request else ()
                        written = Written(tools, settings.parallel_tools, self._watch.thinking)
                        answer = Answer(written)
                    yield from said.heard(answer.feed(chunk))
                    if said.ended or (written.called and not settings.parallel_tools):
                        answer.finish = "stop"
                    if answer.finish:
                        break
            except RuntimeError:
                if not self._watch.stopped:
                    raise
        if self._watch.stopped:
            return
        yield from said.heard(answer.end())
        watch = self._watch
        usage = {"prompt_tokens": watch.prompt, "completion_tokens": watch.written}
        yield answer.last({**usage, "prompt_tokens_details": {"cached_tokens": watch.cached}})

    def _chunks(self, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Yield the chunks of a chat completion."""
        if "tools" in body and self.chat_format == CALLING:
            # Here the package does not stream calls, and what is no call it writes under a grammar that forbids words.
            whole = self._llama.create_chat_completion(**body, stream=False)
            if calls := whole["choices"][0]["message"].get("tool_calls"):
                yield {"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
                return
            body = {name: value for name, value in body.items() if name not in ("tools", "tool_choice")}
        yield from self._llama.create_chat_completion(**body, stream=True)

    def _tools(self, settings: Settings) -> dict[str, Any]:
        """Return the tool fields of a request whose model may call one."""
        if not self._calls_tools or settings.tool_choice != "auto":
            return {}
        found = chat_tools(settings)
        found.pop("parallel_tool_calls", None)
        return found

    def _body(self, settings: Settings, lines: tuple[Line, ...]) -> dict[str, Any]:
        limit = self.max_tokens if settings.max_tokens is None else min(settings.max_tokens, self.max_tokens)
        made = messages(lines, self._special)
        return {
            "messages": _for_calling(made) if self.chat_format == CALLING else made,
            "temperature": self.temperature if settings.temperature is None else settings.temperature,
            "top_p": self.top_p,
            "repeat_penalty": self.repeat_penalty,
            "max_tokens": limit,
        }


def _for_calling(made: list[Message]) -> list[Message]:
    """Return messages for a format that lists tools in the system's, wants arguments as text and hears no results."""
    from markupsafe import Markup  # the format writes all other texts as HTML; the package needs this one too

    found = list(made)
    if not found or found[0]["role"] != "system":
        found.insert(0, {"role": "system", "content": ""})
    for message in found:
        for use in message.get("tool_calls", ()):
            use["function"]["arguments"] = Markup(json.dumps(use["function"]["arguments"]))
        if message["role"] == "tool":
            message.update(role="user", content=f"functions.{message['name']} returned: {message['content']}")
        message["content"] = Markup(message["content"])
    return found


def _control_tokens(llama: Any, llama_cpp: Any) -> Iterator[str]:
    """Yield the texts of the model's special tokens."""
    vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
    for token in range(llama.n_vocab()):
        if llama_cpp.llama_vocab_is_control(vocabulary, token):
            yield llama_cpp.llama_vocab_get_text(vocabulary, token).decode("utf-8", "replace")
