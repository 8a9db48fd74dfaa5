"""Secrets never print: an option whose name ends in key, token, secret or password shows as `***`."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"
_NAME = r"(?:[\w-]*(?:key|token|secret|password))"
_LINE = re.compile(
    rf"^( *)((?:- )?){_NAME}:(?=[ \n])(?!\s*(?:null|''|\"\"|\?\?\?)\s*$).*(?:\n\1(?: +|- ).*)*", re.M | re.I
)


def is_secret(name: object) -> bool:
    """Say whether the value of an option of this name is a secret; `api_key_env`, a name, is none."""
    return re.fullmatch(_NAME, str(name), re.I) is not None


def masked(value: Any) -> Any:
    """Return a config of mappings and lists with every secret that is set replaced by `***`."""
    if isinstance(value, dict):
        return {k: MASK if is_secret(k) and v not in (None, "", "???") else masked(v) for k, v in value.items()}
    return [masked(v) for v in value] if isinstance(value, list) else value


def masked_yaml(text: str) -> str:
    """Return YAML text with every secret that is set replaced by `***`, over as many lines as it had."""
    return _LINE.sub(lambda m: m.group().split(":", 1)[0] + f": '{MASK}'", text)
