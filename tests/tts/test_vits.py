from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.tts.onnx_graph import Graph
from s2s.tts.vits import Vits, find_cuts
from tests.tts.onnx_writer import node, write

pytestmark = pytest.mark.embedded

HOP = 8


def voice(path: Path, flow: str = "/flow/flows.0/", decoder: str = "/dec/", of_all: bool = False) -> Path:
    """Write a graph with the joints of a VITS: a masked flow, and a decoder that knows the speaker."""
    nodes = [
        node("Mul", "/Mul", ["text", "text"], ["doubled"]),
        node("Sigmoid", "/Mask", ["doubled"], ["mask"]),
        node("Conv", "/Conv", ["doubled", "enc.weight"], ["latent"], pads=[1, 1]),
        node("Relu", "/Relu", ["speaker"], ["embedded"]),
        node("Conv", f"{flow}Conv", ["latent", "flow.weight"], ["moved"], pads=[2, 2]),
        node("Mul", f"{flow}Mul", ["moved", "mask"], ["masked"]),
        node("Sub", f"{flow}Sub", ["latent", "masked"], ["flowed"]),
        node("Conv", f"{decoder}conv_pre/Conv", ["flowed", "pre.weight"], ["pre"], pads=[3, 3]),
        node("Add", f"{decoder}Add", ["pre", "embedded"], ["who"]),
        node("ConvTranspose", f"{decoder}ups", ["who", "up.weight"], ["up"], strides=[HOP], pads=[4, 4]),
        node("Conv", f"{decoder}res/Conv", ["up", "res.weight"], ["inner"], dilations=[3], pads=[6, 6]),
        node("Add", f"{decoder}res/Add", ["up", "inner"], ["summed"]),
        node("ReduceMean", f"{decoder}Mean", ["summed"], ["mean"], axes=[2], keepdims=1),
        node("Sub", f"{decoder}Sub", ["summed", "mean" if of_all else "bias.weight"], ["centred"]),
        node("Tanh", f"{decoder}Tanh", ["centred"], ["sound"]),
    ]
    shapes = {"enc": (2, 2, 3), "flow": (2, 2, 5), "pre": (3, 2, 7), "up": (3, 1, 16), "res": (1, 1, 5), "bias": (1,)}
    draw = np.random.default_rng(1).standard_normal
    weights = {f"{name}.weight": 0.3 * draw(shape).astype(np.float32) for name, shape in shapes.items()}
    return write(path, nodes, weights, ["text", "speaker"], "sound")


def opened(model: str | bytes) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def feed(frames: int) -> dict[str, NDArray[np.float32]]:
    draw = np.random.default_rng(frames).standard_normal
    return {"text": draw((1, 2, frames)).astype(np.float32), "speaker": np.full((1, 3, 1), 0.5, np.float32)}


def studied(path: Path) -> Vits:
    vits = Vits(path, opened)
    vits.study(feed(40))
    return vits


def test_a_graph_is_cut_after_each_block(tmp_path: Path) -> None:
    cuts, sides = find_cuts(Graph(voice(tmp_path / "voice.onnx")))
    assert cuts == ["latent", "flowed", "sound"]
    assert sides == ["mask", "embedded"]


def test_a_graph_without_a_flow_is_cut_at_its_decoder(tmp_path: Path) -> None:
    cuts, sides = find_cuts(Graph(voice(tmp_path / "voice.onnx", flow="/else/")))
    assert cuts == ["flowed", "sound"]
    assert sides == ["embedded"]


def test_what_a_part_sees_and_makes_is_found_out(tmp_path: Path) -> None:
    vits = studied(voice(tmp_path / "voice.onnx"))
    # a kernel of 5; one of 7, and one of 5, three apart, after 8 times as many
    assert [(part.ratio, part.context) for part in vits.parts] == [(1, 2), (HOP, 5)]
    assert vits.hop == HOP


@pytest.mark.parametrize("frames", [1, 2, 7, 40, 200])
@pytest.mark.parametrize("first", [1, 3, 12, 1000])
def test_joined_pieces_are_the_whole(tmp_path: Path, frames: int, first: int) -> None:
    path = voice(tmp_path / "voice.onnx")
    whole = opened(str(path)).run(None, feed(frames))[0].reshape(-1)
    pieces = list(studied(path).speak(feed(frames), first))
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5
    assert len(pieces[0]) == min(first, frames) * HOP or len(pieces) == 1


def test_pieces_double_and_the_last_is_not_the_smallest(tmp_path: Path) -> None:
    vits = studied(voice(tmp_path / "voice.onnx"))
    assert [len(piece) // HOP for piece in vits.speak(feed(89), 10)] == [10, 20, 59]
    assert [len(piece) // HOP for piece in vits.speak(feed(91), 10)] == [10, 20, 40, 21]
    assert [len(piece) // HOP for piece in vits.speak(feed(13), 10)] == [13]


@pytest.mark.parametrize("how", [{"flow": "/f/", "decoder": "/d/"}, {"of_all": True}])
def test_a_graph_that_cannot_be_cut_is_run_whole(tmp_path: Path, how: dict[str, Any]) -> None:
    path = voice(tmp_path / "voice.onnx", **how)
    vits = studied(path)
    (piece,) = vits.speak(feed(40), 3)
    assert vits.parts == [] and vits.hop == 1
    assert np.array_equal(piece, opened(str(path)).run(None, feed(40))[0].reshape(-1))


def test_a_graph_is_run_whole_where_that_is_asked_for(tmp_path: Path) -> None:
    vits = Vits(voice(tmp_path / "voice.onnx"), opened, pieces=False)
    vits.study(feed(40))
    assert len(list(vits.speak(feed(40), 3))) == 1


@pytest.mark.parametrize("data", [b"\x3a\x7f", b"a poem, not a graph", b"\xff" * 40, b"\x3a\x02\x0a\x00"])
def test_what_is_no_graph_is_for_the_runtime_to_say(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"voice\.onnx|ONNX|[Pp]rotobuf"):
        Vits(path, opened)
