"""A language model that hears, by transformers: real speech, without a recogniser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from s2s.audio import pcm16
from s2s.llm.transformers import Transformers
from s2s.messages import Line, Prompt, Reply, ReplyEnd
from s2s.settings import Settings
from s2s.stage import Call
from tests.backends import suite
from tests.backends.torch import tiny_llama, tiny_qwen_audio
from tests.backends.torch.tiny_qwen_audio import HEARD, UNHEARD, heard


@pytest.fixture(scope="module")
def model() -> Path:
    return suite.built("tiny-qwen-audio", tiny_qwen_audio.build)


def loaded(model: Path, **options: object) -> Transformers:
    made = Transformers(model=str(model), device="cpu", sound=True, temperature=0.0, **options)  # type: ignore[arg-type]
    made.load()
    return made


@pytest.fixture(scope="module")
def stage(model: Path) -> Iterator[Transformers]:
    made = loaded(model)
    yield made
    made.close()


def spoken(number: int, seed: int = 7) -> Line:
    """A line that the caller said, cut a little differently by each seed."""
    return Line(role="user", audio=pcm16(heard(np.random.default_rng(seed), number)), sound_of=f"item_{number}")


def answered(stage: Transformers, *lines: Line) -> tuple[str, ReplyEnd]:
    items = list(stage.run(Call("t", 1, Settings()), Prompt(lines=lines)))
    end = items[-1]
    assert isinstance(end, ReplyEnd)
    return "".join(item.text for item in items if isinstance(item, Reply)), end


def test_conformance(model: Path) -> None:
    suite.conforms("llm", Transformers(model=str(model), device="cpu", sound=True, temperature=0.0))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("number", range(len(HEARD)))
def test_a_turn_is_heard(stage: Transformers, number: int, seed: int) -> None:
    said, end = answered(stage, Line(role="system", text="Be brief."), spoken(number, seed))
    assert said == HEARD[number]
    assert end.cached_tokens == 0, "one sound is as many tokens as another"


def test_sounds_keep_their_order_among_the_lines(stage: Transformers) -> None:
    for first, second in ((0, 1), (1, 0), (1, 1)):
        before = Line(role="assistant", text=HEARD[first])
        assert answered(stage, spoken(first), before, spoken(second))[0] == HEARD[second]


def test_a_written_line_needs_no_sound(stage: Transformers) -> None:
    assert answered(stage, Line(role="user", text="Hello?"))[0] == UNHEARD


def test_a_template_of_plain_texts_is_told_of_a_sound_by_the_models_mark(model: Path) -> None:
    plain = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ '' + message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
"""
    stage = loaded(model, chat_template=plain)
    line = Line(role="user", text="What <|AUDIO|> is it?", audio=bytes(3200))
    assert stage._template.text((line,), Settings()).startswith("<|im_start|>user\n<|AUDIO|>What  is it?<|im_end|>")
    assert answered(stage, spoken(0))[1].input_tokens > 50, "the sound is among them"


def test_a_model_that_hears_nothing_says_so_at_the_start() -> None:
    deaf = Transformers(model=str(suite.built("tiny-llama", tiny_llama.build)), device="cpu", sound=True)
    with pytest.raises(ValueError, match=r"takes no sound.*sound=false"):
        deaf.load()


def test_of_a_model_that_also_speaks_only_what_writes_is_loaded(tmp_path: Path) -> None:
    import torch
    import transformers

    sizes = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
    text = {**sizes, "num_key_value_heads": 2, "vocab_size": 64}
    thinker = {"text_config": text, "audio_config": {**sizes, "output_dim": 16, "num_mel_bins": 8}}
    sight = {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 16}
    config = transformers.Qwen2_5OmniConfig(
        thinker_config={**thinker, "vision_config": sight}, enable_audio_output=False
    )
    transformers.Qwen2_5OmniForConditionalGeneration(config).save_pretrained(tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**told, "enable_audio_output": True}))
    torch.save({}, tmp_path / "spk_dict.pt")
    model = Transformers(model=str(tmp_path), sound=True)._load_model(tmp_path, "cpu")
    assert type(model).__name__ == "Qwen2_5OmniThinkerForConditionalGeneration"


def test_a_prompt_that_the_processor_does_not_take_is_said_at_the_start(model: Path) -> None:
    twice = "{% for message in messages %}{{ '' + message.content }}{{ message.content }}{% endfor %}"
    with pytest.raises(
        ValueError, match=r"does not take its prompt: .*Found total 2 .*; choose another model.*sound=false"
    ):
        loaded(model, chat_template=twice)


@pytest.mark.anyio
async def test_a_conversation_without_a_recogniser(model: Path) -> None:
    words = (f"llm.model={model}", "llm.sound=true", "llm.device=cpu", "llm.temperature=0")
    captions = '+graph.captions="turn | stt | caller"'
    talk = await suite.talk("graph=audio-llm", "llm=transformers", *words, captions)
    assert talk.answers == HEARD
    assert talk.heard <= 0.1 and talk.said <= 0.15
