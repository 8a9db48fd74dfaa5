from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from s2s.tts.onnx_graph import Graph
from tests.tts.onnx_writer import field, node, write

WEIGHTS = {"one": np.ones((1, 1, 1), np.float32), "two": np.ones((1, 1, 300), np.float32)}


def written(path: Path) -> Graph:
    nodes = [
        node("Add", "/first", ["in", "one"], ["a"]),
        node("Add", "/second", ["a", "other"], ["b"]),
        node("Mul", "/third", ["b", "two"], ["out"]),
        node("Neg", "/aside", ["a"], ["unused"]),
    ]
    return Graph(write(path / "graph.onnx", nodes, WEIGHTS, ["in", "other", "one"], "out"))


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def reread(data: bytes, path: Path) -> Graph:
    (path / "part.onnx").write_bytes(data)
    return Graph(path / "part.onnx")


def test_nodes_inputs_and_outputs_are_read(tmp_path: Path) -> None:
    graph = written(tmp_path)
    assert [(node.name, node.inputs, node.outputs) for node in graph.nodes[:2]] == [
        ("/first", ("in", "one"), ("a",)),
        ("/second", ("a", "other"), ("b",)),
    ]
    assert list(graph.inputs) == ["in", "other"]  # a weight is none, though old files say so
    assert list(graph.outputs) == ["out"]


def test_a_part_has_what_makes_its_outputs(tmp_path: Path) -> None:
    graph = written(tmp_path)
    first, second = graph.part([], ["b"]), graph.part(["b", "a"], ["out"])
    assert names(reread(first, tmp_path)) == ["/first", "/second"]
    assert names(reread(second, tmp_path)) == ["/third"]
    assert list(reread(first, tmp_path).inputs) == ["in", "other"]
    assert list(reread(second, tmp_path).inputs) == ["b"]  # a is not needed
    assert len(second) > 1200 > len(first)  # each has its own weights only


def test_what_a_graph_inside_a_node_uses_is_an_input_of_the_node(tmp_path: Path) -> None:
    inner = field(1, node("Neg", "/inner", ["a"], ["c"]))
    choice = node("If", "/choice", ["in"], ["out"]) + field(5, field(1, b"then_branch") + field(6, inner))
    path = write(tmp_path / "graph.onnx", [node("Neg", "/first", ["in"], ["a"]), choice], {}, ["in"], "out")
    graph = Graph(path)
    assert graph.nodes[1].inputs == ("in", "a")
    assert names(reread(graph.part([], ["out"]), tmp_path)) == ["/first", "/choice"]


@pytest.mark.parametrize("data", [b"\x3a\x7f", b"a poem, not a graph", b"\xff" * 40, b"\x3a\x03\x0a\x01"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"graph\.onnx is no ONNX file: "):
        Graph(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").touch()
    with pytest.raises(ValueError):
        Graph(tmp_path / "graph.onnx")
