"""A checkpoint of Pocket TTS that says nothing: its own classes with few weights, all of them random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = "Hello there, how can I help you today? The quick brown fox jumps over the lazy dog, and does not mind at all."


def configuration(words: int) -> dict[str, Any]:
    """Return the smallest configuration that the package's classes take, with `words` tokens."""
    sound = {
        "dimension": 32,
        "channels": 1,
        "n_filters": 4,
        "n_residual_layers": 1,
        "ratios": [6, 5, 4],
        "kernel_size": 7,
        "residual_kernel_size": 3,
        "last_kernel_size": 3,
        "dilation_base": 2,
        "pad_mode": "constant",
        "compress": 2,
    }
    attention = {
        "d_model": 32,
        "num_heads": 2,
        "num_layers": 1,
        "layer_scale": 0.01,
        "context": 50,
        "dim_feedforward": 64,
        "input_dimension": 32,
        "output_dimensions": [32],
    }
    return {
        "flow_lm": {
            "dtype": "float32",
            "flow": {"depth": 2, "dim": 32},
            "transformer": {"d_model": 32, "hidden_scale": 2, "max_period": 10000, "num_heads": 2, "num_layers": 2},
            "lookup_table": {
                "dim": 32,
                "n_bins": words,
                "tokenizer": "tokenizers",
                "tokenizer_path": "tokenizer.json",
            },
        },
        "mimi": {
            "dtype": "float32",
            "sample_rate": 24000,
            "inner_dim": 8,
            "outer_dim": 32,
            "channels": 1,
            "frame_rate": 12.5,
            "seanet": sound,
            "transformer": attention,
            "quantizer": {"dimension": 8, "output_dimension": 32},
        },
    }


def build(folder: Path) -> None:
    """Write model.yaml, its weights, its tokenizer, and two recordings of noise."""
    import numpy as np
    import torch
    from pocket_tts import TTSModel
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from s2s.audio import pcm16
    from s2s.wav import wav

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    tokenizer.train_from_iterator([TEXT] * 9, trainers.BpeTrainer(vocab_size=80, special_tokens=special))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = configuration(tokenizer.get_vocab_size())
    blank = json.loads(json.dumps(config))
    blank["flow_lm"]["lookup_table"]["tokenizer_path"] = str(folder / "tokenizer.json")
    (folder / "model.yaml").write_text(json.dumps(blank))
    torch.manual_seed(0)
    weights = TTSModel.load_model(config=folder / "model.yaml").state_dict()
    for name, values in weights.items():
        if name.endswith("speaker_proj_weight") or not torch.isfinite(values).all():
            weights[name] = torch.randn_like(values)
        elif (name.startswith("flow_lm.") and values.dim() > 1) or name.endswith("emb_std"):
            weights[name] = values * 3  # so that what is heard depends on the text, on the voice and on chance
        elif name.startswith("mimi.decoder."):
            weights[name] = torch.zeros_like(values) if name.endswith("bias") else values * 2
    save_file({name: values.contiguous().clone() for name, values in weights.items()}, folder / "model.safetensors")
    (folder / "model.yaml").write_text(json.dumps({**config, "weights_path": "model.safetensors"}))
    for name, seed in (("one", 1), ("two", 2)):
        noise = np.random.default_rng(seed).normal(0, 0.05 * seed, 24000 * seed)
        (folder / f"{name}.wav").write_bytes(wav(pcm16(noise), 24000))
