"""Plain HTTP, for tests."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any


async def ask(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON that a URL answers; a body, as bytes or JSON, is posted."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()

    def wait() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return await asyncio.to_thread(wait)
