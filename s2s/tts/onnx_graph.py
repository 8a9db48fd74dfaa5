"""An ONNX graph that can be cut, read without the onnx package: protocol buffers, of which little is used.

The package would hold the weights two more times, and give little of that back.
Fields: onnx.proto of ONNX, where a model has its graph at 7, a graph its nodes at 1 and its initializers at 5.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2s.protobuf import field, fields, header

GRAPH, NODE, INITIALIZER, INPUT, OUTPUT = 7, 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_ATTRIBUTE, SUBGRAPH, TENSOR_NAME, VALUE_NAME = 1, 2, 3, 5, 6, 8, 1
FLOAT_TYPE = b"\x12\x04\x0a\x02\x08\x01"
"""The type of a value, at 2: a tensor, at 1, whose elements, at 1, are of type 1."""


@dataclass(frozen=True)
class Node:
    """One operation: `inputs` are also those of the graphs inside it; `raw` is how the file has it."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: memoryview


class Graph:
    """The graph of an ONNX file, its nodes in an order in which they can be run; raises ValueError for another file."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self.nodes: list[Node] = []
        self.inputs: dict[str, memoryview] = {}
        self.outputs: dict[str, memoryview] = {}
        self._initializers: dict[str, memoryview] = {}
        self._rest: list[memoryview] = []
        try:
            for number, value, raw in fields(data):
                if number == GRAPH:
                    self._read(value)
                else:
                    self._rest.append(raw)
        except (IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no ONNX file: {error}") from None
        for name in self._initializers:
            self.inputs.pop(name, None)  # old files name their weights here too

    def _read(self, data: memoryview) -> None:
        for number, value, raw in fields(data):
            if number == NODE:
                outputs = tuple(_texts(value, NODE_OUTPUT))
                self.nodes.append(Node("".join(_texts(value, NODE_NAME)), tuple(_uses(value)), outputs, raw))
            elif number == INITIALIZER:
                self._initializers["".join(_texts(value, TENSOR_NAME))] = raw
            elif number in (INPUT, OUTPUT):
                values = self.inputs if number == INPUT else self.outputs
                values["".join(_texts(value, VALUE_NAME))] = raw

    def part(self, takes: Collection[str], gives: Collection[str]) -> bytes:
        """Return the model that makes `gives` of the float tensors `takes` and of the graph's own inputs, as needed."""
        wanted, used, nodes = set(gives), set[str](), list[memoryview]()
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                nodes.append(node.raw)
                used.update(node.inputs)
                wanted.update(set(node.inputs).difference(takes))
        pieces: list[bytes | memoryview] = [*reversed(nodes)]
        pieces += [raw for name, raw in self._initializers.items() if name in wanted]
        pieces += [field(INPUT, _named(name) + FLOAT_TYPE) for name in takes if name in used]
        pieces += [raw for name, raw in self.inputs.items() if name in wanted]
        pieces += [self.outputs.get(name) or field(OUTPUT, _named(name)) for name in gives]
        return b"".join([*self._rest, header(GRAPH, sum(map(len, pieces))), *pieces])


def _uses(node: memoryview) -> Iterator[str]:
    yield from _texts(node, NODE_INPUT)
    for number, attribute, _ in fields(node):
        for subgraph in _values(attribute, SUBGRAPH) if number == NODE_ATTRIBUTE else ():
            for inner in _values(subgraph, NODE):
                yield from _uses(inner)


def _texts(data: memoryview, wanted: int) -> Iterator[str]:
    return (str(value, "utf-8") for value in _values(data, wanted))


def _values(data: memoryview, wanted: int) -> Iterator[Any]:
    return (value for number, value, _ in fields(data) if number == wanted)


def _named(name: str) -> bytes:
    return field(VALUE_NAME, name.encode())
