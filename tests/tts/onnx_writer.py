"""Writes small ONNX files, as s2s.tts.onnx_graph reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INT, INTS = 2, 7
"""Types of an attribute."""


def write(
    path: Path, nodes: list[bytes], weights: dict[str, NDArray[np.float32]], takes: list[str], gives: str
) -> Path:
    """Write a model that takes floats of three axes."""
    parts = [field(1, node) for node in nodes] + [field(2, b"graph")]
    parts += [field(5, tensor(name, values)) for name, values in weights.items()]
    parts += [field(11, value(name)) for name in takes] + [field(12, value(gives))]
    opset = field(8, number(2, 15))
    path.write_bytes(number(1, 8) + opset + field(7, b"".join(parts)))
    return path


def node(kind: str, name: str, takes: list[str], gives: list[str], **attributes: int | list[int]) -> bytes:
    """Return an operation."""
    texts = [field(1, take.encode()) for take in takes] + [field(2, give.encode()) for give in gives]
    described = [field(5, attribute(key, given)) for key, given in attributes.items()]
    return b"".join([*texts, field(3, name.encode()), field(4, kind.encode()), *described])


def attribute(name: str, given: int | list[int]) -> bytes:
    if isinstance(given, int):
        return field(1, name.encode()) + number(3, given) + number(20, INT)
    return field(1, name.encode()) + b"".join(number(8, item) for item in given) + number(20, INTS)


def tensor(name: str, values: NDArray[np.float32]) -> bytes:
    dims = b"".join(number(1, size) for size in values.shape)
    return dims + number(2, 1) + field(8, name.encode()) + field(9, values.astype("<f4").tobytes())


def value(name: str) -> bytes:
    dims = b"".join(field(1, field(2, f"{name}{axis}".encode())) for axis in range(3))
    return field(1, name.encode()) + field(2, field(1, number(1, 1) + field(2, dims)))


def field(key: int, data: bytes) -> bytes:
    return varint(key << 3 | 2) + varint(len(data)) + data


def number(key: int, given: int) -> bytes:
    return varint(key << 3) + varint(given)


def varint(given: int) -> bytes:
    low, high = given & 0x7F, given >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])
