"""A stage whose model is behind an OpenAI-compatible server: its client, its key and its patience."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import os
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio

from s2s.remote_errors import RemoteError, explain, retryable
from s2s.stage import Stage

Out = TypeVar("Out")

CLOSE_S = 2.0
"""How long closing waits for connections to say goodbye."""


@dataclasses.dataclass(kw_only=True)
class Remote(Stage):
    """The base of the stages that ask an OpenAI-compatible server, and its options that they share."""

    model: str | None
    base_url: str = "https://api.openai.com/v1"
    api_key_env: str | None = "OPENAI_API_KEY"
    timeout_s: float = 20.0
    stall_s: float = 10.0
    retries: int = 2
    extra_body: dict[str, Any] = dataclasses.field(default_factory=dict)

    def lacks(self) -> str | None:
        """Return the line that names the key that is not set; None where it is, or none is needed."""
        if not self.api_key_env or os.environ.get(self.api_key_env) or is_local(self.base_url):
            return None
        return f"{self.base_url}: {self.api_key_env} is not set; export {self.api_key_env}=... before starting"

    def load(self) -> None:
        """Make the client, without asking the server anything; raise RemoteError when the key is missing."""
        import openai

        if lack := self.lacks():
            raise RemoteError(lack)
        self._key = os.environ.get(self.api_key_env or "", "")
        self._client = openai.AsyncOpenAI(
            base_url=self.base_url, api_key=self._key or "none", max_retries=0, timeout=None
        )
        self._served: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """Close the client's connections, in the event loop that opened them."""
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        if not loop.is_running():
            loop.run_until_complete(self._client.close())
            return
        closing = asyncio.run_coroutine_threadsafe(self._client.close(), loop)
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is not loop:
            closing.result(CLOSE_S)

    async def patiently(self, ask: Callable[[], AsyncGenerator[Out, None]]) -> AsyncGenerator[Out, None]:
        """Yield what `ask()` yields; ask again, with backoff, while nothing has come and the failure may pass.

        The first item must come within `timeout_s`, tries included, and each other one within `stall_s` of the
        one before; otherwise, and when the server fails, raise RemoteError. Nothing is asked again once an item
        has come. Closing this generator closes the HTTP stream at once.
        """
        self._loop = asyncio.get_running_loop()
        deadline = anyio.current_time() + self.timeout_s
        tries = 0
        while True:
            tries += 1
            came = False
            try:
                async with aclosing(ask()) as items:
                    patience = deadline - anyio.current_time()
                    while True:
                        with anyio.fail_after(patience):
                            try:
                                item = await items.__anext__()
                            except StopAsyncIteration:
                                return
                        came = True
                        yield item
                        patience = self.stall_s
            except Exception as error:
                wait_s = backoff_s(tries, headers_of(error))
                if came or tries > self.retries or not retryable(error) or anyio.current_time() + wait_s >= deadline:
                    raise self.failure(error, tries, came) from error
            await anyio.sleep(wait_s)

    def failure(self, error: Exception, tries: int, came: bool) -> Exception:
        """Return the RemoteError that says where, what and the remedy; an error of our own code stays as it is."""
        if getattr(error, "status_code", None) == 404:
            self._served = None
        what = explain(error, self.base_url, self.api_key_env, self.stall_s if came else self.timeout_s, came)
        if what is None:
            return error
        model = self.model or self._served
        where = f"{self.base_url} (model {model})" if model else self.base_url
        again = f" (after {tries} tries)" if tries > 1 else ""
        text = f"{where}: {what}{again}"
        return RemoteError(text.replace(self._key, "***") if self._key else text)

    async def model_name(self) -> str:
        """Return `model`, or the only one that the server names under /models; raise RemoteError otherwise."""
        if self.model or self._served:
            return self.model or self._served or ""
        found = await self._client.get("/models", cast_to=object)
        names = [str(entry["id"]) for entry in found.get("data") or ()] if isinstance(found, dict) else []
        if len(names) != 1:
            listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise RemoteError(
                f"{self.base_url}: the server names {len(names)} models{f' ({listed})' if names else ''}; "
                "choose one with 'model'"
            )
        self._served = names[0]
        return names[0]

    @property
    def added(self) -> dict[str, Any]:
        """The fields added to every request; null takes one back."""
        return {name: value for name, value in self.extra_body.items() if value is not None}

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Post `body` and yield the server-sent events of the answer, decoded; closing it closes the connection."""
        import openai

        stream = await self._client.post(
            path,
            body={**body, **self.added},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        try:
            content = stream.response.headers.get("content-type", "")
            if not content.startswith("text/event-stream"):
                raise RemoteError(f"{self.base_url}{path}: sent {content or 'no content type'} instead of a stream")
            async for event in stream:
                if isinstance(event, dict):
                    yield event
        finally:
            with anyio.CancelScope(shield=True):
                await stream.close()


def is_local(url: str) -> bool:
    """Return whether `url` is on this machine or a private network, where servers seldom want a key."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def headers_of(error: Exception) -> Mapping[str, str]:
    """Return the headers of the answer that made `error`, if any."""
    response = getattr(error, "response", None)
    headers: Mapping[str, str] = getattr(response, "headers", {})
    return headers


def backoff_s(tries: int, headers: Mapping[str, str]) -> float:
    """Return how many seconds to wait after the `tries`-th failure: what the server asked for, or 0.25, 0.5, 1 ...

    Up to a quarter is taken off at random, so that many callers do not come back at once.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue
    return float(0.25 * 2 ** (tries - 1) * random.uniform(0.75, 1.0))
