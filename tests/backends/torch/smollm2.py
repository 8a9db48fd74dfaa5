"""SmolLM2-135M-Instruct as a folder of transformers' own: real weights, out of the GGUF file of the embedded stack."""

from __future__ import annotations

from pathlib import Path

import yaml

from s2s.paths import CONF
from s2s.weights import resolve


def build(folder: Path) -> None:
    """Write the weights as bfloat16, about 270 MB; reading them out of the GGUF file takes some 15 s."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = yaml.safe_load((CONF / "llm" / "llamacpp.yaml").read_text("utf-8"))
    file = resolve(options["model"])
    packed = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.bfloat16)
    plain = AutoModelForCausalLM.from_config(packed.config, dtype=torch.bfloat16)
    plain.load_state_dict(packed.state_dict())
    plain.generation_config = packed.generation_config
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
