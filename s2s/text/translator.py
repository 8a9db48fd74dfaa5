"""Asks a language model for a translation of what the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from s2s.messages import Line, Prompt, Transcript
from s2s.stage import Call, Stage
from s2s.text.languages import name_of


@dataclass(kw_only=True)
class Translator(Stage):
    """The interpreter's part of a prompt: each finished turn, and the order to translate it.

    It goes between the recogniser and any language model, the embedded one included, and asks no server itself:
    `caller | vad | turn | stt | translate | llm | clauses | tts | caller`. Every turn is translated by itself.
    """

    to: str = "en"
    prompt: str = "Translate what the user says into {to}. Say only the translation, nothing else."

    def run(self, call: Call, item: Transcript) -> Iterator[Prompt]:
        """Send the prompt for a final transcript; those that may still change are passed over."""
        text = item.text.strip()
        if item.final and text:
            order = self.prompt.replace("{to}", name_of(self.to))
            yield Prompt(lines=(Line(role="system", text=order), Line(role="user", text=text)))
