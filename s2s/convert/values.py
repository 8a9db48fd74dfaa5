"""What the value of a flag becomes, where it is not the same value under another name."""

from __future__ import annotations

import math
import re
from typing import Any

from s2s.convert.flag import Flag, Outcome
from s2s.convert.line import Line
from s2s.convert.options import CHOICES

_DEVICES = ("auto", "cpu", "cuda", "mps")
_LOGS = {name: name for name in ("debug", "info", "warning", "error")}
_LOGS |= {"warn": "warning", "critical": "error", "fatal": "error", "notset": "debug"}
_COMPUTES = ("int8", "int8_float16", "float16", "float32", "default")
_DTYPES = ("auto", "float32", "float16", "bfloat16")
_SIZE = re.compile(r"(?P<distil>distil-)?(?P<size>(tiny|base|small|medium|large)(-v[123])?(\.en)?)")
_TURBO = "hf:mobiuslabsgmbh/faster-whisper-large-v3-turbo/"


def choice(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return our option for one of the seed's backends, or what to use while it is not there."""
    option = CHOICES[flag.name][value]
    if not option.built and option.group != "mode":
        return f"{option} is not built yet; until then {option.instead}"
    return {option.group: line.llm if flag.name == "llm_backend" else option.name}


def device(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the device of all stages; which card it is, the environment says here."""
    kind, _, card = str(value).partition(":")
    if kind not in _DEVICES:
        return f"device is {', '.join(_DEVICES[:-1])} or {_DEVICES[-1]}"
    if card:
        line.note(f"CUDA_VISIBLE_DEVICES={card} in the environment picks the card")
    return {"device": kind}


def mac(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the mode and the device; the backends are chosen as if they were named."""
    return {"mode": line.mode, "device": line.get("device")} if value else "false changes nothing"


def log(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the level under its name here."""
    level = _LOGS.get(str(value).lower())
    return {"log": level} if level else "log is debug, info, warning or error"


def host(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the address to listen on, in IPv4 as the seed's; `localhost` is the other one on some machines."""
    return flag.under_its_key("127.0.0.1" if value == "localhost" else value, line)


def milliseconds(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the seconds as milliseconds."""
    return flag.under_its_key(round(value * 1000), line)


def longest(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the longest turn."""
    if math.isinf(value):
        return "turn.max_speech_s ends a turn after 60 s, and the next one goes on without a gap"
    return flag.under_its_key(value / 1000, line)


def silence(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return when a turn ends; the seed's realtime mode begins an answer after one silence and holds it for another."""
    soft = line.get("min_silence_ms")
    if line.mode != "realtime":
        return {"turn": "silence", "turn.silence_ms": soft}
    return {"turn": "silence", "turn.soft_ms": soft, "turn.silence_ms": soft + line.get("speculative_reopen_ms")}


def language(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the language, null where it is to be guessed."""
    code = None if str(value).lower() in ("auto", "none", "") else value
    if code != "en" and line.english_only:
        line.note("the default recogniser knows English only: stt.model=hf:Systran/faster-whisper-small/ hears others")
    return flag.under_its_key(code, line)


def task(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return why there is no such choice."""
    return "recognition always transcribes" if value == "transcribe" else "recipe=interpreter translates, by llm"


def whisper(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return where the weights of a Whisper model are that the seed's library knows by its size."""
    if value == "tiny.en":
        return "stt.model is Whisper tiny.en by default"
    if value in ("turbo", "large-v3-turbo"):
        return flag.under_its_key(_TURBO, line)
    found = _SIZE.fullmatch(value)
    if found:
        size = "large-v3" if found["size"] == "large" else found["size"]
        name = f"faster-distil-whisper-{size}" if found["distil"] else f"faster-whisper-{size}"
        return flag.under_its_key(f"hf:Systran/{name}/", line)
    return flag.under_its_key(f"hf:{value}/" if re.fullmatch(r"\w[\w.-]*/[\w.-]+", value) else value, line)


def compute_type(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the type of the numbers, where it is one of ours."""
    kind = "default" if value == "auto" else value
    if kind not in _COMPUTES:
        return f"stt.compute_type is {', '.join(_COMPUTES[:-1])} or {_COMPUTES[-1]}"
    return flag.under_its_key(kind, line)


def dtype(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the format of a torch model's numbers, where it is one of ours."""
    kind = str(value).removeprefix("torch.")
    if kind not in _DTYPES:
        return f"{flag.keys[0]} is {', '.join(_DTYPES[:-1])} or {_DTYPES[-1]}"
    return flag.under_its_key(kind, line)


def hub(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return where a model's folder is: on the hub, or here."""
    return flag.under_its_key(f"hf:{value}" if re.fullmatch(r"\w[\w.-]*/[\w.-]+", value) else value, line)


def language_model(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return a model by the name that its server knows, or where it is for a model in this process."""
    return flag.under_its_key(value, line) if line.remote else hub(flag, value, line)


def key(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return the name of the variable that holds the key; the key itself is written nowhere."""
    return flag.under_its_key(line.key_env, line)


def thinking(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return what the seed adds to requests so that a model answers at once; an effort goes first."""
    if line.at_openai:
        return "sent to other servers than OpenAI's only; llm=openai asks for no thoughts"
    return line.thinking or "nothing is added to requests, as there"
