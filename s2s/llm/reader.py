"""What the embedded server is given to read before anybody asks it anything."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from s2s.llm.loopback import events, post
from s2s.messages import Prompt


class Reader:
    """A llama.cpp server at `url` that reads, and writes nothing."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def prompt(self, body: Mapping[str, Any]) -> str:
        """Return the text that the model's template makes of messages and tools."""
        return str((await post(f"{self._url}/apply-template", body))["prompt"])

    async def read(self, prompt: str, slot: int) -> None:
        """Have a slot read a prompt, from where it differs from what the slot has read."""
        body = {"prompt": prompt, "n_predict": 0, "cache_prompt": True, "id_slot": slot, "stream": True}
        async with aclosing(events(f"{self._url}/completion", body)) as chunks:
            async for _ in chunks:
                pass

    def knows_tools(self) -> bool:
        """Whether the model's chat template has a place for tools; else it calls one only where it must."""
        tool = {"name": "probe_of_tools", "description": "", "parameters": {"type": "object", "properties": {}}}
        body = {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": tool}]}
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self._url}/apply-template", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(asked) as answer:
            return b"probe_of_tools" in answer.read()


def begun(prompt: str, item: Prompt) -> str:
    """Return as much of a templated prompt as will stay: without the last word of a line that is still spoken."""
    if item.ahead == "whole":
        return prompt
    text = item.lines[-1].text.strip()
    known, at = text.rpartition(" ")[0], prompt.rfind(text)
    return prompt[: at + len(known)] if known and at >= 0 else ""
