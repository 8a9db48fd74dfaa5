"""A tiny random Parakeet-TDT, by transformers' own classes."""

from __future__ import annotations

from pathlib import Path

WORDS = "it was the best of times it was the worst of times and we had everything before us"


def build(folder: Path) -> None:
    """Save a model with its processor into `folder`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        ParakeetFeatureExtractor,
        ParakeetForTDT,
        ParakeetProcessor,
        ParakeetTDTConfig,
        ParakeetTokenizer,
    )

    pieces = Tokenizer(models.BPE(unk_token="<unk>"))
    pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    pieces.train_from_iterator([WORDS], trainers.BpeTrainer(vocab_size=60, special_tokens=["<unk>", "<pad>"]))
    tokenizer = ParakeetTokenizer(tokenizer_object=pieces, unk_token="<unk>", pad_token="<pad>")
    blank = pieces.get_vocab_size()
    torch.manual_seed(0)
    model = ParakeetForTDT(
        ParakeetTDTConfig(
            vocab_size=blank + 1,
            blank_token_id=blank,
            pad_token_id=tokenizer.pad_token_id,
            decoder_hidden_size=32,
            num_decoder_layers=1,
            encoder_config={
                "model_type": "parakeet_encoder",
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "subsampling_conv_channels": 16,
                "num_mel_bins": 80,
            },
        )
    )
    model.generation_config.decoder_start_token_id = blank
    model.save_pretrained(folder)
    ParakeetProcessor(feature_extractor=ParakeetFeatureExtractor(feature_size=80), tokenizer=tokenizer).save_pretrained(
        folder
    )
