"""The face of the conversation in the graph: history becomes a prompt here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from s2s.messages import Ask, Asked, Line, Prompt, Speech, ToolResult, Transcript
from s2s.stage import Call, Stage
from s2s.text.languages import name_of

IMAGE_TOKENS = 800
"""What an image is taken to cost."""
UNKEPT = "(The caller said something here that was heard then and is not kept.)"
"""What stands in place of sound that is no longer kept, where nobody has written down its words."""


@dataclass(kw_only=True)
class Chat(Stage):
    """Prompts made of what was said and heard: the instructions first, then the latest turns.

    Transcripts, tool results and speech coming here are taken in by the conversation itself; `run` sees only its
    `Ask`s. Old turns are dropped a quarter of the allowance at a time, unless a client sets its `truncation`: so most
    prompts begin as the one before did and a language model's prefix cache holds.
    """

    prompt: str = "You are a helpful assistant on the phone. Give very short answers, without lists or markup."
    chat_size: int = 30
    budget_tokens: int | None = None
    enable_lang_prompt: bool = False
    audio_turns: int = 4

    face: ClassVar[str] = "chat"
    honours = frozenset({"instructions", "truncation"})

    def __post_init__(self) -> None:
        if self.chat_size < 1:
            raise ValueError(f"chat_size should be 1 or more, not {self.chat_size}")
        if self.audio_turns < 1:
            raise ValueError(f"audio_turns should be 1 or more, not {self.audio_turns}")

    def run(self, call: Call, item: Ask | Transcript | ToolResult | Speech) -> Iterator[Prompt | Asked]:
        """Send the agent's last words, for who wants to know what was asked, and the prompt."""
        if not isinstance(item, Ask):
            return
        said = next((line.text for line in reversed(item.lines) if line.role == "assistant" and line.text), "")
        if said:
            yield Asked(text=said)
        lines = paired(self._trimmed(call, heard(item.lines, self.audio_turns)))
        if self.enable_lang_prompt and item.language and item.language != call.settings.language:
            lines = _replying_in(name_of(item.language), lines)
        system = call.settings.instructions or self.prompt
        yield Prompt(lines=(Line(role="system", text=system), *lines) if system else tuple(lines))

    def _trimmed(self, call: Call, lines: Sequence[Line]) -> Sequence[Line]:
        settings = call.settings
        if settings.truncation is None:
            return lines
        budget = self.budget_tokens if settings.budget_tokens is None else settings.budget_tokens
        return trimmed(lines, self.chat_size, budget, settings.truncation)


def heard(lines: Sequence[Line], count: int) -> list[Line]:
    """Return the lines with the sound of the last `count` that were spoken, and words in place of all other sound."""
    spoken = [place for place, line in enumerate(lines) if line.sound_of]
    last = set(spoken[-count:])
    found = list(lines)
    for place in spoken:
        line = lines[place]
        if place in last and line.audio:
            found[place] = msgspec.structs.replace(line, text="", sound_of="")
        else:
            found[place] = msgspec.structs.replace(line, text=line.text or UNKEPT, audio=b"", sound_of="")
    return found


def trimmed(lines: Sequence[Line], turns: int, budget_tokens: int | None = None, share: float = 0.75) -> list[Line]:
    """Return the latest lines, from a user's line on: at most `turns` of the user's, within the budget of tokens.

    Where they are too many only this `share` of them is kept. Lines of the system stay; so does the last turn,
    whatever it costs.
    """
    begins = [place for place, line in enumerate(lines) if line.role == "user"]
    if not begins:
        return list(lines)
    drop = _in_steps(len(begins) - turns, max(1, int(turns * (1 - share))))
    if budget_tokens is not None:
        cost = [0]
        for line in lines:
            cost.append(cost[-1] + tokens(line))
        excess = _in_steps(cost[-1] - budget_tokens, max(1, int(budget_tokens * (1 - share))))
        drop = max(drop, sum(cost[begin] < excess for begin in begins))
    if not drop:
        return list(lines)
    begin = begins[min(drop, len(begins) - 1)]
    return [line for line in lines[:begin] if line.role == "system"] + list(lines[begin:])


def paired(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with each tool result right after its call, without calls and results that lack the other."""
    results = {line.call_id: line for line in lines if line.role == "tool"}
    whole = []
    for line in lines:
        if line.role == "tool":
            continue
        answered = tuple(use for use in line.calls if use.call_id in results)
        if answered != line.calls:
            line = msgspec.structs.replace(line, calls=answered)
        if line.text or line.images or line.audio or answered:
            whole.append(line)
        whole.extend(results[use.call_id] for use in answered)
    return whole


def tokens(line: Line) -> int:
    """Return a rough count: four bytes to a token, 80 ms of sound to one, and a few for the role."""
    size = len(line.text.encode()) + sum(len(use.name) + len(use.arguments) for use in line.calls)
    return 4 + size // 4 + len(line.audio) // 2560 + IMAGE_TOKENS * len(line.images)


def _in_steps(excess: int, step: int) -> int:
    return -(-excess // step) * step if excess > 0 else 0


def _replying_in(language: str, lines: list[Line]) -> list[Line]:
    last = next((place for place in range(len(lines) - 1, -1, -1) if lines[place].role == "user"), None)
    if last is None:
        return lines
    text = f"{lines[last].text}\n\nPlease reply to my message in {language}.".lstrip()
    return [*lines[:last], msgspec.structs.replace(lines[last], text=text), *lines[last + 1 :]]
