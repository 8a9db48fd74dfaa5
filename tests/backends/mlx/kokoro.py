"""A Kokoro of random weights by mlx-audio's own classes: it hums for a frame or two at each phoneme."""

from __future__ import annotations

import json
from pathlib import Path

import mlx.core as mx
from kokoro_onnx.config import DEFAULT_VOCAB
from mlx.utils import tree_flatten
from mlx_audio.tts.models.kokoro.kokoro import Model, ModelConfig

WIDTH, STYLE = 512, 128
"""What the decoder takes, whatever its config says."""
GAIN = 0.013
"""Of the decoder's layers: with more the sound has no end of loudness."""


def config() -> dict[str, object]:
    """Return a config.json: as small as may be."""
    return {
        "model_type": "kokoro",
        "istftnet": {
            "upsample_kernel_sizes": [20, 12],
            "upsample_rates": [10, 6],
            "gen_istft_hop_size": 5,
            "gen_istft_n_fft": 20,
            "resblock_dilation_sizes": [[1, 3, 5]],
            "resblock_kernel_sizes": [3],
            "upsample_initial_channel": WIDTH,
        },
        "dim_in": WIDTH,
        "dropout": 0.2,
        "hidden_dim": WIDTH,
        "max_conv_dim": WIDTH,
        "max_dur": 2,
        "multispeaker": True,
        "n_layer": 1,
        "n_mels": 80,
        "n_token": max(DEFAULT_VOCAB.values()) + 1,
        "style_dim": STYLE,
        "text_encoder_kernel_size": 5,
        "plbert": {
            "hidden_size": 32,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": 512,
            "num_hidden_layers": 1,
            "dropout": 0.1,
        },
        "vocab": DEFAULT_VOCAB,
    }


def build(folder: Path) -> None:
    """Write a config, weights and two voices."""
    mx.random.seed(0)
    (folder / "config.json").write_text(json.dumps(config()))
    model = Model(ModelConfig.from_dict(config()))
    quiet = {name for name, _ in tree_flatten(model.decoder.parameters()) if name.endswith("weight_g")}
    weights = dict(tree_flatten(model.parameters()))
    weights |= {name: GAIN * weights[name] for name in (f"decoder.{part}" for part in quiet)}
    read = model.sanitize(dict(weights))
    # Published weights lie as torch has them, and are turned when they are read.
    turned = {name: value.swapaxes(1, 2) for name, value in weights.items() if read[name].shape != value.shape}
    mx.save_safetensors(str(folder / "model.safetensors"), {**weights, **turned})
    (folder / "voices").mkdir()
    for name in ("af_heart", "bm_fable"):
        voice = {"voice": mx.random.normal((510, 1, 2 * STYLE))}
        mx.save_safetensors(str(folder / "voices" / f"{name}.safetensors"), voice)
