"""Q4_1 weights rewritten for the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from s2s.llm.requantized import requantized

gguf = pytest.importorskip("gguf")


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("S2S_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.Q4_1.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    weights = np.random.default_rng(1).standard_normal((4, 64), np.float32)
    q4_1 = gguf.GGMLQuantizationType.Q4_1
    writer.add_tensor("blk.0.ffn_up.weight", gguf.quants.quantize(weights, q4_1), raw_dtype=q4_1)
    writer.add_tensor("blk.0.ffn_norm.weight", weights[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(("kind", "error"), [("q4_0", 0.12), ("q8_0", 0.01)])
def test_the_weights_change_their_type_and_little_else(original: Path, kind: str, error: float) -> None:
    copy = requantized(original, kind)  # type: ignore[arg-type]
    before, after = gguf.GGUFReader(original), gguf.GGUFReader(copy)
    assert after.fields["llama.context_length"].contents() == 64
    assert after.fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    old, new = ({tensor.name: tensor for tensor in reader.tensors} for reader in (before, after))
    assert new["blk.0.ffn_up.weight"].tensor_type.name == kind.upper()
    assert np.array_equal(old["blk.0.ffn_norm.weight"].data, new["blk.0.ffn_norm.weight"].data)
    was, now = (
        gguf.quants.dequantize(tensors["blk.0.ffn_up.weight"].data, tensors["blk.0.ffn_up.weight"].tensor_type)
        for tensors in (old, new)
    )
    assert np.linalg.norm(now - was) < error * np.linalg.norm(was)


def test_it_is_made_once_and_again_when_the_original_changes(original: Path) -> None:
    copy = requantized(original, "q4_0")
    made = copy.stat().st_mtime_ns
    assert requantized(original, "q4_0") == copy and copy.stat().st_mtime_ns == made
    original.write_bytes(original.read_bytes() + b"\0" * 32)
    assert requantized(original, "q4_0") != copy
    assert not list(copy.parent.glob(".requantize-*"))


def test_other_files_are_taken_as_they_are(original: Path) -> None:
    assert requantized(original, None) == original
    other = original.rename(original.with_name("tiny.Q8_0.gguf"))
    assert requantized(other, "q4_0") == other
