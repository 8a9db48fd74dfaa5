"""Tiny random Paraformers as FunASR lays out a model's folder: the plain one, and the one that paraformer-zh is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOKENS = ["<blank>", "<s>", "</s>", *"你好今天气很的时候最坏", "hel@@", "lo", "how", "<unk>"]
BANDS, STACKED = 80, 7
WIDTH = 32
LAYERS = {"output_size": WIDTH, "attention_heads": 2, "linear_units": 64, "kernel_size": 11, "sanm_shfit": 0}
QUIET = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0}
CONFIG: dict[str, Any] = {
    "model": "Paraformer",
    "model_conf": {"ctc_weight": 0.0, "lsm_weight": 0.1, "predictor_bias": 1, "sampling_ratio": 0.75},
    "encoder": "SANMEncoder",
    "encoder_conf": {**LAYERS, **QUIET, "num_blocks": 3, "input_layer": "pe", "selfattention_layer_type": "sanm"},
    "decoder": "ParaformerSANMDecoder",
    "decoder_conf": {
        **{name: LAYERS[name] for name in ("attention_heads", "linear_units", "kernel_size", "sanm_shfit")},
        **QUIET,
        "num_blocks": 2,
        "att_layer_num": 2,
    },
    "predictor": "CifPredictorV2",
    "predictor_conf": {"idim": WIDTH, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
    "frontend": "WavFrontend",
    "frontend_conf": {
        "fs": 16000,
        "dither": 0.0,
        "window": "hamming",
        "n_mels": BANDS,
        "frame_length": 25,
        "frame_shift": 10,
        "lfr_m": STACKED,
        "lfr_n": 6,
    },
    "tokenizer": "CharTokenizer",
    "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
}


SEACO = {
    **CONFIG,
    "model": "SeacoParaformer",
    "model_conf": {**CONFIG["model_conf"], "inner_dim": WIDTH, "NO_BIAS": 3},
    "seaco_decoder": CONFIG["decoder"],
    "seaco_decoder_conf": {**CONFIG["decoder_conf"], "wo_input_layer": True},
    "predictor": "CifPredictorV3",
    "predictor_conf": {
        **CONFIG["predictor_conf"],
        "smooth_factor2": 0.25,
        "noise_threshold2": 0.01,
        "upsample_times": 3,
        "use_cif1_cnn": False,
        "upsample_type": "cnn_blstm",
    },
}


def plain(folder: Path) -> None:
    """Build a Paraformer."""
    build(folder, CONFIG)


def seaco(folder: Path) -> None:
    """Build one that can be told words to expect."""
    build(folder, SEACO)


def build(folder: Path, config: dict[str, Any]) -> None:
    """Write the config, the tokens, the shift and scale of features, and random weights into `folder`."""
    import torch
    import yaml
    from funasr import AutoModel

    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    (folder / "tokens.json").write_text(json.dumps(TOKENS, ensure_ascii=False))
    (folder / "seg_dict").write_text("hello hel@@ lo\nhow how\n")
    size = BANDS * STACKED
    rows = {"AddShift": [-10.0] * size, "Rescale": [0.2] * size}
    lines = ["<Nnet>", f"<Splice> {size} {size}", "[ 0 ]"]
    for name, row in rows.items():
        lines += [f"<{name}> {size} {size}", f"<LearnRateCoef> 0 [ {' '.join(map(str, row))} ]"]
    (folder / "am.mvn").write_text("\n".join([*lines, "</Nnet>", ""]))
    torch.save({}, folder / "model.pt")
    model = AutoModel(model=str(folder), device="cpu", ncpu=1, disable_update=True).model
    torch.save(model.state_dict(), folder / "model.pt")
