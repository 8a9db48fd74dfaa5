"""A checkpoint of Kokoro that says nothing: its own classes, all weights random, as few as their widths let be."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

PHONEMES = " abcdefghijklmnopqrstuvwxyzæçðŋœøɐɑɒɔəɚɛɜɡɣɥɪɬɯɲɹɾʁʃʊʌʒʔʤʧˈˌːθᵊAIOQWYTᵻ.,!?;:—…()“”"
PARTS = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")


def build(folder: Path) -> None:
    """Write config.json, a .pth file and two voices."""
    import torch
    from kokoro import KModel

    config = {
        "dim_in": 512,
        "dropout": 0.0,
        "hidden_dim": 512,
        "istftnet": {
            "gen_istft_hop_size": 5,
            "gen_istft_n_fft": 20,
            "resblock_dilation_sizes": [[1, 3, 5]],
            "resblock_kernel_sizes": [3],
            "upsample_initial_channel": 512,
            "upsample_kernel_sizes": [20, 12],
            "upsample_rates": [10, 6],
        },
        "max_dur": 6,
        "n_layer": 1,
        "n_mels": 80,
        "n_token": len(PHONEMES) + 1,
        "plbert": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "max_position_embeddings": 512,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
        },
        "style_dim": 128,
        "text_encoder_kernel_size": 5,
        "vocab": {phoneme: number for number, phoneme in enumerate(PHONEMES, 1)},
    }
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    with patch("torch.load", return_value={}):  # its class is made of a file only
        model = KModel(repo_id="local", config=str(folder / "config.json"), model="nothing")
    torch.save({part: getattr(model, part).state_dict() for part in PARTS}, folder / "random.pth")
    (folder / "voices").mkdir()
    for name in ("af_one", "bm_two"):
        torch.save(torch.randn(510, 1, 256) * 0.1, folder / "voices" / f"{name}.pt")
