"""Parakeet-TDT through MLX, with tiny random weights: what runs is the library's own way from sound to text."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2s.stt.mlx_parakeet import MlxParakeet
from s2s.weights import WeightsError
from tests.backends.mlx import parakeet
from tests.backends.suite import built, conforms, from_hub

RANDOM = "random weights understand nothing"


@pytest.fixture(scope="module")
def folder() -> Path:
    return built("parakeet", parakeet.build)


def test_it_conforms(folder: Path) -> None:
    conforms(
        "stt",
        MlxParakeet(model=str(folder)),
        {"understands-speech": RANDOM, "keeps-callers-apart": RANDOM, "keeps-turns-apart": RANDOM},
    )


@pytest.mark.parametrize(
    ("dtype", "made"), [("auto", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16"), ("float32", "float32")]
)
def test_it_runs_in_every_number_format(folder: Path, dtype: str, made: str) -> None:
    from mlx.utils import tree_flatten

    ears = MlxParakeet(model=str(folder), dtype=dtype)  # type: ignore[arg-type]
    ears.load()
    assert {str(value.dtype) for _, value in tree_flatten(ears._model.parameters())} == {f"mlx.core.{made}"}


def test_weights_that_do_not_fit_the_config_are_refused(folder: Path, tmp_path: Path) -> None:
    import mlx.core as mx

    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    mx.save_safetensors(str(tmp_path / "model.safetensors"), {"encoder.nothing": mx.zeros((1,))})
    with pytest.raises(WeightsError, match=f"{tmp_path}: .*; "):
        MlxParakeet(model=str(tmp_path)).load()


def test_a_device_that_is_absent_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"device: MLX .* finds no cuda here; choose device=cpu"):
        MlxParakeet(model=str(folder), device="cuda").load()
    with pytest.raises(ValueError, match="device: input should be auto, cpu, cuda or mps, not 'npu'"):
        MlxParakeet(model=str(folder), device="npu").load()


def test_the_default_model_is_fetched_from_its_hub(folder: Path) -> None:
    from_hub(MlxParakeet(), folder)
