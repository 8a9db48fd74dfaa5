"""A Qwen2-Audio of 200,000 weights that hears: it has learnt to tell one spoken sentence from another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.backends.torch.tiny_llama import tokenizer
from tests.backends.torch.tiny_llava import answered
from tests.embedded.speech import turn_sound

HZ = 16000
LONGEST_S = 5
HEARD = ("The best and the worst.", "A season of darkness.")
"""What it answers to the turn of that number."""
UNHEARD = "none"
TEMPLATE = """\
{%- for message in messages if message.role != 'system' %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}
{{- '<|audio_bos|><|AUDIO|><|audio_eos|>' if part.type == 'audio' else part.text }}{% endfor %}{% endif %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def build(folder: Path) -> None:
    """Teach the model the two sentences, in less than a minute, and save it with its processor."""
    import torch
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioEncoderConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        Qwen2Config,
        WhisperFeatureExtractor,
    )

    torch.manual_seed(0)
    words = tokenizer()
    words.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]}
    )
    processor = Qwen2AudioProcessor(
        WhisperFeatureExtractor(feature_size=40, chunk_length=LONGEST_S), words, chat_template=TEMPLATE
    )
    text = Qwen2Config(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=None, eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )  # fmt: skip
    ears = Qwen2AudioEncoderConfig(
        num_mel_bins=40, encoder_layers=1, encoder_attention_heads=4, encoder_ffn_dim=128, d_model=64,
        max_source_positions=LONGEST_S * 50, initializer_range=0.1,
    )  # fmt: skip
    config = Qwen2AudioConfig(
        audio_config=ears, text_config=text, audio_token_index=words.convert_tokens_to_ids("<|AUDIO|>")
    )
    model = Qwen2AudioForConditionalGeneration(config)
    draw = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    recent: list[float] = []
    for _ in range(600):
        lessons = [_lesson(processor, draw, turns) for turns in ((0,), (1,), (), draw.integers(0, 2, 2))]
        loss = torch.stack([model(**lesson).loss for lesson in lessons]).mean()
        recent = [*recent[-19:], float(loss.detach())]
        if len(recent) == 20 and max(recent) < 0.01:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert np.mean(recent) < 0.02, f"it has not learnt the sentences: {recent}"
    model.generation_config.eos_token_id = words.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def heard(draw: np.random.Generator, number: int) -> np.ndarray:
    """Return a turn as a detector might cut it: a little early or late, and louder or not."""
    samples = turn_sound(number, HZ).astype("f4") / 32768
    before, after = (np.zeros(int(draw.uniform(0, 0.6) * HZ), "f4") for _ in range(2))
    samples = samples[int(draw.uniform(0, 0.1) * HZ) :] * draw.uniform(0.5, 1.5)
    return np.concatenate([before, samples, after])[: LONGEST_S * HZ].astype("f4")


def _lesson(processor: Any, draw: np.random.Generator, turns: Sequence[int]) -> dict[str, Any]:
    """Return the model's inputs for turns with their answers, or one in writing."""
    said: list[dict[str, Any]] = []
    for number in turns:
        said += [
            {"role": "user", "content": [{"type": "audio"}]},
            {"role": "assistant", "content": [{"type": "text", "text": HEARD[number]}]},
        ]
    answer = said.pop()["content"][0]["text"] if said else UNHEARD
    said = said or [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}]
    prompt = processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
    sounds = [heard(draw, number) for number in turns]
    more = {"audio": sounds, "sampling_rate": HZ} if sounds else {}
    inputs = processor(text=[prompt], return_tensors="pt", add_special_tokens=False, **more)
    return answered(inputs, processor.tokenizer, answer)
