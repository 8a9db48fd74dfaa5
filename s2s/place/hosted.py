"""The program of a child process: a stage that is loaded here and takes its orders from a socket.

The main thread runs the stage, so that libraries that want it have it; a reader takes orders meanwhile, since a
`Cancel` can't wait. When the parent is gone, so is the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import sys
import threading
from functools import partial
from typing import Any

from s2s.messages import Message
from s2s.options import make
from s2s.packages import missing
from s2s.place.options import Place
from s2s.place.orders import (
    LENGTH,
    Cancel,
    Ended,
    Forget,
    Given,
    Hangup,
    Load,
    Order,
    Ready,
    Run,
    Unpacker,
    View,
    decoded,
    encoded,
    packed,
)
from s2s.place.pool import is_async, loaded
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.targets import find


class Hosted:
    """A stage, the calls that it knows, and its jobs; a `Call` among the orders is one that is gone."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._orders: queue.SimpleQueue[Run | Call] = queue.SimpleQueue()
        self._memories: dict[str, dict[str, Any]] = {}
        self._views: dict[int, Call] = {}
        self._jobs: dict[int, Call] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._replays: dict[int, asyncio.Task[None]] = {}

    def serve(self) -> None:
        """Load the stage that is ordered, and work until the parent is gone."""
        try:
            self._stage: Any = self._made(self._next())
            loaded(self._stage)
            self._unpack = Unpacker()
        except BaseException as error:
            text = str(error) or type(error).__name__
            if isinstance(error, ModuleNotFoundError) and error.name:
                text = f"{sys.executable}: {text}; install it there: {sys.executable} -m pip install {error.name}"
            self._send(Ready(error=text))
            return
        self._send(Ready())
        if is_async(self._stage):
            asyncio.run(self._work_async())
        else:
            threading.Thread(target=self._read, name="orders", daemon=True).start()
            while True:
                self._carry_out(self._orders.get())

    def _made(self, load: Load) -> Stage:
        mistakes: list[str] = []
        cls = find(load.target, Stage, "stage")
        lack = missing(sys.executable, cls, Place())
        if lack:
            raise RuntimeError(lack)
        stage = make(cls, load.options, "options", mistakes)
        if stage is None:
            raise ValueError("\n".join(mistakes))
        return stage

    def _next(self) -> Any:
        size = LENGTH.unpack(self._received(LENGTH.size))[0]
        return decoded(self._received(size))

    def _received(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._link.recv(min(1 << 20, size - len(data)))
            if not piece:
                os._exit(0)
            data += piece
        return bytes(data)

    def _send(self, order: Order) -> None:
        with self._sending:
            self._link.sendall(encoded(order))

    def _read(self) -> None:
        while True:
            self._take(self._next())

    def _take(self, order: Any) -> None:
        """Note what an order says at once; work waits for its turn."""
        if isinstance(order, View):
            call = self._views.get(order.view)
            if call is None:
                memory = self._memories.setdefault(order.call, {})
                self._views[order.view] = Call(order.call, order.scope, order.settings, memory)
            else:
                call.settings = order.settings
        elif isinstance(order, Run):
            for job, view in zip(order.jobs, order.views, strict=True):
                self._jobs[job] = self._views[view]
                self._views[view].live = True
            self._orders.put(order)
        elif isinstance(order, Cancel):
            self._cancel(order.job)
        elif isinstance(order, Forget):
            self._views.pop(order.view, None)
            self._replays.pop(order.view, None)
        elif isinstance(order, Hangup) and order.call in self._memories:
            # at once, as another call of this name may follow before its turn comes
            self._orders.put(Call(order.call, 0, Settings(), self._memories.pop(order.call)))

    def _cancel(self, job: int) -> None:
        call = self._jobs.get(job)
        if call is not None:
            call.live = False
            if task := self._tasks.get(job):
                task.get_loop().call_soon_threadsafe(task.cancel)
            self._stage.cancel(call)

    def _carry_out(self, order: Run | Call) -> None:
        if isinstance(order, Call):
            self._stage.hangup(order)
            return
        error = None
        try:
            if len(order.jobs) > 1:
                self._batch(order)
            elif self._jobs[order.jobs[0]].live:
                for out in self._outputs(order):
                    if not self._jobs[order.jobs[0]].live:
                        break
                    self._give(order, order.jobs[0], out)
        except Exception as failure:
            error = str(failure) or type(failure).__name__
        self._end(order, error)

    def _outputs(self, order: Run) -> Any:
        call, item = self._jobs[order.jobs[0]], self._unpack(order.items[0])
        if item is None:
            return self._stage.finish(call)
        return self._stage.run(call, item)

    def _batch(self, order: Run) -> None:
        calls = [self._jobs[job] for job in order.jobs]
        outputs = self._stage.run_batch(calls, [self._unpack(item) for item in order.items])
        for job, given in zip(order.jobs, outputs, strict=True):
            for out in given:
                self._give(order, job, out)

    def _give(self, order: Run, job: int, out: Message) -> None:
        if not order.mute:
            self._send(Given(job=job, item=packed(out)))

    def _end(self, order: Run, error: str | None) -> None:
        for job in order.jobs:
            del self._jobs[job]
        if not order.mute:
            self._send(Ended(jobs=order.jobs, error=error))

    async def _work_async(self) -> None:
        """Run the items of an asynchronous stage side by side."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()

        def read() -> None:
            while True:
                self._take(self._next())
                loop.call_soon_threadsafe(arrived.set)

        threading.Thread(target=read, name="orders", daemon=True).start()
        while True:
            await arrived.wait()
            arrived.clear()
            while not self._orders.empty():
                order = self._orders.get()
                if isinstance(order, Call):
                    self._stage.hangup(order)
                    continue
                job = order.jobs[0]
                task = loop.create_task(self._run_async(order, self._replays.get(order.views[0])))
                self._tasks[job] = task
                task.add_done_callback(partial(self._ended_async, order))  # one cancelled now would never begin
                if not self._jobs[job].live:  # cancelled by the reader before it could know the task
                    task.cancel()
                if order.mute:
                    self._replays[order.views[0]] = task

    async def _run_async(self, order: Run, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        outputs = self._outputs(order)
        if hasattr(outputs, "__aiter__"):
            async with contextlib.aclosing(outputs) as stream:
                async for out in stream:
                    self._give(order, order.jobs[0], out)
        else:
            for out in outputs:
                self._give(order, order.jobs[0], out)

    def _ended_async(self, order: Run, task: asyncio.Task[None]) -> None:
        del self._tasks[order.jobs[0]]
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._end(order, None if failure is None else str(failure) or type(failure).__name__)
