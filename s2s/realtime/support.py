"""What a deployment can do of what clients ask for; the rest is refused by name, never ignored."""

from __future__ import annotations

import re

import msgspec

from s2s.realtime.refusal import Refusal
from s2s.realtime.session_shapes import Input, Reasoning, Session, Voice
from s2s.settings import Settings

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar", "default"}
)
"""Voices that stock clients name unasked: where the deployment has no voice of that name, they mean its own."""

_HTTPS = re.compile(r"https://(?P<host>[^/?#@:\\\s]+)(:\d+)?([/?#]|$)", re.I)
_NAME = re.compile(r"[\w][\w.:+ -]{0,63}")
"""What a voice may be called that the deployment does not know: never a path."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the stages of a graph can do.

    `images` says whether the language model sees pictures, `image_hosts` from where it may fetch them by itself.
    `honours` are the fields of `Settings` that at least one stage obeys; `voices` are the names that a session may
    choose from, None where the speech server knows them alone.
    """

    audible: bool = True
    images: bool = False
    image_hosts: tuple[str, ...] = ()
    voices: tuple[str, ...] | None = ()
    honours: frozenset[str] = frozenset()

    def voice(self, wanted: str | Voice, base: Settings, param: str) -> str | None:
        """Return the voice that a name means, None for the deployment's own; raise Refusal when there is none."""
        name = wanted.id if isinstance(wanted, Voice) else wanted
        if name == base.voice or (self.voices and name in self.voices):
            return name
        if self.voices is None and _NAME.fullmatch(name) and name != "default":
            return name
        if name in OPENAI_VOICES:
            return base.voice
        choices = ", ".join(f"'{choice}'" for choice in (self.voices or ())) or "'default'"
        raise Refusal("invalid_value", f"Invalid value: '{name}'. Supported values are: {choices}.", param)

    def check_session(self, session: Session) -> None:
        """Refuse what no stage would obey."""
        self.check_input(session.audio.input, "session.audio.input")
        self.check_prompt(session.prompt, "session.prompt")
        self.check_include(session.include)
        self.check_limits(session.max_output_tokens, bool(session.tools), session.reasoning, "session")
        if session.audio.output.speed != 1.0:
            self._need("speed", "session.audio.output.speed")
        if session.truncation != "auto":
            self._need("truncation", "session.truncation")
        if len(session.output_modalities) != 1:
            message = "Invalid value: one of ['audio'] or ['text'] is supported at a time."
            raise Refusal("invalid_value", message, "session.output_modalities")

    def check_image(self, url: str, param: str) -> None:
        """Refuse a picture that the model could not see, or that a server would have to fetch from anywhere."""
        if not self.images:
            message = "Unsupported value: this deployment's language model takes no images."
            raise Refusal("unsupported_value", message, param)
        if url.startswith("data:image/"):
            return
        address = _HTTPS.match(url)
        if address is None or address["host"].lower() not in self.image_hosts:
            message = "Invalid value: send images as 'data:image/...;base64,' URLs; this server fetches no others"
            hosts = ", ".join(self.image_hosts)
            raise Refusal(
                "invalid_value", f"{message}, except over https from {hosts}." if hosts else f"{message}.", param
            )

    def check_input(self, hearing: Input, root: str) -> None:
        """Refuse what no stage would obey of the caller's side."""
        given = hearing.transcription
        for field in ("prompt", "keywords", "languages", "delay"):
            if given is not None and getattr(given, field) is not None:
                self._need(f"transcription_{field}", f"{root}.transcription.{field}")

    def check_include(self, include: list[str] | None) -> None:
        """Refuse what can't be shown."""
        for at, _ in enumerate(include or ()):
            self._need("logprobs", f"session.include[{at}]")

    def check_limits(self, limit: int | str | None, tools: bool, reasoning: Reasoning | None, root: str) -> None:
        """Refuse a limit of tokens, tools or an effort that the language model does not obey."""
        if isinstance(limit, int):
            self._need("max_tokens", f"{root}.max_output_tokens")
        if tools:
            self._need("tools", f"{root}.tools")
        if reasoning is not None and reasoning.effort is not None:
            self._need("effort", f"{root}.reasoning.effort")

    def check_prompt(self, prompt: object, param: str) -> None:
        """Refuse a prompt that is stored at OpenAI."""
        if prompt is not None:
            message = f"Unsupported parameter: '{param}' names a prompt stored at OpenAI; send it as 'instructions'."
            raise Refusal("unsupported_parameter", message, param)

    def _need(self, ability: str, param: str) -> None:
        if ability not in self.honours:
            message = f"Unsupported parameter: no stage of this deployment obeys '{param}'."
            raise Refusal("unsupported_parameter", message, param)
