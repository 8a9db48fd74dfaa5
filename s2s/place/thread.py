"""`place: thread`: each loaded copy of a stage has a worker thread, and the most urgent item goes first.

A worker is never held up by a caller that does not read: what an item gives is handed to the loop as it comes.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from s2s.messages import Message
from s2s.place.options import Place
from s2s.place.worker import Worker
from s2s.stage import Call, Stage

log = logging.getLogger("s2s")


class Job:
    """One item on its way through a worker; lives in the loop, except for what the worker hands over."""

    __slots__ = ("call", "done", "error", "gone", "item", "number", "outputs", "since", "waiter")

    def __init__(self, call: Call, item: Message | None, since: float, number: int) -> None:
        self.call = call
        self.number = number
        self.item = item
        self.since = since
        self.outputs: deque[Any] = deque()
        self.error: BaseException | None = None
        self.done = False
        self.gone = False
        self.waiter: asyncio.Future[None] | None = None

    def put(self, out: Any) -> None:
        """Take an output."""
        self.outputs.append(out)
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Take the end of the item."""
        self.done, self.error = True, error
        self._wake()

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> None:
        """Return when there is something to take."""
        if not self.outputs and not self.done:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None


class ThreadPool:
    """Worker threads with a loaded copy each."""

    def __init__(self, name: str, stage: Stage, place: Place) -> None:
        self.name = name
        self.stage = stage
        self.place = place
        self.callers = 0
        self._waiting: list[Job] = []
        self._order = itertools.count()
        self._workers: list[Worker] = []
        self._timer: asyncio.TimerHandle | None = None
        self._batches = place.batch > 1 and hasattr(stage, "run_batch")
        self._closed = False
        self._replacing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Load every copy, at once, each in its own thread."""
        self._loop = asyncio.get_running_loop()
        copies = [self.stage] + [copy.copy(self.stage) for _ in range(self.place.replicas - 1)]
        workers = [Worker(f"{self.name}-{n}", stage, self._loop, self._idle) for n, stage in enumerate(copies)]
        self._workers = workers
        await asyncio.gather(*(worker.ready for worker in workers))

    @property
    def live(self) -> bool:
        """Whether a worker is there."""
        return not self._closed and any(worker.live for worker in self._workers)

    async def run(self, call: Call, item: Message | None) -> AsyncIterator[Any]:
        """Yield what a worker makes of the item, as it comes."""
        job = Job(call, item, self._loop.time(), next(self._order))
        self._waiting.append(job)
        self._dispatch()
        try:
            while True:
                await job.wait()
                while job.outputs:
                    yield job.outputs.popleft()
                if job.done:
                    if job.error is not None:
                        raise job.error
                    return
        finally:
            if not job.done:
                job.gone = True
                self._abandon(job)

    def _abandon(self, job: Job) -> None:
        for worker in self._workers:
            if job in worker.jobs:
                worker.stage.cancel(job.call)
                patience = self.place.timeout_s or 30.0
                self._loop.call_later(min(patience, 5.0), self._check, worker, job)

    def _check(self, worker: Worker, job: Job) -> None:
        """Replace a worker that can't be got away from an item that nobody wants."""
        if not self._closed and worker in self._workers and job in worker.jobs:
            log.warning("%s: a worker hangs on an abandoned item; loading another copy", self.name)
            self._workers.remove(worker)
            worker.abandon()
            fresh = copy.copy(self.stage)
            fresh.__dict__.pop("_loaded", None)
            new = Worker(worker.name, fresh, self._loop, self._idle)
            self._workers.append(new)
            task = self._loop.create_task(self._join(new))
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)

    async def _join(self, worker: Worker) -> None:
        try:
            await worker.ready
        except Exception as error:
            log.error("%s: can't be loaded again: %s", self.name, error)
            self._workers.remove(worker)
            return
        self._dispatch()

    def _idle(self, worker: Worker) -> None:
        self._dispatch()

    def _dispatch(self) -> None:
        while self._waiting:
            worker = next((w for w in self._workers if w.live and not w.jobs), None)
            if worker is None:
                return
            self._sweep()
            if not self._waiting:
                return
            if self._batches and self._waits():
                return
            worker.take(self._gather())

    def _sweep(self) -> None:
        """End the jobs that nobody wants any more."""
        unwanted = [job for job in self._waiting if job.gone or not job.call.live]
        if unwanted:
            self._waiting = [job for job in self._waiting if not job.gone and job.call.live]
            for job in unwanted:
                job.end()

    def _waits(self) -> bool:
        """Whether a batch should wait for more items, and the timer that ends its wait is set."""
        if self.callers <= 1 or len(self._waiting) >= min(self.place.batch, self.callers) or not self.place.wait_ms:
            return False
        oldest = min(job.since for job in self._waiting)
        left = oldest + self.place.wait_ms / 1000 - self._loop.time()
        if left <= 0:
            return False
        if self._timer is None:
            self._timer = self._loop.call_later(left, self._rung)
        return True

    def _rung(self) -> None:
        self._timer = None
        self._dispatch()

    def _gather(self) -> list[Job]:
        """Take the most urgent job, and those that may share a model call with it."""
        now = self._loop.time()
        first = min(self._waiting, key=lambda job: (job.call.urgency(now), job.number))
        if not self._batches or first.item is None:
            self._waiting.remove(first)
            return [first]
        key = self._key(first.call)
        alike = [job for job in self._waiting if job.item is not None and self._key(job.call) == key]
        alike.sort(key=lambda job: (job.call.urgency(now), job.number))
        jobs = alike[: self.place.batch]
        taken = set(map(id, jobs))
        self._waiting = [job for job in self._waiting if id(job) not in taken]
        return jobs

    def _key(self, call: Call) -> tuple[Any, ...]:
        if not self.stage.honours:
            return ()
        return tuple(getattr(call.settings, field) for field in sorted(self.stage.honours))

    def statistics(self) -> dict[str, int]:
        """How many items wait and run, and how many copies are loaded."""
        running = sum(len(worker.jobs) for worker in self._workers)
        return {"waiting": len(self._waiting), "running": running, "replicas": len(self._workers)}

    async def close(self) -> None:
        """Stop the workers and wait for them, a hanging one excepted."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*(worker.close() for worker in self._workers))
