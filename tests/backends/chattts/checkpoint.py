"""A tiny ChatTTS with random weights, of its own classes; some widths in them are fixed, so it takes 36 MB."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONTROLS = [
    *("[Sbreak]", "[Pbreak]", "[Ebreak]", "[Stts]", "[Ptts]", "[spk_emb]", "[empty_spk]", "[break_0]", "[break_1]"),
    *("[uv_break]", "[v_break]", "[lbreak]", "[laugh_0]", "[oral_2]", "[speed_5]", "[speed_9]"),
]
WORDS = [*MARKS, *CONTROLS, *LETTERS, ".", ",", *(f"##{letter}" for letter in LETTERS)]


def config(published: Callable[[], Any]) -> Any:
    """Return the configuration of the tiny model; the package has that of the published one in its code."""
    whole = published()
    small = {"n_layer": 1, "hidden": 32, "bn_dim": 16}
    coder = replace(
        whole.dvae, encoder=replace(whole.dvae.encoder, **small), decoder=replace(whole.dvae.decoder, **small)
    )
    backbone = whole.vocos.backbone
    init = replace(backbone.init_args, num_layers=1, intermediate_dim=64)
    return replace(
        whole,
        gpt=replace(whole.gpt, num_hidden_layers=1, intermediate_size=64, num_text_tokens=len(WORDS)),
        embed=replace(whole.embed, num_text_tokens=len(WORDS)),
        decoder=replace(whole.decoder, **small),
        dvae=coder,
        vocos=replace(whole.vocos, backbone=replace(backbone, init_args=init)),
    )


def build(folder: Path) -> None:
    """Write the model."""
    import torch
    from ChatTTS.config import Config
    from ChatTTS.model import DVAE, Embed
    from safetensors.torch import save_file
    from transformers import LlamaConfig, LlamaModel
    from vocos import Vocos
    from vocos.pretrained import instantiate_class

    torch.manual_seed(0)
    small, asset = config(Config), folder / "asset"
    asset.mkdir()
    _write_tokenizer(asset / "tokenizer")
    parts = asdict(small.vocos)
    vocos = Vocos(**{name: instantiate_class(args=(), init=parts[name]) for name in parts})
    with torch.no_grad():  # it is to be heard
        vocos.head.out.bias += 1.0
    coder = asdict(small.dvae)
    coding = DVAE(
        decoder_config=coder["decoder"],
        encoder_config=coder["encoder"],
        vq_config=coder["vq"],
        dim=coder["decoder"]["idim"],
    )
    decoder = DVAE(decoder_config=asdict(small.decoder), dim=small.decoder.idim, coef=str(coding))
    sizes = small.embed
    embed = Embed(sizes.hidden_size, sizes.num_audio_tokens, sizes.num_text_tokens, sizes.num_vq)
    with torch.no_grad():  # the end is never among the likeliest codes
        for head in embed.head_code:
            head.parametrizations.weight.original0[-1] = 0
    for name, part in {"Vocos": vocos, "DVAE": coding, "Decoder": decoder, "Embed": embed}.items():
        save_file(
            {key: value.contiguous().clone() for key, value in part.state_dict().items()}, asset / f"{name}.safetensors"
        )
    gpt = LlamaConfig(
        hidden_size=small.gpt.hidden_size,
        intermediate_size=small.gpt.intermediate_size,
        num_hidden_layers=1,
        num_attention_heads=small.gpt.num_attention_heads,
        max_position_embeddings=4096,
        vocab_size=len(WORDS),
    )
    LlamaModel(gpt).save_pretrained(asset / "gpt")


def _write_tokenizer(folder: Path) -> None:
    from transformers import BertTokenizerFast

    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), additional_special_tokens=CONTROLS)
    tokenizer.save_pretrained(folder)
    (folder / "special_tokens_map.json").write_text(json.dumps({}))
