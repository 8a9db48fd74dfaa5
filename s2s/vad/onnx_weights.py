"""The float tensors that an ONNX file holds, read without a runtime: protocol buffers, of which little is used.

Fields: onnx.proto of ONNX, where a model has its graph at 7, a graph its initializers at 5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2s.protobuf import fields

GRAPH, INITIALIZER, DIMS, TYPE, NAME, RAW = 7, 5, 1, 2, 8, 9
FLOAT = 1


def float_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 initializers of a model's graph by name; raise ValueError for what is no ONNX file."""
    data = memoryview(path.read_bytes())
    try:
        graphs = [value for field, value, _ in fields(data) if field == GRAPH]
        tensors = [_tensor(value) for graph in graphs for field, value, _ in fields(graph) if field == INITIALIZER]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no ONNX file: {error}") from None
    return {name: tensor for name, tensor in tensors if tensor is not None}


def _tensor(data: memoryview) -> tuple[str, NDArray[np.float32] | None]:
    name, shape, raw, kind = "", [], b"", 0
    for field, value, _ in fields(data):
        if field == DIMS:
            shape += [value] if isinstance(value, int) else list(value)
        elif field == TYPE:
            kind = value
        elif field == NAME:
            name = str(value, "utf-8")
        elif field == RAW:
            raw = value
    return name, np.frombuffer(raw, "<f4").reshape(shape) if kind == FLOAT and raw else None
