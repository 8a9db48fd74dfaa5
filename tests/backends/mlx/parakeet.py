"""A Parakeet-TDT of random weights by mlx-audio's own classes: it loads and runs as a real one, and hears no words."""

from __future__ import annotations

import json
import string
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_audio.stt.models.parakeet.parakeet import Model

WIDTH = 32
DURATIONS = [0, 1, 2, 3, 4]
PIECES = ["<unk>", *(f"▁{letter}" for letter in string.ascii_lowercase), *string.ascii_lowercase, ".", ","]


def config() -> dict[str, object]:
    """Return a config as NeMo writes it."""
    return {
        "target": "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel",
        "model_defaults": {"tdt_durations": DURATIONS},
        "preprocessor": {
            "sample_rate": 16000,
            "normalize": "per_feature",
            "window_size": 0.025,
            "window_stride": 0.01,
            "window": "hann",
            "features": 80,
            "n_fft": 512,
            "dither": 1e-5,
        },
        "encoder": {
            "feat_in": 80,
            "n_layers": 2,
            "d_model": WIDTH,
            "n_heads": 4,
            "ff_expansion_factor": 2,
            "subsampling_factor": 8,
            "self_attention_model": "rel_pos",
            "subsampling": "dw_striding",
            "conv_kernel_size": 9,
            "subsampling_conv_channels": 16,
            "pos_emb_max_len": 500,
        },
        "decoder": {
            "blank_as_pad": True,
            "vocab_size": len(PIECES),
            "prednet": {"pred_hidden": WIDTH, "pred_rnn_layers": 1},
        },
        "joint": {
            "num_classes": len(PIECES),
            "vocabulary": PIECES,
            "num_extra_outputs": len(DURATIONS),
            "jointnet": {
                "joint_hidden": WIDTH,
                "activation": "relu",
                "encoder_hidden": WIDTH,
                "pred_hidden": WIDTH,
            },
        },
        "decoding": {"model_type": "tdt", "durations": DURATIONS, "greedy": {"max_symbols": 3}},
    }


def build(folder: Path) -> None:
    """Write a config and weights into `folder`."""
    mx.random.seed(0)
    (folder / "config.json").write_text(json.dumps(config()))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(Model.from_config(config()).parameters())))
