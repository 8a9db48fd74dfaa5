"""Real Whisper weights without a hub: a CTranslate2 folder read back as numpy arrays under transformers' names."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from s2s.paths import CONF
from s2s.weights import resolve

Arrays = dict[str, np.ndarray]
DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""By the number that CTranslate2 writes for each."""
HALVES = ("encoder", "decoder")
HEAD = 64
"""The width of an attention head in every Whisper."""


def tiny_en() -> Path:
    """Return the CTranslate2 folder of Whisper tiny.en in float16, which `stt=faster-whisper` uses."""
    return resolve(yaml.safe_load((CONF / "stt" / "faster-whisper.yaml").read_text())["model"])


def tensors(path: Path) -> Arrays:
    """Return the tensors of a CTranslate2 model.bin under its own names."""
    data, at = path.read_bytes(), 0

    def number(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{kind}", data, at)
        at += struct.calcsize(kind)
        return int(value)

    def text() -> str:
        nonlocal at
        size = number("H")  # with the zero at its end
        at += size
        return data[at - size : at - 1].decode()

    number("I"), text(), number("I")  # version, specification, its revision
    found: Arrays = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        dtype = np.dtype(DTYPES[number("B")])
        size = number("I")
        found[name] = np.frombuffer(data, dtype, size // dtype.itemsize, at).reshape(shape)
        at += size
    for _ in range(number("I")):
        alias = text()
        found[alias] = found[text()]
    return found


def arrays(folder: Path) -> Arrays:
    """Return the weights of a float CTranslate2 folder as transformers names them; the output is tied to the input."""
    of = tensors(folder / "model.bin")
    made: Arrays = {}

    def norm(name: str, source: str) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = of[f"{source}/gamma"], of[f"{source}/beta"]

    def linear(names: list[str], source: str) -> None:
        """Cut a layer that computes several at once; keys have no bias, CTranslate2 writes zeros for them."""
        weights, biases = of[f"{source}/weight"], of[f"{source}/bias"]
        size = len(weights) // len(names)
        for number, name in enumerate(names):
            part = slice(number * size, (number + 1) * size)
            made[f"{name}.weight"] = weights[part]
            if not name.endswith("k_proj"):
                made[f"{name}.bias"] = biases[part]

    for half in HALVES:
        for layer in range(layers(of, half)):
            name, source = f"model.{half}.layers.{layer}", f"{half}/layer_{layer}"
            attention = f"{name}.self_attn"
            norm(f"{attention}_layer_norm", f"{source}/self_attention/layer_norm")
            linear([f"{attention}.{port}_proj" for port in "qkv"], f"{source}/self_attention/linear_0")
            linear([f"{attention}.out_proj"], f"{source}/self_attention/linear_1")
            if half == "decoder":
                attention = f"{name}.encoder_attn"
                norm(f"{attention}_layer_norm", f"{source}/attention/layer_norm")
                linear([f"{attention}.q_proj"], f"{source}/attention/linear_0")
                linear([f"{attention}.{port}_proj" for port in "kv"], f"{source}/attention/linear_1")
                linear([f"{attention}.out_proj"], f"{source}/attention/linear_2")
            norm(f"{name}.final_layer_norm", f"{source}/ffn/layer_norm")
            linear([f"{name}.fc1"], f"{source}/ffn/linear_0")
            linear([f"{name}.fc2"], f"{source}/ffn/linear_1")
        norm(f"model.{half}.layer_norm", f"{half}/layer_norm")
        made[f"model.{half}.embed_positions.weight"] = of[f"{half}/position_encodings/encodings"]
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            made[f"model.encoder.{conv}.{kind}"] = of[f"encoder/{conv}/{kind}"]
    made["model.decoder.embed_tokens.weight"] = of["decoder/embeddings/weight"]
    return made


def layers(names: Iterable[str], half: str) -> int:
    """Return how many layers the encoder or the decoder has, by the tensors' names in either format."""
    return len({found[1] for name in names if (found := re.search(rf"{half}[/.]layers?[_.](\d+)[/.]", name))})


def config(weights: Arrays) -> dict[str, Any]:
    """Return the config.json of transformers for weights under its names."""
    vocabulary, width = weights["model.decoder.embed_tokens.weight"].shape
    end = 50256 if vocabulary == 51864 else 50257  # the English models lack one token
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "vocab_size": vocabulary,
        "num_mel_bins": weights["model.encoder.conv1.weight"].shape[1],
        "d_model": width,
        **{f"{half}_layers": layers(weights, half) for half in HALVES},
        **{f"{half}_attention_heads": width // HEAD for half in HALVES},
        **{f"{half}_ffn_dim": len(weights[f"model.{half}.layers.0.fc1.bias"]) for half in HALVES},
        "max_source_positions": len(weights["model.encoder.embed_positions.weight"]),
        "max_target_positions": len(weights["model.decoder.embed_positions.weight"]),
        "decoder_start_token_id": end + 1,
        **{f"{name}_token_id": end for name in ("pad", "bos", "eos")},
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }


def generation_config(folder: Path, weights: Arrays) -> dict[str, Any]:
    """Return the generation_config.json of transformers for a CTranslate2 folder."""
    given = json.loads((folder / "config.json").read_text())
    ids = {
        token["content"]: token["id"] for token in json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    }
    model = config(weights)
    several = model["vocab_size"] != 51864
    made = {
        **{name: model[name] for name in model if name.endswith("_token_id")},
        "max_length": model["max_target_positions"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "suppress_tokens": given.get("suppress_ids") or [],
        "begin_suppress_tokens": given.get("suppress_ids_begin") or [220, model["eos_token_id"]],
        "alignment_heads": given.get("alignment_heads"),
        "is_multilingual": several,
    }
    if several:
        by_id = {number: text for text, number in ids.items()}
        made["lang_to_id"] = {by_id[number]: number for number in given["lang_ids"]}
        made["task_to_id"] = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
    return made
