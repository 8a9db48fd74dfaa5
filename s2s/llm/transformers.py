"""Language models by transformers, in this process."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from s2s.audio import float32
from s2s.llm.chat_template import ChatTemplate
from s2s.llm.forced import Forced, most_tokens
from s2s.llm.generation import Brake, Generation
from s2s.llm.held import Held
from s2s.llm.json_pattern import pattern
from s2s.llm.pictures import pictures
from s2s.llm.prefixes import Prefixes
from s2s.llm.shortened import shorter
from s2s.llm.writing import Writing
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.torch_models import Dtype, device, dtype, folder, limit_threads, quieten, trusted

GREEDY = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "min_p": None, "typical_p": None}
"""What `generate` is told where the likeliest word is always taken."""
HEARD_HZ = 16000
"""The sample rate of a line's sound, and of what models of language hear."""
ENDLESS = 1 << 30
"""The tokens of a model that sets no bounds."""


@dataclass(kw_only=True)
class Transformers(Stage):
    """A causal language model of a hub, with its own chat template; callers are answered one after the other.

    `images` loads it as one that sees pictures, `sound` as one that hears the caller. `history_tokens` is what it asks
    `chat` to keep a conversation to.
    """

    model: str = "hf:Qwen/Qwen3-4B-Instruct-2507@cdbee75f17c01a7cc42f958dc650907174af0554"
    device: str = "auto"
    dtype: Dtype = "auto"
    threads: int = 1
    images: bool = False
    sound: bool = False
    trust_remote_code: bool = False
    temperature: float | None = None
    top_p: float | None = None
    repeat_penalty: float = 1.0
    max_tokens: int = 256
    enough: int | None = None
    context: int | None = None
    kept_callers: int = 4
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    history_tokens: int | None = None

    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "accelerate")
    extra: ClassVar[str] = "torch"
    honours: ClassVar[frozenset[str]] = frozenset(
        {"instructions", "temperature", "max_tokens", "tools", "tool_choice", "parallel_tools", "effort"}
    )

    def weights(self) -> list[str]:
        """The model's folder."""
        return [self.model]

    def load(self) -> None:
        """Load the model and have it write a token."""
        import transformers

        code = self._code()
        path = folder(self.model, "config.json")
        where = device(self.device)
        limit_threads(self.threads)
        quieten()
        reader = transformers.AutoProcessor if self.images or self.sound else transformers.AutoTokenizer
        self._reader = reader.from_pretrained(path, **code)
        self._tokenizer = getattr(self._reader, "tokenizer", self._reader)
        self._template = ChatTemplate(
            self._reader, self.chat_template, self.chat_template_kwargs, self.images, self.sound
        )
        self._model = self._load_model(path, where)
        self._brake = Brake(self._model)
        # Pictures and sounds have places only among the tokens, which don't tell one from another.
        self._prefixes = Prefixes(0 if self.images or self.sound else self.kept_callers, self._model.config)
        config = self._model.config.get_text_config()
        self._most: int = self.context or getattr(config, "max_position_embeddings", None) or ENDLESS
        self._ends = _ends(self._model, self._tokenizer)
        self._running: tuple[Call, Generation] | None = None
        self._model.generate(**self._trial().to(where), generation_config=self._sampling(0.0, 1))

    def hears(self) -> bool:
        """Whether it was told that its model takes sound."""
        return self.sound

    def close(self) -> None:
        """Let the model go."""
        for name in ("_model", "_brake", "_prefixes"):
            self.__dict__.pop(name, None)

    def cancel(self, call: Call) -> None:
        """Stop the caller's answer before its next layer."""
        running = self._running
        if running is not None and running[0] is call:
            running[1].stop()

    def hangup(self, call: Call) -> None:
        """Let go of what the caller's conversation takes."""
        if prefixes := self.__dict__.get("_prefixes"):
            prefixes.forget(call.id)

    def run(self, call: Call, item: Prompt) -> Iterator[Reply | ToolCall | ReplyEnd]:
        """Yield the answer as it comes; a conversation too long for the model loses its older half."""
        if item.ahead:
            return
        forced = Forced.of(call.settings)
        if forced is None:
            yield from self._answer(call, item.lines)
        else:
            yield from forced.calls(self._answer(call, forced.told(item.lines), forced))

    def _load_model(self, path: Path, where: str) -> Any:
        """Load the model of a folder; of one that has a voice of its own, only what writes."""
        import transformers

        kind = transformers.AutoModelForImageTextToText if self.images else transformers.AutoModelForCausalLM
        if self.sound:
            kind = transformers.AutoModelForMultimodalLM
        config = transformers.AutoConfig.from_pretrained(path, **self._code())
        if hasattr(config, "enable_audio_output"):
            config.enable_audio_output = False
        options = {"config": config, "dtype": dtype(self.dtype, where), "device_map": where, **self._code()}
        model = kind.from_pretrained(path, **options).eval()
        return getattr(model, "thinker", model)

    def _trial(self) -> Any:
        """Return the inputs of a first prompt, so that a template or processor that does not fit fails at the start."""
        line = Line(role="user", text="Hello.", audio=bytes(2 * HEARD_HZ) if self.sound else b"")
        try:
            return self._inputs((line,), Settings())[1]
        except (TypeError, ValueError) as error:
            what = "the model's processor does not take its prompt"
            remedy = "choose another model, or another chat_template" + (", or set sound=false" if self.sound else "")
            raise ValueError(f"{what}: {' '.join(str(error).split())}; {remedy}") from error

    def _code(self) -> dict[str, bool]:
        return {"trust_remote_code": trusted(self.model, self.trust_remote_code)}

    def _answer(
        self, call: Call, lines: tuple[Line, ...], forced: Forced | None = None
    ) -> Iterator[Reply | ToolCall | ReplyEnd]:
        text, inputs = self._read(call, lines)
        prompt = inputs["input_ids"][0].tolist()
        settings = call.settings
        options = self._options(settings, prompt, forced)
        cache, known = self._prefixes.take(call.id, prompt)
        if cache is not None:
            options["past_key_values"] = cache
        writing = Writing(self._tokenizer, self._ends, text, settings, forced, self.enough)
        generation = Generation(self._model, self._brake, inputs, options, lambda: call.live)
        self._running = call, generation
        try:
            for token in generation:
                yield from writing.add(token)
                if writing.over:
                    break
        finally:
            generation.close()
            self._running = None
            if cache is not None:
                self._prefixes.keep(call.id, cache, [*prompt, *writing.tokens])
        if not generation.stopped and call.live:
            yield from writing.rest(len(prompt), known)

    def _options(self, settings: Settings, prompt: list[int], forced: Forced | None) -> dict[str, Any]:
        """Return what `generate` is told of how to go on from a prompt."""
        room = self._most - len(prompt)
        if forced is not None:
            held = Held(pattern(forced.schema), self._tokenizer, len(prompt), self._ends)
            sampling = self._sampling(0.0, min(room, most_tokens(settings.max_tokens)))
            return {"generation_config": sampling, "logits_processor": [held]}
        limits = (room, self.max_tokens, *([] if settings.max_tokens is None else [settings.max_tokens]))
        return {"generation_config": self._sampling(settings.temperature, min(limits))}

    def _read(self, call: Call, lines: tuple[Line, ...]) -> tuple[str, Any]:
        """Return a prompt's text and the model's inputs; as much of the conversation as it has room for."""
        while True:
            text, inputs = self._inputs(lines, call.settings)
            length = inputs["input_ids"].shape[1]
            if length < self._most:
                return text, inputs.to(self._model.device)
            fewer = shorter(lines)
            if fewer == lines or call.settings.truncation is None:
                raise RuntimeError(
                    f"transformers: the prompt has {length} tokens of at most {self._most - 1}; "
                    "shorten the instructions or the turn, or take a model with more context"
                )
            lines = fewer

    def _inputs(self, lines: tuple[Line, ...], settings: Settings) -> tuple[str, Any]:
        found: list[Any] = []
        if self.images:
            lines, found = pictures(lines)
        text = self._template.text(lines, settings)
        options: dict[str, Any] = {"images": found} if found else {}
        if sounds := [float32(line.audio) for line in lines if line.audio and self.sound]:
            options.update(audio=sounds, sampling_rate=HEARD_HZ)
        inputs = self._reader(text=[text], return_tensors="pt", add_special_tokens=False, **options)
        inputs.pop("token_type_ids", None)
        return text, inputs

    def _sampling(self, temperature: float | None, limit: int) -> Any:
        """Return how words are chosen: by what the caller or the options say, else as the model's makers do."""
        config = copy.deepcopy(self._model.generation_config)
        chosen = self.temperature if temperature is None else temperature
        if chosen == 0:
            config.update(**GREEDY)
        elif chosen is not None:
            config.update(do_sample=True, temperature=float(chosen))
        if self.top_p is not None and chosen != 0:
            config.update(top_p=float(self.top_p))
        if self.repeat_penalty != 1.0:
            config.update(repetition_penalty=float(self.repeat_penalty))
        ends = sorted(self._ends)
        config.update(max_length=None, max_new_tokens=limit, eos_token_id=ends, pad_token_id=ends[0] if ends else 0)
        return config


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """Return the tokens that end an answer, by the model and by its tokenizer, which do not always agree."""
    ends = model.generation_config.eos_token_id
    found = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    return {token for token in found if token is not None}
