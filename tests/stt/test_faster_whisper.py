from __future__ import annotations

import pytest

from s2s.stt.faster_whisper import ctranslate2_device


@pytest.mark.parametrize(
    ("wanted", "gpus", "found"),
    [
        ("auto", 0, ("cpu", 0)),
        ("auto", 2, ("cuda", 0)),
        ("cpu", 2, ("cpu", 0)),
        ("cuda", 1, ("cuda", 0)),
        ("cuda:1", 2, ("cuda", 1)),
    ],
)
def test_the_device_that_is_meant(wanted: str, gpus: int, found: tuple[str, int]) -> None:
    assert ctranslate2_device(wanted, gpus) == found


@pytest.mark.parametrize("wanted", ["mps", "gpu", "cpu:1", "cuda:", "cuda:x", "auto:0", ""])
def test_a_device_that_ctranslate2_does_not_know(wanted: str) -> None:
    with pytest.raises(
        ValueError, match=f"takes auto, cpu, cuda or cuda:NUMBER, not '{wanted}'; choose stt.device=cpu"
    ):
        ctranslate2_device(wanted, 9)


@pytest.mark.parametrize(("wanted", "gpus"), [("cuda", 0), ("cuda:1", 1)])
def test_a_gpu_that_is_not_there(wanted: str, gpus: int) -> None:
    with pytest.raises(
        ValueError, match=f"there is no {wanted}; CTranslate2 counts {gpus} GPUs; choose stt.device=cpu"
    ):
        ctranslate2_device(wanted, gpus)
