"""What runs for one caller: each item in a task of its own, its outputs sent on in order as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from s2s.messages import Message
from s2s.room import Room
from s2s.scope import Scope
from s2s.wiring import Network
from s2s.work import Watch


class Way(Protocol):
    """The way that outputs go."""

    def send(self, name: str, scope: Scope, out: Message) -> None:
        """Send on what a stage gave."""

    def finished(self, name: str, scope: Scope, item: Message | None) -> None:
        """A stage is done with an item, or with its `finish` for None."""

    def failed(self, scope: Scope, stage: str, error: BaseException) -> None:
        """A stage has failed."""


class Jobs:
    """The tasks of one caller."""

    def __init__(self, network: Network, way: Way, room: Room) -> None:
        self._network = network
        self._way = way
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._busy: dict[asyncio.Task[None], str] = {}

    def busy(self, name: str) -> bool:
        """Whether something runs at a stage."""
        return name in self._busy.values()

    def start(
        self,
        name: str,
        scope: Scope,
        item: Message | None,
        before: asyncio.Event | None = None,
        over: Callable[[], None] | None = None,
    ) -> None:
        """Run a stage on an item, or its `finish` for None; outputs wait for `before`; `over` is called after it."""
        task = self._loop.create_task(self._work(name, scope, item, before))
        self._busy[task] = name
        scope.jobs.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            del self._busy[task]
            scope.jobs.discard(task)
            self._room.made()
            if over is not None:
                over()

        task.add_done_callback(ended)

    async def _work(self, name: str, scope: Scope, item: Message | None, before: asyncio.Event | None) -> None:
        pool = self._network.pools[name]
        node = self._network.nodes[name]
        watch = Watch(self._loop, node.place.timeout_s)
        try:
            call = scope.view(name)
            call.due = scope.due(self._loop.time())
            outputs = pool.run(call, item)
            async with contextlib.aclosing(outputs) as stream:  # type: ignore[type-var]
                async for out in stream:
                    if before is not None and not before.is_set():
                        with watch.paused():
                            await before.wait()
                    if not scope.live:
                        break
                    self._way.send(name, scope, out if item is None else item.stamp(out))
                    if self._network.pauses[name] and self._room.blocked(name, scope, item):
                        with watch.paused():
                            await self._room.credit(name, scope, item)
                    watch.touch()
        except asyncio.CancelledError:
            if not watch.expired:
                scope.count(name, -1)
                raise
            self._fail(name, scope, TimeoutError(f"no sign of life for {node.place.timeout_s:g} s"))
        except Exception as error:
            self._fail(name, scope, error)
        finally:
            watch.close()
        self._way.finished(name, scope, item)

    def _fail(self, name: str, scope: Scope, error: BaseException) -> None:
        if scope.live:
            self._way.failed(scope, name, error)

    async def close(self) -> None:
        """Cancel every task and wait for it."""
        tasks = list(self._busy)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
