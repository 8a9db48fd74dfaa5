"""What the value of a voice's flag becomes, where it is not the same value under another name."""

from __future__ import annotations

import re
from typing import Any

from s2s.convert.flag import Flag, Outcome
from s2s.convert.line import Line

_QWEN3 = "hf:Serveurperso/Qwen3-TTS-GGUF/"
_KOKORO = "hf:onnx-community/Kokoro-82M-v1.0-ONNX"
_SHIPPED = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
"""Kokoro's voices that come in packages; the others are on the hub."""


def kokoro_model(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return where the same model is for onnxruntime, with all its voices."""
    if "kokoro-82m" in str(value).lower():
        return {"tts.model": f"{_KOKORO}/onnx/model.onnx", "tts.voices": f"{_KOKORO}/voices/"}
    return "tts.model is a graph for onnxruntime, with tts.voices beside it"


def kokoro_voice(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the voice, and where it is if no package has it."""
    if value in _SHIPPED or line.given.get("kokoro_model_name"):
        return flag.under_its_key(value, line)
    elsewhere = {"tts.model": f"{_KOKORO}/onnx/model.onnx", "tts.voices": f"{_KOKORO}/voices/"}
    return {**elsewhere, **{flag.keys[0]: value}}


def pocket_voice(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the name of one of the package's voices, or the place of a recording."""
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)/([^@]+)(@\w+)?", value)
    if found:
        return {"tts.ref_audio": f"hf:{found[1]}{found[3] or ''}/{found[2]}"}
    if "://" in value:
        return "download it, and give its path as tts.ref_audio"
    return {"tts.ref_audio": value} if re.search(r"[/.\\]", value) else flag.under_its_key(value, line)


def qwen3_model(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return where a model is for torch, and for GGML where it has been published."""
    found = re.fullmatch(r"Qwen/Qwen3-TTS-12Hz-([\d.]+B)-(\w+)", value)
    talker = f"{_QWEN3}qwen-talker-{found[1].lower()}-{found[2].lower()}-BF16.gguf" if found else None
    place = f"hf:{value}" if re.fullmatch(r"\w[\w.-]*/[\w.-]+", value) else value
    return {"tts.model": place, **({"tts.talker": talker} if talker else {"tts.backend": "torch"})}


def qwen3_backend(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return what runs the model, where that is in the same package."""
    if value in ("auto", "torch", "ggml"):
        return flag.under_its_key(value, line)
    return "tts.backend is auto, torch or ggml; tts=qwen3-mlx is by MLX"


def qwen3_attention(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return how torch attends."""
    if value in ("eager", "sdpa", "flash_attention_2"):
        return flag.under_its_key(value, line)
    return "tts.attention is eager, sdpa or flash_attention_2"
