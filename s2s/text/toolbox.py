"""What runs functions for a language model: in a thread of their own, each with a limit of time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from typing import Any, Protocol

from s2s.messages import ToolCall, ToolResult
from s2s.settings import Tool
from s2s.stage import Call, Stage
from s2s.text.functions import Function, said, well_formed

log = logging.getLogger("s2s.tools")

CLOSE_S = 8.0
"""Seconds that what runs may take to stop: a server is asked first, and killed after four."""


class Runner(Protocol):
    """A function that can be called."""

    tool: Tool

    async def call(self, arguments: dict[str, Any]) -> str:
        """Return its result as text; raise whatever has gone wrong."""


@dataclass(kw_only=True)
class Toolbox(Stage):
    """The base of the stages that run functions: Python's, and whatever else has a name and can be called.

    They run in a thread and an event loop of their own, once the answer that calls them is certain. What goes wrong is
    told to the model as the result. Calls of a client's function are left to the client; one of a function that nobody
    has is answered with the names that there are.
    """

    functions: list[str] = field(default_factory=list)
    timeout_s: float = 15.0
    longest: int = 8000
    max_tool_rounds: int = 5

    commits = True

    def __post_init__(self) -> None:
        self._runners: dict[str, Runner] = {}
        self._backstage: Backstage | None = None
        for source in self.functions:
            if not well_formed(source):
                remedy = "write package.module.function, or path/to/file.py:function"
                raise ValueError(f"functions: '{source}' names no function; {remedy}")
        for name, least in (("timeout_s", 0.0), ("longest", 0), ("max_tool_rounds", 0)):
            if getattr(self, name) <= least:
                raise ValueError(f"{name} should be more than {least:g}, not {getattr(self, name)}")

    def load(self) -> None:
        """Import the functions; raise ValueError where one can't be had."""
        self._backstage = Backstage()
        try:
            self._take(self.imported())
        except BaseException:
            self.close()
            raise

    def imported(self) -> list[Runner]:
        """Return the functions that `functions` names."""
        try:
            return [Function(source) for source in self.functions]
        except ValueError as error:
            raise ValueError(f"functions: {error}") from error

    def _take(self, runners: Iterable[Runner]) -> None:
        for runner in runners:
            if runner.tool.name in self._runners:
                raise ValueError(f"functions: there are two of the name '{runner.tool.name}'; rename one")
            self._runners[runner.tool.name] = runner

    def offers(self) -> tuple[Tool, ...]:
        """Return what the language model is told of the functions."""
        return tuple(runner.tool for runner in self._runners.values())

    async def run(self, call: Call, item: ToolCall) -> AsyncIterator[ToolResult]:
        """Return what a called function gives."""
        offered = {tool.name: tool for tool in call.settings.tools}
        if item.arguments is None or not offered.get(item.name, Tool(name="", here=True)).here:
            return
        if item.name in offered and item.name in self._runners:
            output = await self._result(self._runners[item.name], item.arguments)
        else:
            output = f"error: there is no function '{item.name}'; there are: {', '.join(offered) or 'none'}"
        yield ToolResult(call_id=item.call_id, output=output)

    async def _result(self, runner: Runner, text: str) -> str:
        assert self._backstage is not None
        name, loop = runner.tool.name, asyncio.get_running_loop()
        begun, output = loop.time(), ""
        try:
            arguments = json.loads(text or "{}")
            if not isinstance(arguments, dict):
                raise ValueError(f"the arguments should be a JSON object, not {text[:100]}")
            work = self._backstage.do(_contained(runner, arguments))
            output = await asyncio.wait_for(asyncio.wrap_future(work), self.timeout_s)
        except asyncio.TimeoutError:
            output = f"error: {name} gave no result within {self.timeout_s:g} s"
        except ValueError as error:
            output = f"error: {said(error)}"
        if output.startswith("error: "):
            log.warning("%s: %s", name, output[:300])
        else:
            log.debug("%s returned %d characters after %.2f s", name, len(output), loop.time() - begun)
        if len(output) > self.longest:
            return f"{output[: self.longest]}... (cut: it had {len(output)} characters)"
        return output

    def close(self) -> None:
        """Stop what runs, and forget the functions; one that hangs in its thread is left to it."""
        self._runners = {}
        if self._backstage is not None:
            self._backstage.close()
            self._backstage = None


class Backstage:
    """A thread with an event loop, so that a function that blocks holds up other functions and no caller's sound."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tools", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Begin a coroutine there; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancel what runs there and end the thread, unless a function holds it."""
        with contextlib.suppress(TookTooLong, RuntimeError):
            asyncio.run_coroutine_threadsafe(_cancelled(), self._loop).result(CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancelled() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _contained(runner: Runner, arguments: dict[str, Any]) -> str:
    """Return the result, or what has gone wrong: `sys.exit()` would end the loop, and its own cancelling the answer."""
    try:
        return await runner.call(arguments)
    except BaseException as error:
        return f"error: {said(error)}"
