"""A prompt in the words of the model's own chat template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s2s.llm.chat_stream import chat_tools
from s2s.llm.spoken import THOUGHTS
from s2s.llm.template_messages import Message, folded, marks, messages
from s2s.messages import Line
from s2s.settings import Settings


class ChatTemplate:
    """Turns prompts into text; `tokenizer` is one of transformers', or a processor of one.

    `arguments` go to the template as they are, such as `enable_thinking`; with `images` a line's content is a list of
    parts, as templates of models that see want it, and with `sound` too, unless the template takes a mark in the text.
    Raise ValueError where the model has no template, or takes no sound.
    """

    def __init__(
        self,
        tokenizer: Any,
        template: str | None,
        arguments: Mapping[str, Any],
        images: bool = False,
        sound: bool = False,
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._arguments = dict(arguments)
        self._images = images
        self._sound: str | None = None
        if not (template or getattr(tokenizer, "chat_template", None)):
            raise ValueError("the model has no chat template: choose one that is trained to chat, or set chat_template")
        self._special = marks(getattr(tokenizer, "tokenizer", tokenizer).all_special_tokens)
        if sound:
            self._place_sound()
        self.knows_tools = self._places_tools()

    def text(self, lines: tuple[Line, ...], settings: Settings) -> str:
        """Return the text that the model is to go on from; raise RuntimeError where the template refuses the lines.

        A function that must be called is no business of the template's.
        """
        tools = chat_tools(settings).get("tools") if self.knows_tools and settings.tool_choice == "auto" else None
        made = self._messages(lines)
        try:
            return self._rendered(made, tools, settings.effort)
        except Exception:  # as many as there are templates; most refuse a system line, or two lines of one speaker
            try:
                return self._rendered(folded(made), tools, settings.effort)
            except Exception as error:
                reason = " ".join(str(error).split())
                raise RuntimeError(
                    f"the chat template refuses the prompt: {reason}; set another chat_template"
                ) from error

    def _messages(self, lines: tuple[Line, ...]) -> list[Message]:
        return messages(lines, self._special, self._images, self._sound)

    def _rendered(self, made: list[Message], tools: list[Message] | None, effort: str | None) -> str:
        thinking = {"enable_thinking": effort != "none", "reasoning_effort": effort} if effort else {}
        return str(
            self._tokenizer.apply_chat_template(
                made,
                tools=tools,
                chat_template=self._template,
                add_generation_prompt=True,
                tokenize=False,
                **{**self._arguments, **thinking},
            )
        )

    def _place_sound(self) -> None:
        """Find out how the template is told of a sound: by a part of a message, or by the model's mark in its text."""
        mark = str(getattr(self._tokenizer, "audio_token", None) or "")
        if not mark:
            raise ValueError(
                "the model takes no sound: its processor knows no audio_token; choose one that does, or set sound=false"
            )
        line = Line(role="user", text="x", audio=b"\0\0")
        self._sound = ""
        try:
            if mark in self._rendered(self._messages((line,)), None, None):
                return
        except Exception:  # a template that wants a text
            pass
        self._sound = mark

    def _places_tools(self) -> bool:
        """Whether the template has a place for tools; else the model calls one only where it must."""
        function = {"name": "probe_of_tools", "description": "", "parameters": {"type": "object", "properties": {}}}
        message = self._messages((Line(role="user", text="x"),))
        try:
            return "probe_of_tools" in self._rendered(message, [{"type": "function", "function": function}], None)
        except Exception:
            return False


def opened_thought(text: str) -> str:
    """Return the tag of thoughts that a prompt ends with, or nothing."""
    return next((tag for tag in THOUGHTS if text.rstrip().endswith(tag)), "")
