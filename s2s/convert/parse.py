"""From the words of a command line, or a file of JSON, to the flags that it gives; every mistake is named."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2s.convert.flag import Flag
from s2s.convert.flags import FLAGS
from s2s.convert.line import Line
from s2s.convert.words import name, split, unwrapped
from s2s.mistakes import ConfigError, sentence

EXAMPLE = "s2s-run mode=convert -- speech-to-speech --mode socket --recv_host 0.0.0.0"
_CLIENT = re.compile(r"(.*/)?listen_and_play(_realtime)?\.py")
_TRUE, _FALSE = ("yes", "true", "t", "y", "1"), ("no", "false", "f", "n", "0")


def parse(rest: Sequence[str]) -> Line:
    """Return what stands after `--`; raises ConfigError with every mistake in it, one line each."""
    words = split(rest)
    client = next((word for word in words if _CLIENT.fullmatch(word)), None)
    if client:
        raise ConfigError([f"mode.convert: {client} is a client; the one in clients/ takes the same flags"])
    if not words:
        raise ConfigError([f"mode.convert: no command line to convert; write it after '--', as in: {EXAMPLE}"])
    arguments, environment = unwrapped(words, {*FLAGS, *(f"no_{flag}" for flag in FLAGS)})
    mistakes: list[str] = []
    if len(arguments) == 1 and arguments[0].endswith(".json"):
        given = _from_json(Path(arguments[0]), mistakes)
    else:
        given = _from_words(arguments, mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return Line(given, {name: flag.default for name, flag in FLAGS.items()}, environment)


def _from_words(words: Sequence[str], mistakes: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, negated = _flag(name(word))
        if flag is None:
            mistakes.append(_unknown(word))
            while rest and not rest[0].startswith("--"):
                rest.pop(0)
            continue
        _, stands, text = word.partition("=")
        follows = bool(rest) and not rest[0].startswith("--")
        if negated:
            text = "false"
        elif not stands and follows:
            text = rest.pop(0)
        elif not stands and flag.kind is bool:
            text = "true"
        elif not stands:
            mistakes.append(f"--{flag.name}: needs a value")
            continue
        _keep(given, flag, text, mistakes)
    return given


def _from_json(path: Path, mistakes: list[str]) -> dict[str, Any]:
    """Return the flags of a file; null is as good as not given, but for a language, where it leaves it open."""
    try:
        found = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = "no such file" if isinstance(error, FileNotFoundError) else sentence(str(error))
        raise ConfigError([f"{path}: {why}"]) from None
    if not isinstance(found, dict):
        raise ConfigError([f'{path}: a file of flags is an object such as {{"mode": "local"}}'])
    given: dict[str, Any] = {}
    for word, value in found.items():
        flag, _ = _flag(word)
        if flag is None:
            mistakes.append(_unknown(f"--{word}"))
        elif value is not None or "language" in word:
            _keep(given, flag, value, mistakes)
    return given


def _flag(word: str) -> tuple[Flag | None, bool]:
    """Return the flag of this name, and whether the name is that of its opposite."""
    flag = FLAGS.get(word)
    if flag is None and word.startswith("no_"):
        opposite = FLAGS.get(word[3:])
        if opposite is not None and opposite.kind is bool:
            return opposite, True
    return flag, False


def _unknown(word: str) -> str:
    if not word.startswith("--"):
        return f"mode.convert: '{word}' belongs to no flag of speech-to-speech 0.2.11"
    said = f"--{name(word)}"
    (nearest,) = difflib.get_close_matches(said, [f"--{flag}" for flag in FLAGS], n=1, cutoff=0.0)
    return f"{said}: speech-to-speech 0.2.11 has no such flag; did you mean '{nearest}'?"


def _keep(given: dict[str, Any], flag: Flag, value: Any, mistakes: list[str]) -> None:
    try:
        given[flag.name] = _read(flag, value)
    except ValueError as error:
        mistakes.append(f"--{flag.name}: {error}")


def _read(flag: Flag, value: Any) -> Any:
    """Return the value as the flag takes it; raises ValueError with what it takes."""
    if value is None:
        return None
    if flag.kind is bool:
        word = str(value).lower()
        if word not in (*_TRUE, *_FALSE):
            raise ValueError(f"input should be true or false, not '{value}'")
        return word in _TRUE
    if flag.kind in (int, float):
        try:
            if isinstance(value, bool):
                raise ValueError
            return _number(flag.kind, value)
        except (OverflowError, TypeError, ValueError):
            raise ValueError(f"input should be a {'whole ' * (flag.kind is int)}number, not '{value}'") from None
    if flag.kind is dict:
        return value if isinstance(value, Mapping) else str(value)
    if not isinstance(value, str):
        raise ValueError(f"input should be text, not {json.dumps(value)}")
    if flag.choices and value not in flag.choices:
        choices = [f"'{choice}'" for choice in flag.choices]
        raise ValueError(f"input should be {', '.join(choices[:-1])} or {choices[-1]}, not '{value}'")
    return value


def _number(kind: type, value: Any) -> Any:
    number = kind(value)
    if math.isnan(number) or (not isinstance(value, str) and number != value):
        raise ValueError
    return number
