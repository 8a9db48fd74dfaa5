"""A tiny Qwen3-TTS with random weights, written as its makers' classes write it: it speaks noise, not silence."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = ["assistant", "user", "hello how can I help you today the quick brown fox jumps over the lazy dog"]
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_bos>", "<tts_eos>"]
BOOKS, CODES = 4, 64
"""Codebooks of a frame, and entries of each."""
SPEAKERS = {"aiden": CODES + 20, "ryan": CODES + 21}
LAYER = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "hidden_size": 32, "intermediate_size": 64}


def custom_voice(folder: Path) -> None:
    """Write a model that has voices by name."""
    _write(folder, "custom_voice")


def base(folder: Path) -> None:
    """Write a model that clones voices."""
    _write(folder, "base")


def voice_design(folder: Path) -> None:
    """Write a model that makes a voice of a description."""
    _write(folder, "voice_design")


def _write(folder: Path, kind: str) -> None:
    import torch
    from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSConfig
    from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    ids = dict(zip(MARKS, tokenizer.convert_tokens_to_ids(MARKS), strict=True))
    encoder = {"enc_dim": 32, "enc_channels": [32, 32, 32, 32, 96], "enc_attention_channels": 16, "sample_rate": 24000}
    config = Qwen3TTSConfig(
        talker_config=_talker(len(tokenizer)),
        speaker_encoder_config=encoder,
        tokenizer_type="qwen3_tts_tokenizer_12hz",
        tts_model_size="1b7",
        tts_model_type=kind,
        im_start_token_id=ids["<|im_start|>"],
        im_end_token_id=ids["<|im_end|>"],
        tts_pad_token_id=ids["<tts_pad>"],
        tts_bos_token_id=ids["<tts_bos>"],
        tts_eos_token_id=ids["<tts_eos>"],
    )
    model = Qwen3TTSForConditionalGeneration(config)
    with torch.no_grad():  # all that it reads counts; the end is never among the likeliest codes, half of them above 0
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(std=0.3)
        model.talker.codec_head.weight[CODES + 2] = 0
    model.save_pretrained(folder)
    _amend(folder / "config.json", speaker_encoder_config=encoder)
    sampled = {"do_sample": True, "top_k": 8, "top_p": 1.0, "temperature": 0.9}
    sub = {"subtalker_dosample": True, "subtalker_top_k": 50, "subtalker_top_p": 1.0, "subtalker_temperature": 0.9}
    (folder / "generation_config.json").write_text(json.dumps({**sampled, **sub, "repetition_penalty": 1.05}))
    (folder / "preprocessor_config.json").write_text(json.dumps({"processor_class": "Qwen3TTSProcessor"}))
    _write_codec(folder / "speech_tokenizer")


def _tokenizer():  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2TokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(WORDS * 5, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    pieces.add_special_tokens(MARKS)
    return Qwen2TokenizerFast(tokenizer_object=pieces, eos_token=MARKS[0], pad_token=MARKS[0])


def _talker(words: int) -> dict[str, object]:
    special = {"pad": 0, "bos": 1, "eos_token": 2, "think": 6, "nothink": 7, "think_bos": 8, "think_eos": 9}
    return {
        **LAYER,
        **{f"codec_{name}_id": CODES + at for name, at in special.items()},
        "num_hidden_layers": 2,
        "vocab_size": CODES + 1024,
        "text_vocab_size": words,
        "text_hidden_size": 32,
        "num_code_groups": BOOKS,
        "rope_scaling": {"rope_type": "default", "type": "default", "mrope_section": [2, 1, 1], "interleaved": True},
        "spk_id": SPEAKERS,
        "spk_is_dialect": dict.fromkeys(SPEAKERS, False),
        "codec_language_id": {"english": CODES + 30, "german": CODES + 31},
        "code_predictor_config": {**LAYER, "num_hidden_layers": 1, "vocab_size": CODES, "num_code_groups": BOOKS},
    }


def _write_codec(folder: Path) -> None:
    """Write a codec with the steps in time of the published one: 12.5 frames a second, 24 kHz."""
    import torch
    from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Config
    from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model
    from transformers import EncodecFeatureExtractor

    common = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
    common |= {"hidden_size": 32, "intermediate_size": 64, "num_quantizers": BOOKS, "codebook_size": CODES}
    encoder = {
        **common,
        "upsample_groups": 32,
        "num_filters": 4,
        "num_residual_layers": 1,
        "upsampling_ratios": [8, 6, 5, 4],
        "codebook_dim": 16,
        "num_semantic_quantizers": 1,
        "vector_quantization_hidden_dimension": 16,
        "frame_rate": 12.5,
        "use_cache": False,
        "sampling_rate": 24000,
        "max_position_embeddings": 500,
        "sliding_window": 50,
    }
    decoder = {**common, "latent_dim": 32, "decoder_dim": 32, "codebook_dim": 32}
    config = Qwen3TTSTokenizerV2Config(
        encoder_config=encoder, decoder_config=decoder, encoder_valid_num_quantizers=BOOKS
    )
    codec = Qwen3TTSTokenizerV2Model(config)
    with torch.no_grad():  # all of it counts in what is heard, which is neither silent nor clipped
        for name, weight in codec.decoder.named_parameters():
            if name.endswith((".gamma", "scale")):
                weight.fill_(0.5)
            elif name.endswith("embedding_sum"):
                weight.normal_()
        for name, codebook in codec.encoder.named_buffers():
            if name.endswith("embed_sum"):
                codebook.normal_()
        frames = torch.randint(CODES, (1, BOOKS, 50))
        last = codec.decoder.decoder[-1].conv
        last.weight *= 0.2 / codec.decoder(frames).std()
    codec.save_pretrained(folder)
    EncodecFeatureExtractor(feature_size=1, sampling_rate=24000).save_pretrained(folder)


def _amend(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
