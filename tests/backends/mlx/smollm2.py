"""SmolLM2-135M-Instruct as mlx-lm reads it: real weights, out of the GGUF file of the embedded stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import yaml
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from s2s.paths import CONF
from s2s.weights import resolve

CONTROL = 3
"""How GGUF marks a special token."""
NAMES = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def build(folder: Path) -> None:
    """Write a config, a tokenizer and the weights: 540 MB of float32, with which a CPU is quickest."""
    reader = GGUFReader(resolve(yaml.safe_load((CONF / "llm" / "llamacpp.yaml").read_text("utf-8"))["model"]))

    def told(key: str) -> Any:
        return reader.fields[key].contents()

    heads = {"attn_q": told("llama.attention.head_count"), "attn_k": told("llama.attention.head_count_kv")}
    weights = {}
    for tensor in reader.tensors:
        *place, part, _ = tensor.name.split(".")
        value = dequantize(tensor.data, tensor.tensor_type)
        if part in heads:
            value = halves(value, heads[part])
        layer = f"layers.{place[1]}." if place else ""
        weights[f"model.{layer}{NAMES[part]}.weight"] = mx.array(value.astype(np.float32))
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": told("llama.embedding_length"),
        "num_hidden_layers": told("llama.block_count"),
        "intermediate_size": told("llama.feed_forward_length"),
        "num_attention_heads": heads["attn_q"],
        "num_key_value_heads": heads["attn_k"],
        "rms_norm_eps": told("llama.attention.layer_norm_rms_epsilon"),
        "vocab_size": told("llama.vocab_size"),
        "max_position_embeddings": told("llama.context_length"),
        "rope_theta": told("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "eos_token_id": told("tokenizer.ggml.eos_token_id"),
    }
    (folder / "config.json").write_text(json.dumps(config))
    texts, kinds = told("tokenizer.ggml.tokens"), told("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in told("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({text: number for number, text in enumerate(texts)}, merges))
    digits, bytes_ = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True) for text, kind in zip(texts, kinds, strict=True) if kind == CONTROL]
    )
    save_tokenizer(folder, tokenizer, texts[config["eos_token_id"]], told("tokenizer.chat_template"))


def halves(weights: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of each head as transformers orders them: first those of all cosines, then of all sines."""
    return weights.reshape(heads, -1, 2, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)


def save_tokenizer(folder: Path, tokenizer: Tokenizer, end: str, template: str) -> None:
    """Write a tokenizer as transformers does."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
