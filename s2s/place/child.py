"""A child process with a loaded copy of a stage, as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from s2s.paths import PACKAGE
from s2s.place.job import Job
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
from s2s.place.pool import StageDown, is_async
from s2s.settings import Settings
from s2s.stage import Call, Stage

BOOT = """
import importlib.util, json, os, signal, socket, sys
package, paths, fd = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.dup2(2, 1)
sys.path[:0] = [path for path in paths if path not in sys.path]
if importlib.util.find_spec("s2s") is None or not os.path.samefile(importlib.util.find_spec("s2s").origin, package):
    spec = importlib.util.spec_from_file_location("s2s", package, submodule_search_locations=[os.path.dirname(package)])
    sys.modules["s2s"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["s2s"])
link = socket.socket(fileno=fd)
try:
    from s2s.place.hosted import Hosted
except ImportError as error:
    why = f"{error}; install it there: {sys.executable} -m pip install {error.name or 'msgspec'}"
    text = lambda said: b"\\xda" + len(said.encode()).to_bytes(2, "big") + said.encode()
    data = b"\\x82" + text("type") + text("Ready") + text("error") + text(f"{sys.executable}: {why}")
    link.sendall(len(data).to_bytes(4, "little") + data)
    sys.exit(1)
Hosted(link).serve()
"""
"""What a child begins with: it imports this very package, whatever else its interpreter has installed."""
REQUIRED = ("msgspec", "pydantic", "platformdirs", "numpy")
"""What this package itself imports in a child, besides what the stage needs."""
GRACE_S = 2.0
"""Seconds that a child has to end by itself."""


class Child:
    """A worker in a process of its own; `lost` is told when it is gone without having been asked to."""

    def __init__(
        self, name: str, stage: Stage, python: str | None, idle: Callable[[Child], None], lost: Callable[[Child], None]
    ) -> None:
        self.name = name
        self.jobs: list[Job] = []
        self.live = False
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.since = loop.time()
        self._stage = stage
        self._python = python or sys.executable
        self._paths = [path for path in sys.path if path] if python is None else []
        self._many = is_async(stage)
        self._idle = idle
        self._lost = lost
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._views: dict[int, Settings] = {}
        self._replays = itertools.count(-1, -1)
        self.error = StageDown("it has not begun")
        self._life = loop.create_task(self._live())

    @property
    def free(self) -> bool:
        """Whether it would begin another item now: an asynchronous stage always does."""
        return self._many or not self.jobs

    @property
    def pid(self) -> int | None:
        """The process, once it has begun."""
        return None if self._process is None else self._process.pid

    def show(self, view: int, call: Call) -> None:
        """Let it know a call in a scope, or its new settings."""
        if self._views.get(view) is not call.settings:
            self._views[view] = call.settings
            self._send(View(view=view, call=call.id, scope=call.scope, settings=call.settings))

    def begin(self, jobs: list[Job], views: list[int]) -> None:
        """Send an item, or a batch, of calls that it knows."""
        self.jobs += jobs
        self._send(Run(jobs=[job.number for job in jobs], views=views, items=[packed(job.item) for job in jobs]))

    def replay(self, view: int, items: list[Any]) -> None:
        """Let it hear again what another copy has heard of a call; nothing of what it gives is kept."""
        for item in items:
            self._send(Run(jobs=[next(self._replays)], views=[view], items=[packed(item)], mute=True))

    def cancel(self, job: Job) -> None:
        """Ask the stage to stop work on an item."""
        self._send(Cancel(job=job.number))

    def forget(self, view: int) -> None:
        """Nothing more comes for a call in a scope."""
        if self._views.pop(view, None) is not None:
            self._send(Forget(view=view))

    def hangup(self, call: Call) -> None:
        """The caller is gone."""
        self._send(Hangup(call=call.id))

    def abandon(self) -> None:
        """Expect nothing more of it."""
        self._end(StageDown("the process hangs"))
        self._kill()

    async def close(self) -> None:
        """End it: it goes by itself when its socket closes, unless it hangs."""
        self.live = False
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), GRACE_S)
            except asyncio.TimeoutError:
                self._kill()
        else:
            self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)

    def _send(self, order: Order) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encoded(order))

    async def _live(self) -> None:
        """Begin the process, load the stage, take what it gives, until it is gone."""
        mine, theirs = socket.socketpair()
        try:
            with theirs:
                paths = json.dumps([*self._paths, os.getcwd()])
                words = [self._python, "-c", BOOT, str(PACKAGE / "__init__.py"), paths, str(theirs.fileno())]
                self._process = await asyncio.create_subprocess_exec(
                    *words, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL
                )
            reader, self._writer = await asyncio.open_connection(sock=mine)
            cls = type(self._stage)
            options = {field.name: getattr(self._stage, field.name) for field in dataclasses.fields(cls)}
            self._send(Load(target=f"{cls.__module__}.{cls.__qualname__}", options=options))
            unpack = Unpacker()
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    self._take(decoded(await reader.readexactly(size)), unpack)
            code = await self._process.wait()
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._gone(StageDown(f"its process {ended}"))
        except OSError as error:
            mine.close()
            self._gone(StageDown(f"can't run {self._python}: {error.strerror or error}"))

    def _take(self, order: Any, unpack: Unpacker) -> None:
        if isinstance(order, Given):
            job = next((job for job in self.jobs if job.number == order.job), None)
            if job is not None:
                job.put(unpack(order.item))
        elif isinstance(order, Ended):
            over = [job for job in self.jobs if job.number in order.jobs]
            self.jobs = [job for job in self.jobs if job.number not in order.jobs]
            for job in over:
                job.end(None if order.error is None else RuntimeError(order.error))
            self._idle(self)
        elif isinstance(order, Ready):
            if self.ready.done():
                return
            if order.error is None:
                self.live = True
                self.ready.set_result(None)
            else:
                self.ready.set_exception(RuntimeError(order.error))

    def _gone(self, error: StageDown) -> None:
        wanted, self.live = self.live, False
        if self._writer is not None:
            self._writer.close()
        if not self.ready.done():
            self.ready.set_exception(error)
        elif wanted:
            self.error = error
            self._lost(self)

    def _end(self, error: StageDown) -> None:
        self.live = False
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job.end(error)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
