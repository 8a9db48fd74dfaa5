"""A model of 100,000 weights that sees: it has learnt to tell red pictures from blue ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.backends.torch.tiny_llama import tokenizer

TEMPLATE = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% for part in message.content %}{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
QUESTION = "Which colour?"
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
SIDE = 32


def build(folder: Path) -> None:
    """Teach the model the two colours, in some seconds, and save it with its processor."""
    import torch
    from PIL import Image
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    words = tokenizer()
    words.chat_template = None
    words.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<image>"]})
    size = {"height": SIDE, "width": SIDE}
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size),
        tokenizer=words,
        patch_size=SIDE // 2,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    text = LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=1024, bos_token_id=None, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    sight = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
        patch_size=SIDE // 2, projection_dim=32,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=sight, text_config=text, image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1, pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    lessons = []
    for name, colour in COLOURS.items():
        picture = Image.new("RGB", (SIDE, SIDE), colour)
        lessons.append(_lesson(processor, [picture], name))
    lessons.append(_lesson(processor, [], "none"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(400):
        loss = torch.stack([model(**lesson).loss for lesson in lessons]).mean()
        if loss < 0.002:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02, f"it has not learnt the colours: {loss}"
    model.generation_config.eos_token_id = words.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _lesson(processor: Any, pictures: list[Any], answer: str) -> dict[str, Any]:
    """Return the model's inputs for a question with its answer."""
    parts = [*[{"type": "image"} for _ in pictures], {"type": "text", "text": QUESTION}]
    prompt = processor.apply_chat_template([{"role": "user", "content": parts}], add_generation_prompt=True)
    more = {"images": pictures} if pictures else {}
    inputs = processor(text=[prompt], return_tensors="pt", add_special_tokens=False, **more)
    return answered(inputs, processor.tokenizer, answer)


def answered(inputs: Any, words: Any, answer: str) -> dict[str, Any]:
    """Return the inputs of a prompt with its answer, which alone is to be learnt."""
    import torch

    after = torch.tensor([[*words(answer, add_special_tokens=False)["input_ids"], words.eos_token_id]])
    before = inputs.pop("input_ids")
    inputs.pop("attention_mask")
    labels = torch.cat([torch.full_like(before, -100), after], dim=1)
    return {**inputs, "input_ids": torch.cat([before, after], dim=1), "labels": labels}
