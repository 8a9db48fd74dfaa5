"""A thread with a loaded copy of a stage; it takes one item, or one batch, at a time."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from s2s.place.job import Job
from s2s.place.pool import loaded
from s2s.stage import Stage


class ThreadWorker:
    """The thread, and the jobs that it has in hand; all but `_work` belongs to the loop."""

    def __init__(
        self,
        name: str,
        stage: Stage,
        loop: asyncio.AbstractEventLoop,
        idle: Callable[[ThreadWorker], None],
        nice: int = 0,
    ) -> None:
        self.name = name
        self.stage = stage
        self.jobs: list[Job] = []
        self.live = False
        self.ready: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._idle = idle
        self._nice = nice
        self._stopped: asyncio.Future[None] = loop.create_future()
        self._abandoned = False
        self._orders: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def free(self) -> bool:
        """Whether it has nothing in hand."""
        return not self.jobs

    def cancel(self, job: Job) -> None:
        """Ask the stage to stop work on an item."""
        self.stage.cancel(job.call)

    def take(self, jobs: list[Job]) -> None:
        """Give the thread its next work."""
        self.jobs = jobs
        self._orders.put(jobs)

    def abandon(self) -> None:
        """Expect nothing more of this thread: it hangs."""
        self._abandoned = True
        self.live = False
        for job in self.jobs:
            job.end(RuntimeError("the worker hangs"))
        self._orders.put(None)

    async def close(self) -> None:
        """Stop the thread once it has finished what it has in hand; give up on it after two seconds."""
        self.live = False
        for job in self.jobs:
            self.stage.cancel(job.call)
        self._orders.put(None)
        await asyncio.wait([self._stopped], timeout=2.0)

    def _post(self, do: Callable[..., Any], *args: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do, *args)

    def _loaded(self, error: BaseException | None) -> None:
        if self.ready.done():  # nobody waits for it any more
            return
        if error is not None:
            self.ready.set_exception(error)
        else:
            self.live = True
            self.ready.set_result(None)

    def _ended(self, jobs: list[Job], error: BaseException | None) -> None:
        for job in jobs:
            job.end(error)
        if not self._abandoned:
            self.jobs = []
            self._idle(self)

    def _batched(self, jobs: list[Job], outputs: list[list[Any]]) -> None:
        for job, given in zip(jobs, outputs, strict=True):
            for out in given:
                job.put(out)
        self._ended(jobs, None)

    def _work(self) -> None:
        if self._nice and sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
        try:
            loaded(self.stage)
        except BaseException as error:
            self._post(self._loaded, error)
            self._post(self._stopped.set_result, None)
            return
        self._post(self._loaded, None)
        batches = hasattr(self.stage, "run_batch")
        while (jobs := self._orders.get()) is not None:
            try:
                if batches and jobs[0].item is not None:
                    calls = [job.call for job in jobs]
                    outputs = self.stage.run_batch(calls, [job.item for job in jobs])  # type: ignore[attr-defined]
                    self._post(self._batched, jobs, outputs)
                else:
                    self._run(jobs[0])
                    self._post(self._ended, jobs, None)
            except Exception as error:
                self._post(self._ended, jobs, error)
        self.stage.close()
        self._post(self._stop)

    def _run(self, job: Job) -> None:
        stage: Any = self.stage
        outputs = stage.finish(job.call) if job.item is None else stage.run(job.call, job.item)
        try:
            for out in outputs:
                if not job.call.live or job.gone:
                    break
                self._post(job.put, out)
        finally:
            close = getattr(outputs, "close", None)
            if close is not None:
                close()

    def _stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)
