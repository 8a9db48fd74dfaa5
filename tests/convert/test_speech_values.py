from __future__ import annotations

import pytest

from s2s.convert.parse import parse
from s2s.convert.recipe import made


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--stt whisper --stt_model_name openai/whisper-large-v3", {"stt.model": "hf:openai/whisper-large-v3"}),
        ("--stt whisper --stt_model_name ./mine/of/ours", {"stt.model": "./mine/of/ours"}),
        ("--stt whisper --stt_compile_mode reduce-overhead", {"stt.compile": "reduce-overhead"}),
        ("--stt whisper --stt_torch_dtype torch.bfloat16", {"stt.dtype": "bfloat16"}),
        ("--stt parakeet-tdt --parakeet_tdt_model_name a/b", {"stt.model": "hf:a/b"}),
        ("--stt paraformer --paraformer_stt_model_name paraformer-en", {"stt.model": "hf:funasr/paraformer-en"}),
        ("--stt paraformer --paraformer_stt_model_name paraformer", {"stt.model": "hf:funasr/paraformer-zh"}),
        ("--stt paraformer --paraformer_stt_model_name me/mine", {"stt.model": "hf:me/mine"}),
    ],
)
def test_a_model_is_found_where_the_seeds_library_finds_it(line: str, values: dict[str, str]) -> None:
    recipe = made(parse(line.split()))
    assert {key: recipe.values.get(key) for key in values} == values


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--stt whisper --stt_compile_mode quick", "stt.compile is default, reduce-overhead, max-autotune or null"),
        ("--stt whisper --stt_torch_dtype int8", "stt.dtype is auto, float32, float16 or bfloat16"),
        ("--stt whisper-mlx --stt_gen_num_beams 5", "counts with --stt whisper only"),
        ("--stt paraformer --paraformer_stt_model_name iic/x", "a model of ModelScope: fetch it there"),
    ],
)
def test_what_does_not_fit_is_said(line: str, why: str) -> None:
    recipe = made(parse(line.split()))
    assert any(why in said for said in recipe.left_out)
