"""One item at a stage in a task of its own, so that it can be given up without waiting for the stage to let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any


class Attempt:
    """What a stage gives of an item, each output made only once it is asked for.

    The first one must come within `first_s`, each later one within `then_s` of being asked for; else TimeoutError is
    raised, and the work goes on until it is cancelled.
    """

    def __init__(self, outputs: AsyncIterator[Any], first_s: float | None, then_s: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = first_s
        self._then_s = then_s
        self._out: list[Any] = []
        self._error: BaseException | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()
        self._task = self._loop.create_task(self._work(outputs))

    def __aiter__(self) -> Attempt:
        return self

    async def __anext__(self) -> Any:
        self._wanted.set()
        limit_s, timer = self._limit_s, None
        if limit_s is not None:
            timer = self._loop.call_later(limit_s, self._ring, limit_s)
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._limit_s = self._then_s
        if self._out:
            if not self._ended:
                self._news.clear()
            return self._out.pop()
        if self._error is None:
            raise StopAsyncIteration
        try:
            raise self._error
        finally:
            self._error = None  # whose traceback holds this

    def cancel(self) -> asyncio.Task[None]:
        """Cancel the work, once, and return the task in which the stage lets go of it."""
        task = self._task
        del self._task  # which holds what was raised in it, and so this
        task.cancel()
        return task

    def _ring(self, limit_s: float) -> None:
        if not self._out:
            self._end(TimeoutError(f"no sign of life for {limit_s:g} s"))

    def _end(self, error: BaseException | None) -> None:
        if not self._ended:
            self._ended, self._error = True, error
            self._news.set()

    async def _work(self, outputs: AsyncIterator[Any]) -> None:
        try:
            async with contextlib.aclosing(outputs) as stream:  # type: ignore[type-var]
                async for out in stream:
                    self._wanted.clear()
                    self._out.append(out)
                    self._news.set()
                    await self._wanted.wait()
        except Exception as error:
            self._end(error)
        else:
            self._end(None)
