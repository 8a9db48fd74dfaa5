"""Drives one stage by hand, without engine or place: for conformance and for tests of a backend."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from s2s.messages import Message
from s2s.options import options
from s2s.packages import installed, missing
from s2s.place.options import Place
from s2s.place.pool import loaded
from s2s.settings import Settings
from s2s.stage import Call, Stage


class Skipped(Exception):
    """A case that can't be tried here, and why."""


class Bench:
    """A stage that is loaded when it is first used, and whose generators, async ones too, are plain iterators here."""

    def __init__(self, stage: Stage, server: bool = False) -> None:
        self.stage = stage
        self._server = server
        self._loaded: Stage | None = None
        self._why = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scopes = 0

    def loaded(self) -> Stage:
        """Load the stage once; raise Skipped where its package, weights or server are not there."""
        if self._loaded is None:
            self._why = self._why or self._absent()
            if self._why:
                raise Skipped(self._why)
            self._loaded = loaded(self.stage)
        return self._loaded

    def fresh(self, **changes: Any) -> Stage:
        """Return a copy of the stage that is not loaded, with other options."""
        return dataclasses.replace(self.stage, **changes)

    def call(self, name: str = "call", settings: Settings | None = None, of: Call | None = None) -> Call:
        """Return a call in a scope of its own; `of` is another scope of the same caller."""
        self._scopes += 1
        if of is not None:
            return Call(of.id, self._scopes, settings or of.settings, of.memory)
        return Call(name, self._scopes, settings or Settings())

    def stream(self, call: Call, item: Message | None) -> Iterator[Any]:
        """Give what `run` sends for `item`, or `finish` for None, as it comes."""
        stage: Any = self.loaded()
        made = stage.finish(call) if item is None else stage.run(call, item)
        if inspect.isasyncgen(made) or isinstance(made, AsyncIterator):
            return self._stepped(made)
        return iter(made)

    def drain(self, call: Call, *items: Message | None) -> list[Any]:
        """Return all that is sent for the items, one after the other."""
        return [out for item in items for out in self.stream(call, item)]

    def close(self) -> None:
        """Let the model go."""
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None
        if self._loop is not None:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._loop = None

    def __del__(self) -> None:
        if self._loop is not None and not self._loop.is_running():
            self._loop.close()

    def _stepped(self, made: Any) -> Iterator[Any]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(made.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(made.aclose())

    def _absent(self) -> str:
        line = missing("stage", type(self.stage), Place())
        if line:
            return line.partition(": ")[2]
        if not self._server and {"base_url", "url"} & set(options(type(self.stage))):
            return "it asks a server, and none was named"
        for source in self.stage.weights():
            why = _without(source)
            if why:
                return why
        return ""


def _without(source: str) -> str:
    """Return why the weights can't be had here, or nothing; a model hub is not asked, only its cache."""
    from s2s.weights import resolve
    from s2s.wheel_weights import WeightsError

    try:
        with _offline_hub():
            resolve(source, progress=False)
    except WeightsError as error:
        if "wrong sha256" in str(error):
            raise
        return str(error)
    return ""


@contextlib.contextmanager
def _offline_hub() -> Iterator[None]:
    if not installed("huggingface_hub"):
        yield
        return
    hub: Any = importlib.import_module("huggingface_hub.constants")
    before, hub.HF_HUB_OFFLINE = hub.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        hub.HF_HUB_OFFLINE = before
