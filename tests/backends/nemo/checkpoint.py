"""A tiny random Parakeet-TDT as a .nemo file, by NeMo's own classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PIECES = 48
WIDTH = 32
BANDS = 80
DURATIONS = [0, 1, 2, 3, 4]
WORDS = "it was the best of times it was the worst of times and we had everything before us as well as nothing"
ASR = "nemo.collections.asr.modules"


def build(folder: Path) -> None:
    """Save a model with its tokenizer into `folder`, as tiny.nemo."""
    import torch
    from nemo.collections.asr.models import EncDecRNNTBPEModel
    from omegaconf import OmegaConf

    torch.manual_seed(0)
    EncDecRNNTBPEModel(cfg=OmegaConf.create(config(tokenizer(folder / "tokenizer")))).save_to(str(folder / "tiny.nemo"))


def tokenizer(folder: Path) -> str:
    """Train sentencepiece on a sentence and return its folder."""
    import sentencepiece

    folder.mkdir()
    (folder / "words.txt").write_text(f"{WORDS}\n" * 10)
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "words.txt"),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=PIECES,
        model_type="bpe",
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    (folder / "vocab.txt").write_text("\n".join(pieces.id_to_piece(number) for number in range(PIECES)))
    return str(folder)


def config(pieces: str) -> dict[str, Any]:
    """Return NeMo's config of a model with two small layers."""
    still = dict.fromkeys(("dropout", "dropout_pre_encoder", "dropout_emb", "dropout_att"), 0.0)
    return {
        "sample_rate": 16000,
        "compute_eval_loss": False,
        "tokenizer": {"dir": pieces, "type": "bpe"},
        "model_defaults": {
            **dict.fromkeys(("enc_hidden", "pred_hidden", "joint_hidden"), WIDTH),
            "tdt_durations": DURATIONS,
            "num_tdt_durations": len(DURATIONS),
        },
        "preprocessor": {
            "_target_": f"{ASR}.AudioToMelSpectrogramPreprocessor",
            "sample_rate": 16000,
            "normalize": "per_feature",
            "window_size": 0.025,
            "window_stride": 0.01,
            "window": "hann",
            "features": BANDS,
            "n_fft": 512,
            "dither": 0.0,
            "pad_to": 0,
        },
        "encoder": {
            "_target_": f"{ASR}.ConformerEncoder",
            "feat_in": BANDS,
            "feat_out": -1,
            "n_layers": 2,
            "d_model": WIDTH,
            "subsampling": "dw_striding",
            "subsampling_factor": 8,
            "subsampling_conv_channels": 16,
            "ff_expansion_factor": 2,
            "self_attention_model": "rel_pos",
            "n_heads": 2,
            "att_context_size": [-1, -1],
            "xscaling": False,
            "pos_emb_max_len": 500,
            "conv_kernel_size": 9,
            "conv_norm_type": "batch_norm",
            **still,
        },
        "decoder": {
            "_target_": f"{ASR}.RNNTDecoder",
            "normalization_mode": None,
            "random_state_sampling": False,
            "blank_as_pad": True,
            "vocab_size": PIECES,
            "prednet": {"pred_hidden": WIDTH, "pred_rnn_layers": 1, "t_max": None, "dropout": 0.0},
        },
        "joint": {
            "_target_": f"{ASR}.RNNTJoint",
            "log_softmax": None,
            "fuse_loss_wer": False,
            "num_extra_outputs": len(DURATIONS),
            "jointnet": {
                "joint_hidden": WIDTH,
                "activation": "relu",
                "dropout": 0.0,
                "encoder_hidden": WIDTH,
                "pred_hidden": WIDTH,
            },
        },
        "decoding": {
            "strategy": "greedy_batch",
            "model_type": "tdt",
            "durations": DURATIONS,
            "greedy": {"max_symbols": 10, "use_cuda_graph_decoder": False},
        },
        "loss": {
            "loss_name": "tdt",
            "tdt_kwargs": {"fastemit_lambda": 0.0, "clamp": -1.0, "durations": DURATIONS, "sigma": 0.02, "omega": 0.1},
        },
        "optim": {"name": "adamw", "lr": 1e-3},
        "train_ds": None,
        "test_ds": None,
        "validation_ds": {"manifest_filepath": None, "sample_rate": 16000, "batch_size": 1, "shuffle": False},
    }
