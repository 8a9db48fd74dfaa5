"""A recipe that does what a command line of speech-to-speech does, and the words of our own that do it too."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from typing import Any

from s2s.convert.flag import Flag, Outcome
from s2s.convert.flags import FLAGS
from s2s.convert.line import Line
from s2s.convert.options import CHOICES, Option, chosen_by, keys
from s2s.convert.spelling import in_comment, in_words, in_yaml
from s2s.secrets import MASK, is_secret

_GROUPS = ("device", "mode", "turn", "stt", "llm", "tts")
_SECTIONS = ("sessions", "log", "mode", "turn", "stt", "chat", "llm", "tts")
_THERE = "the default there"


@dataclasses.dataclass
class Recipe:
    """What is chosen and set, and by which flags; and why the others are left out."""

    choices: dict[str, str] = dataclasses.field(default_factory=dict)
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    said: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    left_out: list[str] = dataclasses.field(default_factory=list)

    def take(self, who: str, shown: str, outcome: Outcome) -> None:
        """Add what a flag becomes; `who` is its name, `shown` is what stands where it becomes nothing."""
        if isinstance(outcome, str):
            self.left_out.append(f"{shown}: {outcome}")
            return
        for key, value in outcome.items():
            (self.choices if key in _GROUPS else self.values)[key] = value
            said = self.said.setdefault(key, [])
            if who not in said:
                said.append(who)


def made(line: Line) -> Recipe:
    """Return the recipe for a line."""
    recipe = Recipe()
    for name, value in line.given.items():
        flag = FLAGS[name]
        recipe.take(f"--{name}", written(flag, value), _outcome(flag, value, line))
    for name in CHOICES:
        flag, value = FLAGS[name], line.get(name)
        if flag.keys[0] not in recipe.choices and name not in line.given and line.get(name) != "realtime":
            recipe.take(_THERE, f"{written(flag, value)} ({_THERE})", flag.becomes(value, line))
    if line.remote and line.llm != "openai" and "model_name" not in line.given:
        recipe.take(_THERE, "", {"llm.model": line.get("model_name")})
    if line.remote and not line.at_openai and not any(key.startswith("llm.extra_body") for key in recipe.values):
        recipe.take(_THERE, "", line.thinking)
    return recipe


def text(line: Line) -> str:
    """Return the recipe as YAML, with the words for a command line in a comment at its end."""
    recipe = made(line)
    return "\n".join([*_head(line, recipe), *_body(recipe), *_foot(recipe)])


def written(flag: Flag, value: Any) -> str:
    """Return a flag as it stands on a command line; a key prints as `***`."""
    if is_secret(flag.name):
        value = MASK
    if flag.kind is bool:
        return f"--{flag.name}" if value else f"--{flag.name} false"
    return f"--{flag.name} {shlex.quote(str(value))}"


def _outcome(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return what a flag becomes, if it counts on this line and what it becomes is there."""
    options = chosen_by(flag.of)
    if options:
        chooser = flag.of.partition("=")[0]
        mine = CHOICES[chooser][line.get(chooser)]
        if mine not in options:
            others = " or ".join(flag.of.partition("=")[2].split(","))
            return f"counts with --{chooser} {others} only"
        if not mine.built and mine.group != "mode" and flag.keys:
            return f"{mine} is not built yet"
    outcome = flag.becomes(value, line)
    lacking = [key for key in outcome if not _is_there(key, line)] if not isinstance(outcome, str) else []
    return f"{_holder(lacking[0], line)} has no option '{lacking[0].split('.')[1]}'" if lacking else outcome


def _is_there(key: str, line: Line) -> bool:
    """Say whether a key is one of the option that the recipe chooses; a mode's YAML is not asked."""
    group, _, rest = key.partition(".")
    if not rest or group == "mode":
        return True
    option = _holder(key, line)
    return rest.partition(".")[0] in keys(option.group, option.name)


def _holder(key: str, line: Line) -> Option:
    group = key.partition(".")[0]
    fixed = {"chat": Option("text", "chat"), "turn": Option("turn", "silence")}
    return fixed.get(group) or Option(group, line.option(group))


def _head(line: Line, recipe: Recipe) -> Iterator[str]:
    words = " ".join(written(FLAGS[name], value) for name, value in line.given.items())
    yield "# @package _global_"
    yield "# Converted from speech-to-speech 0.2.11:"
    yield f"#           {in_comment(f'speech-to-speech {words}')}"
    yield "# Run:      s2s-run ./FILE.yaml, where FILE.yaml is this text"
    needs = [f"{line.key_env}, the model's key, in the environment"] if _needs_key(line) else []
    needs += [f"{', '.join(line.environment)} in the environment, as before"] if line.environment else []
    if needs:
        yield f"# Needs:    {'; '.join(needs)}"
    for remark in [*_remarks(line), *line.notes]:
        yield f"# Note:     {remark}"
    if recipe.left_out:
        yield "# Left out:"
        yield from (f"# {in_comment(reason)}" for reason in recipe.left_out)


def _needs_key(line: Line) -> bool:
    if not line.remote or line.key_env is None:
        return False
    return "responses_api_api_key" in line.given or str(line.get("responses_api_base_url") or "https:")[:6] == "https:"


def _remarks(line: Line) -> Iterator[str]:
    """Say where our defaults are others on purpose."""
    if line.mode in ("realtime", "websocket") and "ws_host" not in line.given:
        yield f"mode.{line.mode}.host is 127.0.0.1 unless you say 0.0.0.0, which lets other machines in"
    if line.mode in ("socket", "websocket"):
        yield f"callers may speak over an answer; mode.{line.mode}.duplex=half does not listen meanwhile, as there"


def _body(recipe: Recipe) -> Iterator[str]:
    yield "defaults:"
    for group in _GROUPS:
        if group in recipe.choices:
            option = recipe.choices[group]
            yield _because(f"  - override /{group}: {f'[{option}]' if group == 'mode' else option}", recipe.said[group])
    if not recipe.choices:
        yield "  - _self_"
    open_at: list[str] = []
    for key in sorted(recipe.values, key=lambda key: (_SECTIONS.index(key.partition(".")[0]), key.count("."))):
        *above, last = key.split(".")
        shared = 0
        while shared < min(len(above), len(open_at)) and above[shared] == open_at[shared]:
            shared += 1
        for depth in range(shared, len(above)):
            yield f"{'  ' * depth}{above[depth]}:"
        open_at = above
        yield _because(f"{'  ' * len(above)}{last}: {in_yaml(recipe.values[key])}", recipe.said[key])


def _because(text: str, said: list[str]) -> str:
    return f"{text}  # {', '.join(said)}"


def _foot(recipe: Recipe) -> Iterator[str]:
    words = [f"{group}={recipe.choices[group]}" for group in _GROUPS if group in recipe.choices]
    words += [in_words(key, value) for key, value in recipe.values.items()]
    command = " ".join(["s2s-run", *words])
    yield ""
    yield "# The same without a file:"
    if not command.replace("\n", "").isprintable():
        yield "# there is none: a value holds a character that can't be typed"
        return
    yield from (f"# {row}" for row in command.split("\n"))
