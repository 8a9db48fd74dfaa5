"""A tiny Qwen3-TTS of random weights by mlx-audio's own classes: it speaks noise, not silence."""

from __future__ import annotations

import json
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_audio.tts.models.qwen3_tts.config import ModelConfig, Qwen3TTSTokenizerConfig
from mlx_audio.tts.models.qwen3_tts.qwen3_tts import Model
from mlx_audio.tts.models.qwen3_tts.speech_tokenizer import Qwen3TTSSpeechTokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_bos>", "<tts_eos>"]
BOOKS, CODES = 4, 64
"""Codebooks of a frame, and entries of each."""
SPEAKERS = {"aiden": CODES + 20, "ryan": CODES + 21}
LAYER = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "hidden_size": 32, "intermediate_size": 64}
WIDE = 72
"""Of convolutions: the library takes a narrower one of a single step for torch's and turns it."""


def build(folder: Path) -> None:
    """Write a model that has voices by name."""
    write(folder, "custom_voice")


def build_base(folder: Path) -> None:
    """Write a model that clones a recording."""
    write(folder, "base")


def write(folder: Path, kind: str) -> None:
    """Write a model of a kind."""
    mx.random.seed(0)
    tokenizer = write_tokenizer(folder)
    config = config_of({mark: tokenizer.token_to_id(mark) for mark in MARKS}, tokenizer.get_vocab_size())
    config |= {"tts_model_type": kind, "speaker_encoder_config": {"enc_dim": LAYER["hidden_size"]}}
    (folder / "config.json").write_text(json.dumps(config))
    weights = dict(tree_flatten(Model(ModelConfig.from_dict(config)).parameters()))
    loud = {name: mx.random.normal(value.shape) * 0.3 if value.ndim > 1 else value for name, value in weights.items()}
    end = "talker.codec_head.weight"  # the end is never among the likeliest codes, half of which are above 0
    loud[end] = mx.where(mx.arange(len(loud[end]))[:, None] == CODES + 2, 0.0, loud[end])
    mx.save_safetensors(str(folder / "model.safetensors"), loud)
    (folder / "generation_config.json").write_text(json.dumps({"temperature": 0.9, "top_k": 8, "top_p": 1.0}))
    write_codec(folder / "speech_tokenizer")


def write_tokenizer(folder: Path) -> Tokenizer:
    """Write a tokenizer of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["assistant user"] * 5, trainers.BpeTrainer(vocab_size=300, initial_alphabet=letters))
    tokenizer.add_special_tokens(MARKS)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": MARKS[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer


def config_of(ids: dict[str, int], words: int) -> dict[str, object]:
    """Return a config.json."""
    special = {"pad": 0, "bos": 1, "eos_token": 2, "think": 6, "nothink": 7, "think_bos": 8, "think_eos": 9}
    talker = {
        **LAYER,
        **{f"codec_{name}_id": CODES + at for name, at in special.items()},
        "num_hidden_layers": 2,
        "vocab_size": CODES + 1024,
        "text_vocab_size": words,
        "text_hidden_size": 32,
        "num_code_groups": BOOKS,
        "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1], "interleaved": True},
        "spk_id": SPEAKERS,
        "spk_is_dialect": dict.fromkeys(SPEAKERS, False),
        "codec_language_id": {"english": CODES + 30, "german": CODES + 31},
        "code_predictor_config": {**LAYER, "num_hidden_layers": 1, "vocab_size": CODES, "num_code_groups": BOOKS},
    }
    names = ("im_start", "im_end", "tts_pad", "tts_bos", "tts_eos")
    return {
        "model_type": "qwen3_tts",
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_size": "1b7",
        "talker_config": talker,
        **{f"{name}_token_id": ids[f"<|{name}|>" if name.startswith("im") else f"<{name}>"] for name in names},
    }


def write_codec(folder: Path) -> None:
    """Write a codec with the steps in time of the published one: 12.5 frames a second, 24 kHz."""
    folder.mkdir()
    decoder = {
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_quantizers": BOOKS,
        "codebook_size": CODES,
        "semantic_codebook_size": CODES,
        "codebook_dim": 2 * WIDE,
        "latent_dim": WIDE,
        "decoder_dim": 4 * WIDE,
        "upsample_rates": [24, 20],
    }
    config = {"decoder_config": decoder, "encoder_valid_num_quantizers": BOOKS}
    (folder / "config.json").write_text(json.dumps(config))
    codec = Qwen3TTSSpeechTokenizer(Qwen3TTSTokenizerConfig(decoder_config=decoder))
    weights = dict(tree_flatten(codec.parameters()))
    weights = {n: mx.random.normal(v.shape) if n.endswith("embed.weight") else v for n, v in weights.items()}
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
