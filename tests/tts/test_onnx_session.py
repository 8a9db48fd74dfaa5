from __future__ import annotations

import pytest

from s2s.tts.onnx_session import found_providers

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
COREML = "CoreMLExecutionProvider"


@pytest.mark.parametrize(
    ("device", "available", "expected"),
    [
        ("auto", [CPU], [CPU]),
        ("auto", [CUDA, CPU], [CUDA, CPU]),
        ("auto", [COREML, CPU], [CPU]),  # its graphs are of any length, which CoreML does not do well
        ("cpu", [CUDA, CPU], [CPU]),
        ("cuda", [CUDA, CPU], [CUDA, CPU]),
        ("mps", [COREML, CPU], [COREML, CPU]),
    ],
)
def test_providers_of_a_device(device: str, available: list[str], expected: list[str]) -> None:
    assert found_providers(device, available) == expected


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="device: onnxruntime has no CUDAExecutionProvider here; choose device=cpu"):
        found_providers("cuda", [CPU])


def test_what_is_no_device() -> None:
    with pytest.raises(ValueError, match="device: input should be auto, cpu, cuda or mps, not 'gpu'"):
        found_providers("gpu", [CPU])
