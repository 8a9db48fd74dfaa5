"""What the value of a recogniser's flag becomes, where it is not the same value under another name."""

from __future__ import annotations

import re
from typing import Any

from s2s.convert.flag import Flag, Outcome
from s2s.convert.line import Line
from s2s.convert.values import hub

_MODES = ("default", "reduce-overhead", "max-autotune")


def compile_mode(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return how torch compiles the model, where that is one of our ways."""
    return flag.under_its_key(value, line) if value in _MODES else f"stt.compile is {', '.join(_MODES)} or null"


def paraformer(flag: Flag, value: Any, line: Line) -> Outcome:
    """Return where the weights of a model are that FunASR knows by a short name."""
    if re.fullmatch(r"paraformer(-zh|-en)?", value):
        return flag.under_its_key(f"hf:funasr/{value if '-' in value else 'paraformer-zh'}", line)
    if value.startswith(("iic/", "damo/")):
        return "a model of ModelScope: fetch it there, and give its folder as stt.model"
    return hub(flag, value, line)
