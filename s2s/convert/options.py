"""The backends of speech-to-speech 0.2.11, and the options of our groups that take their place."""

from __future__ import annotations

from typing import Any, NamedTuple

from s2s.paths import CONF


class Option(NamedTuple):
    """An option of one of our groups; `instead` says what to use while no YAML of that name is there."""

    group: str
    name: str
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.group}={self.name}"

    @property
    def built(self) -> bool:
        """Whether there is such an option."""
        return (CONF / self.group / f"{self.name}.yaml").is_file()


DEFAULTS = {"stt": "faster-whisper", "llm": "llamacpp", "tts": "piper"}
"""What conf/config.yaml chooses, and so a recipe that chooses nothing."""

_HEARS = "stt=faster-whisper hears English, and with another stt.model any language"
_MAC = "stt=faster-whisper runs on a Mac's CPU"
_SERVED = "serve the model by vLLM and say llm=vllm, or take a GGUF file with llm=llamacpp"
_SPEAKS = "tts=piper speaks, or tts=openai by any server with /v1/audio/speech"

MODES = {name: Option("mode", name) for name in ("realtime", "local", "socket", "websocket")}
STT = {
    "parakeet-tdt": Option("stt", "parakeet-tdt", _HEARS),
    "whisper": Option("stt", "whisper", "stt=faster-whisper runs the same Whisper models, converted, and sooner"),
    "whisper-mlx": Option("stt", "whisper-mlx", _MAC),
    "mlx-audio-whisper": Option("stt", "mlx-audio-whisper", _MAC),
    "faster-whisper": Option("stt", "faster-whisper"),
    "paraformer": Option("stt", "paraformer", "stt=faster-whisper with a multilingual stt.model hears Chinese"),
}
LLM = {
    "responses-api": Option("llm", "responses-api"),
    "chat-completions": Option("llm", "chat-completions"),
    "transformers": Option("llm", "transformers", _SERVED),
    "mlx-lm": Option("llm", "mlx-lm", "serve the model by mlx_lm.server and say llm=chat-completions llm.base_url=..."),
}
TTS = {
    "qwen3": Option("tts", "qwen3-faster", _SPEAKS),
    "pocket": Option("tts", "pocket", _SPEAKS),
    "kokoro": Option("tts", "kokoro", _SPEAKS),
    "chatTTS": Option("tts", "chattts", _SPEAKS),
    "facebookMMS": Option("tts", "facebook-mms", _SPEAKS),
}
CHOICES = {"mode": MODES, "stt": STT, "llm_backend": LLM, "tts": TTS}


def chosen_by(of: str) -> list[Option]:
    """Return our options for the seed's choices that a flag belongs to, such as `stt=whisper,whisper-mlx`."""
    flag, _, names = of.partition("=")
    return [CHOICES[flag][name] for name in names.split(",")] if of else []


def keys(group: str, name: str) -> frozenset[str]:
    """Return the keys that the YAML of an option lists, with those of the options that it is laid over."""
    from omegaconf import OmegaConf

    section: Any = OmegaConf.load(CONF / group / f"{name}.yaml")
    found = {str(key) for key in section}
    for entry in section.get("defaults") or []:
        if isinstance(entry, str) and entry != "_self_":
            found |= keys(group, entry)
    return frozenset(found)
