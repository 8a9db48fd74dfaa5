"""A command line of speech-to-speech, read: what it says, and what follows from it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from s2s.convert.options import CHOICES, DEFAULTS
from s2s.secrets import is_secret

OPENAI = "https://api.openai.com/v1"
_MAC = {"mode": "local", "device": "mps", "llm_backend": "mlx-lm"}
"""What --local_mac_optimal_settings says; its other backends are the seed's defaults."""
_KEYS = {
    "huggingface.co": "HF_TOKEN",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "deepseek.com": "DEEPSEEK_API_KEY",
}
"""Servers, and the variables from which our presets for them read a key."""
_NO_KEY = ("none", "empty", "dummy", "no-key", "not-needed")


@dataclasses.dataclass
class Line:
    """The flags that a line gives, by name, in its order; and the variables that it sets for its process."""

    given: dict[str, Any]
    defaults: Mapping[str, Any]
    environment: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)

    def get(self, name: str) -> Any:
        """Return what a flag is, given or not."""
        if name in self.given:
            return self.given[name]
        if name in _MAC and self.given.get("local_mac_optimal_settings"):
            return _MAC[name]
        return self.defaults[name]

    def note(self, text: str) -> None:
        """Keep a remark for whoever reads the recipe."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def mode(self) -> str:
        """The mode, whose name is ours too."""
        return str(self.get("mode"))

    def option(self, group: str) -> str:
        """Return what our group is in the end: what the line chooses, or our default where that is not there."""
        chosen = next(options[self.get(flag)] for flag, options in CHOICES.items() if group_of(flag) == group)
        if not chosen.built:
            return DEFAULTS[group]
        return self.llm if group == "llm" else chosen.name

    @property
    def llm(self) -> str:
        """Our option for the language model; the seed's default of model and server is a preset here."""
        name = str(self.get("llm_backend"))
        plain = not {"model_name", "responses_api_base_url"} & set(self.given)
        return "openai" if name == "responses-api" and plain else CHOICES["llm_backend"][name].name

    @property
    def remote(self) -> bool:
        """Whether the language model is behind a server."""
        return self.get("llm_backend") in ("responses-api", "chat-completions")

    @property
    def at_openai(self) -> bool:
        """Whether that server is OpenAI's."""
        return (self.get("responses_api_base_url") or OPENAI).rstrip("/") == OPENAI

    @property
    def thinking(self) -> Mapping[str, Any]:
        """What the seed adds to requests so that a model answers at once, as keys of ours."""
        effort = self.given.get("responses_api_reasoning_effort")
        if effort and self.get("llm_backend") == "chat-completions":
            return {"llm.extra_body.reasoning_effort": effort}
        if self.get("responses_api_disable_thinking"):
            return {"llm.extra_body.chat_template_kwargs.enable_thinking": False}
        return {}

    @property
    def key_env(self) -> str | None:
        """The variable that holds the model's key: the one that was written, or has this value, or the server's own."""
        key = str(self.given.get("responses_api_api_key") or "")
        named = re.fullmatch(r"\$\{?(\w+)\}?", key)
        if named:
            return named[1]
        if key.lower() in _NO_KEY:
            return None
        held = [name for name, value in os.environ.items() if key and value == key and is_secret(name)]
        url = self.get("responses_api_base_url") or OPENAI
        own = [name for server, name in _KEYS.items() if server in url]
        return min(held, default=None) or next(iter(own), "OPENAI_API_KEY")

    @property
    def english_only(self) -> bool:
        """Whether speech recognition is our default model."""
        return self.option("stt") == "faster-whisper" and (
            self.get("stt") != "faster-whisper" or self.get("faster_whisper_stt_model_name") == "tiny.en"
        )


def group_of(flag: str) -> str:
    """Return the group that a flag chooses from."""
    return next(iter(CHOICES[flag].values())).group
