"""The network against onnxruntime on the same file, and files that are something else."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from s2s.paths import PACKAGE
from s2s.vad.silero import Silero
from s2s.vad.silero_net import CONTEXT, HOP, UNITS, SileroNet
from s2s.weights import resolve

pytestmark = pytest.mark.embedded

SPEECH = PACKAGE / "bench" / "corpus" / "two_cities.wav"


@pytest.mark.parametrize("callers", [1, 5])
def test_it_says_hop_for_hop_what_onnxruntime_does(callers: int) -> None:
    path = resolve(Silero().model)
    net, graph = SileroNet(path), onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with wave.open(str(SPEECH)) as file:
        sound = np.frombuffer(file.readframes(callers * 64000), "<i2").astype(np.float32) / 32768
    hops = sound[: callers * 120 * HOP].reshape(callers, 120, HOP)
    mine, theirs = np.zeros((callers, 2 * UNITS), np.float32), np.zeros((2, callers, UNITS), np.float32)
    context, most = np.zeros((callers, CONTEXT), np.float32), 0.0
    for number in range(120):
        frames = np.concatenate([context, hops[:, number]], axis=1)
        context = hops[:, number, -CONTEXT:]
        chances, mine = net(frames, mine)
        expected, theirs = graph.run(None, {"input": frames, "state": theirs, "sr": np.array(16000, np.int64)})
        assert chances == pytest.approx(expected[:, 0], abs=2e-4)
        most = max(most, float(chances.max()))
    assert most > 0.9, "there is speech in it"


def test_what_is_no_onnx_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match=r"notes.onnx is no ONNX file|notes.onnx has no 'model"):
        SileroNet(path)


def test_another_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(bytes([0x3A, 0x00]))  # an empty graph
    with pytest.raises(ValueError, match=r"other.onnx has no 'model.*: it is no Silero VAD v6 at 16 kHz"):
        SileroNet(path)
