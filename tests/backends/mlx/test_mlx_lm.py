"""mlx-lm, with tiny random weights for what must hold of any model, and with SmolLM2 for what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.llm.mlx_lm import MlxLm
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall
from s2s.settings import Settings, Tool
from s2s.stage import Call
from s2s.weights import WeightsError
from tests.backends.mlx import llama, smollm2
from tests.backends.suite import built, conforms, from_hub, talk

WEATHER = Tool(
    name="get_weather",
    parameters={"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}}, "required": ["city"]},
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return built("llama", llama.build)


@pytest.fixture(scope="module")
def words() -> Path:
    return built("smollm2", smollm2.build)


@pytest.fixture(scope="module")
def writer(folder: Path) -> Iterator[MlxLm]:
    stage = MlxLm(model=str(folder), batch=16)
    stage.load()
    yield stage
    stage.close()


def prompt(*texts: str) -> Prompt:
    roles = ("user", "assistant")
    return Prompt(lines=tuple(Line(role=roles[n % 2], text=text) for n, text in enumerate(texts)))  # type: ignore[arg-type]


def caller(name: str = "caller", **settings: object) -> Call:
    return Call(name, 1, Settings(**{"max_tokens": 8, **settings}))  # type: ignore[arg-type]


def answer(stage: MlxLm, call: Call, asked: Prompt) -> tuple[str, ReplyEnd]:
    *said, end = stage.run(call, asked)
    assert isinstance(end, ReplyEnd)
    return "".join(piece.text for piece in said if isinstance(piece, Reply)), end


def test_it_conforms(folder: Path) -> None:
    conforms("llm", MlxLm(model=str(folder), temperature=1.0))


@pytest.mark.slow
def test_real_weights_conform_and_know_paris(words: Path) -> None:
    stage = MlxLm(model=str(words))
    conforms("llm", stage)
    stage.load()
    said, end = answer(stage, caller(max_tokens=24), prompt("What is the capital of France? Answer in one sentence."))
    print(said, end)
    assert "Paris" in said
    assert end.reason == "stop"


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_conversation(words: Path) -> None:
    heard = await talk(
        "llm=mlx-lm", f"llm.model={words}", "llm.max_tokens=16", "llm.repeat_penalty=1.05", "llm.history_tokens=0",
        patience_s=240,
    )  # fmt: skip
    assert heard.heard <= 0.10
    assert heard.said <= 0.15


def test_a_conversation_is_read_once_and_answered_as_if_it_were_read_again(writer: MlxLm, folder: Path) -> None:
    call = caller("kept")
    _, first = answer(writer, call, prompt("hello"))
    longer = prompt("hello", "how are you", "today?")
    said, second = answer(writer, call, longer)
    assert first.cached_tokens == 0
    assert second.cached_tokens >= first.input_tokens - 1
    assert answer(writer, caller("another"), longer) == (said, ReplyEnd(
        reason=second.reason, input_tokens=second.input_tokens, output_tokens=second.output_tokens
    ))  # fmt: skip
    writer.hangup(call)
    assert answer(writer, call, longer)[1].cached_tokens == 0
    forgetful = MlxLm(model=str(folder), kept_callers=0)
    forgetful.load()
    assert [answer(forgetful, call, longer)[1].cached_tokens for _ in range(2)] == [0, 0]


def test_an_answer_stops_at_its_limit_and_another_one_is_held_to_a_function(writer: MlxLm) -> None:
    _, end = answer(writer, caller(max_tokens=3), prompt("hello"))
    assert (end.reason, end.output_tokens) == ("length", 3)
    settings = {"tools": (WEATHER,), "max_tokens": None}
    for choice in ("required", "function:get_weather"):
        *pieces, end = writer.run(caller(tool_choice=choice, **settings), prompt("hello"))
        assert end.reason == "tool_calls"
        assert all(isinstance(piece, ToolCall) and piece.name == "get_weather" for piece in pieces)
        arguments = json.loads(pieces[-1].arguments)
        assert list(arguments) == ["city"]
        assert "".join(piece.delta for piece in pieces) == pieces[-1].arguments


def test_a_call_in_the_text_is_a_call_and_thoughts_are_not_said(writer: MlxLm, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '<think>hm</think>\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    seen: list[str] = []

    def written(tokens: list[int], *_: object) -> Iterator[int]:
        seen.append(writer._tokenizer.decode(tokens))
        yield from writer._tokenizer.encode(text, add_special_tokens=False)
        yield min(writer._ends)

    monkeypatch.setattr(writer, "_tokens", written)
    *pieces, end = writer.run(caller(tools=(WEATHER,)), prompt("hello"))
    (call,) = pieces
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments or "") == {"city": "Paris"}
    assert end.reason == "tool_calls"
    assert "get_weather" in seen[0]
    said, end = answer(writer, caller(tools=(WEATHER,), tool_choice="none"), prompt("hello"))
    assert (said.strip(), end.reason) == ("", "stop")
    assert "get_weather" not in seen[1]


def test_it_stops_between_two_pieces_of_a_prompt_and_what_was_read_stays(writer: MlxLm) -> None:
    call, looked = caller("hasty"), 0
    asked = prompt("how are you today? " * 40)

    class Impatient:
        """Is set once three pieces have been read."""

        def is_set(self) -> bool:
            nonlocal looked
            looked += 1
            return looked > 3

    begun = time.monotonic()
    made = writer._tokens(writer._read(call, asked.lines)[1], {"max_tokens": 5}, Impatient().is_set)
    assert list(made) == []
    assert looked == 4
    assert time.monotonic() - begun < 2.0
    out = writer.run(call, prompt("hello"))
    next(out)
    writer.cancel(call)
    assert list(out) == []  # not even a ReplyEnd: nobody waits for it
    assert answer(writer, caller("hasty"), prompt("hello"))[1].reason == "length"


def test_a_conversation_too_long_loses_its_older_half(folder: Path) -> None:
    stage = MlxLm(model=str(folder), context=80)
    stage.load()
    _, end = answer(stage, caller(), prompt("hello " * 9, "how " * 9, "today?"))
    assert end.input_tokens < 80
    with pytest.raises(RuntimeError, match=r"the prompt has \d+ tokens of at most 79; shorten .* or raise 'context'"):
        answer(stage, caller(), prompt("hello " * 99))
    with pytest.raises(RuntimeError, match="tokens of at most"):
        answer(stage, caller(truncation=None), prompt("hello " * 9, "how " * 9, "today?"))


def test_options_change_what_is_said(folder: Path, writer: MlxLm) -> None:
    asked = prompt("hello how are you")
    plain = answer(writer, caller("a", max_tokens=24), asked)[0]
    assert answer(writer, caller("b", max_tokens=24), asked)[0] == plain, "temperature 0 should always say the same"
    warm = {answer(writer, caller(str(n), max_tokens=24, temperature=1.5), asked)[0] for n in range(3)}
    assert len(warm) > 1
    stage = MlxLm(model=str(folder), repeat_penalty=2.0)
    stage.load()
    assert answer(stage, caller(max_tokens=24), asked)[0] != plain
    sure = MlxLm(model=str(folder), temperature=1.5, top_p=0.001)
    sure.load()
    assert answer(sure, caller(max_tokens=24), asked)[0] == plain, "the likeliest word alone should be left"
    brief = MlxLm(model=str(folder), max_tokens=2)
    brief.load()
    assert answer(brief, caller(max_tokens=24), asked)[1].output_tokens == 2


def test_mistakes_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"device: MLX .* finds no mps here; choose device=cpu"):
        MlxLm(model=str(folder), device="mps").load()
    with pytest.raises(ValueError, match="trust_remote_code: hf:nobody/nothing may change tomorrow; pin"):
        MlxLm(model="hf:nobody/nothing", trust_remote_code=True).load()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(ValueError, match=r"the model has no chat template: choose one .*, or set chat_template"):
        MlxLm(model=str(tmp_path)).load()
    MlxLm(model=str(tmp_path), chat_template="{{ messages[-1].content }}").load()
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(WeightsError, match=f"{tmp_path}: no model that can be loaded: .*nothing not supported.*; "):
        MlxLm(model=str(tmp_path)).load()


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    from_hub(MlxLm(), folder)
