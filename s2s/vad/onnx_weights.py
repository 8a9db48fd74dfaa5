"""The float tensors that an ONNX file holds, read without a runtime: protocol buffers, of which little is used.

Fields: onnx.proto of ONNX, where a model has its graph at 7, a graph its initializers at 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH, INITIALIZER, DIMS, TYPE, NAME, RAW = 7, 5, 1, 2, 8, 9
FLOAT = 1
LENGTHS = {1: 8, 5: 4}
"""Bytes of the fields of fixed length, by wire type."""


def float_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 initializers of a model's graph by name; raise ValueError for what is no ONNX file."""
    data = path.read_bytes()
    try:
        graphs = [value for field, value in _fields(data) if field == GRAPH]
        tensors = [_tensor(value) for graph in graphs for field, value in _fields(graph) if field == INITIALIZER]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no ONNX file: {error}") from None
    return {name: tensor for name, tensor in tensors if tensor is not None}


def _tensor(data: bytes) -> tuple[str, NDArray[np.float32] | None]:
    name, shape, raw, kind = "", [], b"", 0
    for field, value in _fields(data):
        if field == DIMS:
            shape += [value] if isinstance(value, int) else list(value)
        elif field == TYPE:
            kind = value
        elif field == NAME:
            name = value.decode()
        elif field == RAW:
            raw = value
    return name, np.frombuffer(raw, "<f4").reshape(shape) if kind == FLOAT and raw else None


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each field: an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size, at = _varint(data, at) if wire == 2 else (LENGTHS[wire], at)
        if at + size > len(data):
            raise ValueError("it ends too soon")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
