"""Checkpoints of MMS voices that say nothing: the classes of transformers with few weights, all of them random."""

from __future__ import annotations

import json
from pathlib import Path

LATIN = " abcdefghijklmnopqrstuvwxyz'-"
GREEK = " αβγδεζηθικλμνξοπρστυφχψως"


def build(folder: Path, letters: str, language: str, is_uroman: bool = False, rate: int = 16000) -> None:
    """Write a voice that knows some letters."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    vocabulary = folder / "letters.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(f"{letters}<")}))
    tokenizer = VitsTokenizer(
        str(vocabulary), pad_token=" ", unk_token="<", language=language, phonemize=False, is_uroman=is_uroman
    )
    config = VitsConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=64,
        flow_size=32,
        spectrogram_bins=65,
        upsample_initial_channel=32,
        upsample_rates=[8, 8, 2, 2],
        upsample_kernel_sizes=[16, 16, 4, 4],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=2,
        posterior_encoder_num_wavenet_layers=2,
        duration_predictor_filter_channels=32,
        duration_predictor_num_flows=2,
        depth_separable_num_layers=2,
        sampling_rate=rate,
    )
    torch.manual_seed(len(letters))
    VitsModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def english(folder: Path) -> None:
    """Write a voice of Latin letters."""
    build(folder, LATIN, "eng")


def greek(folder: Path) -> None:
    """Write a voice of Greek letters."""
    build(folder, GREEK, "ell")


def romanised(folder: Path) -> None:
    """Write a voice that reads its language in Latin letters."""
    build(folder, LATIN, "kor", is_uroman=True)


def of_another_rate(folder: Path) -> None:
    """Write a voice that is no MMS voice."""
    build(folder, LATIN, "deu", rate=22050)
