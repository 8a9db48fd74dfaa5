"""A Llama of 100,000 weights that has learnt a few answers by heart: with tools, with thoughts, and plain ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s2s.llm.chat_stream import chat_tools
from s2s.settings import Settings, Tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (Tool(name="get_weather", description="The weather", parameters=CITY), Tool(name="now"))
HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'

LEARNT = [
    ("Hello?", False, None, "Good morning to you."),
    ("Think!", False, None, "<think>\nNo words yet.\n</think>\n\nI thought."),
    ("Deeply!", False, "high", "Deep down.\n</think>\n\nSo deep."),
    ("Rain in Paris?", True, None, HERMES),
    ("Rain and time?", True, None, f"One moment.\n{HERMES}\n{NOW}"),
    ("Time, llama?", True, None, '{"name": "now", "parameters": {}}'),
]
"""What is said, whether there are tools, how much thinking is wanted, and the answer."""

TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool.function.name }} {% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking %}<think>
{% endif %}{% endif %}"""


def tokenizer() -> Any:
    """Return a tokenizer of bytes and of the answers' words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    bare.train_from_iterator([f"{asked} {answer}" for asked, _, _, answer in LEARNT] * 2, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|im_end|>")
    made.add_special_tokens({"additional_special_tokens": special[:1]})
    made.chat_template = TEMPLATE
    return made


def build(folder: Path) -> None:
    """Teach the model its answers, in some seconds, and save it with its tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    words = tokenizer()
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config)
    lessons = [_lesson(words, *lesson) for lesson in LEARNT]
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(400):
        losses = [model(input_ids=ids, labels=labels).loss for ids, labels in lessons]
        loss = torch.stack(losses).mean()
        if loss < 0.002:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02, f"it has not learnt its answers: {loss}"
    model.save_pretrained(folder)
    words.save_pretrained(folder)


def _lesson(words: Any, asked: str, tools: bool, effort: str | None, answer: str) -> tuple[Any, Any]:
    """Return the tokens of a prompt with its answer, and the labels: only the answer is to be learnt."""
    import torch

    given = chat_tools(Settings(tools=TOOLS))["tools"] if tools else None
    messages = [{"role": "user", "content": asked}]
    prompt = words.apply_chat_template(
        messages, tools=given, tokenize=False, add_generation_prompt=True, enable_thinking=bool(effort)
    )
    before = words(prompt, add_special_tokens=False)["input_ids"]
    after = [*words(answer, add_special_tokens=False)["input_ids"], words.eos_token_id]
    return torch.tensor([before + after]), torch.tensor([[-100] * len(before) + after])
