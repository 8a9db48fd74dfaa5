"""Whisper tiny.en in the layouts that stt=mlx-audio-whisper reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_audio.stt.models.whisper.whisper import Model, ModelDimensions

from tests.backends import whisper_weights

BITS = {"group_size": 64, "bits": 8}


def build(folder: Path) -> None:
    """Write what transformers would: the weights of stt=faster-whisper, its tokenizer and a config."""
    source = whisper_weights.tiny_en()
    weights = whisper_weights.arrays(source)
    mx.save_safetensors(str(folder / "model.safetensors"), {name: mx.array(of) for name, of in weights.items()})
    (folder / "config.json").write_text(json.dumps(whisper_weights.config(weights)))
    shutil.copy(source / "tokenizer.json", folder)


def build_quantized(folder: Path) -> None:
    """Write what mlx-community's folders have: MLX's own names, 8 bits, weights.npz, and no tokenizer.

    Only the decoder's layers are quantized: a CPU takes minutes for the encoder's.
    """
    weights = whisper_weights.arrays(whisper_weights.tiny_en())
    size = ModelDimensions.from_dict(whisper_weights.config(weights))
    model = Model(size)
    model.load_weights(list(model.sanitize({name: mx.array(of) for name, of in weights.items()}).items()))
    nn.quantize(
        model, **BITS, class_predicate=lambda name, of: "decoder.blocks" in name and hasattr(of, "to_quantized")
    )
    mx.savez(str(folder / "weights.npz"), **dict(tree_flatten(model.parameters())))
    (folder / "config.json").write_text(json.dumps({**vars(size), "model_type": "whisper", "quantization": BITS}))
