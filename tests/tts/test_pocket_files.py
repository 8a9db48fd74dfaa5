from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from s2s.tts.pocket_files import configuration, here, source, sources
from s2s.weights import WeightsError

HUB = "hf://kyutai/pocket-tts/languages/english/model.safetensors@db04f0e"
LIGHT = "hf://kyutai/pocket-tts-without-voice-cloning/languages/english/model.safetensors@a7056f5"


def written(folder: Path, **changes: Any) -> Path:
    """Return a configuration's path."""
    config: dict[str, Any] = {
        "weights_path": HUB,
        "weights_path_without_voice_cloning": LIGHT,
        "flow_lm": {"lookup_table": {"tokenizer_path": "words/tokenizer.json"}},
        "mimi": {"sample_rate": 24000},
    }
    path = folder / "model.yaml"
    path.write_text(json.dumps(config | changes))
    return path


def test_addresses_become_sources() -> None:
    assert source(HUB, Path("/a")) == "hf:kyutai/pocket-tts@db04f0e/languages/english/model.safetensors"
    assert source("hf://me/mine/deep/model.yaml", Path("/a")) == "hf:me/mine/deep/model.yaml"
    assert source("b/c.json", Path("/a")) == "/a/b/c.json"
    assert source("/b/c.json", Path("/a")) == "/b/c.json"


def test_who_clones_takes_other_weights(tmp_path: Path) -> None:
    path = written(tmp_path)
    tokenizer = str(tmp_path / "words" / "tokenizer.json")
    cloning, plain = (sources(configuration(path, cloning)) for cloning in (True, False))
    assert cloning == ["hf:kyutai/pocket-tts@db04f0e/languages/english/model.safetensors", tokenizer]
    assert plain == [
        "hf:kyutai/pocket-tts-without-voice-cloning@a7056f5/languages/english/model.safetensors",
        tokenizer,
    ]


def test_a_model_with_one_set_of_weights_takes_them(tmp_path: Path) -> None:
    path = written(tmp_path, weights_path="model.safetensors", weights_path_without_voice_cloning=None)
    assert sources(configuration(path, cloning=False))[0] == str(tmp_path / "model.safetensors")


def test_parts_may_have_weights_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, mimi={"weights_path": "codec.safetensors"})
    assert str(tmp_path / "codec.safetensors") in sources(configuration(path, cloning=True))


def test_files_take_the_place_of_their_sources(tmp_path: Path) -> None:
    found = here(configuration(written(tmp_path), cloning=True), lambda source: Path("/cache") / Path(source).name)
    assert found["weights_path"] == "/cache/model.safetensors"
    assert found["flow_lm"]["lookup_table"]["tokenizer_path"] == "/cache/tokenizer.json"
    assert found["mimi"] == {"sample_rate": 24000}
    assert "weights_path_without_voice_cloning" not in found


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", '{"weights_path": 1}', '{"weights_path": "hf://a"}'])
def test_what_is_no_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(WeightsError, match=r"no configuration of pocket-tts; name its \.yaml file"):
        configuration(tmp_path / "model.yaml", cloning=True)
