"""What the placements with workers share: one queue for all callers, the most urgent first, in batches where it pays.

A worker is never held up by a caller that does not read: what an item gives is handed to the loop as it comes.
"""

from __future__ import annotations

import abc
import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from s2s.messages import Message
from s2s.place.job import Job, Posted
from s2s.place.options import Place
from s2s.place.pool import StageDown, Ticket
from s2s.stage import Call, Stage

log = logging.getLogger("s2s")


class Worker(Protocol):
    """A loaded copy of a stage, wherever it runs."""

    name: str
    jobs: list[Job]
    live: bool
    ready: asyncio.Future[None]

    @property
    def free(self) -> bool:
        """Whether it would begin another item now."""

    def cancel(self, job: Job) -> None:
        """Stop work on an item that nobody wants, if the stage can."""

    def abandon(self) -> None:
        """Expect nothing more of it: it hangs."""

    async def close(self) -> None:
        """Stop it."""


class SharedPool(abc.ABC):
    """Workers with a loaded copy each, shared by every caller."""

    def __init__(self, name: str, stage: Stage, place: Place) -> None:
        self.name = name
        self.stage = stage
        self.place = place
        self.callers = 0
        self.patient = True
        self.first: Stage | None = None
        self._waiting: list[Job] = []
        self._order = itertools.count()
        self._names = (f"{name}-{number}" for number in itertools.count())
        self._workers: list[Worker] = []
        self._timer: asyncio.TimerHandle | None = None
        self.batches = place.batch > 1 and hasattr(stage, "run_batch")
        self._closed = False
        self._joining: set[asyncio.Task[None]] = set()

    @abc.abstractmethod
    def _hire(self) -> Worker:
        """Return a worker that begins to load its copy."""

    async def start(self) -> None:
        """Load every copy, at once."""
        self._loop = asyncio.get_running_loop()
        self._workers = [self._hire() for _ in range(self.place.replicas)]
        await asyncio.gather(*(worker.ready for worker in self._workers))

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

    def post(
        self, call: Call, item: Message, put: Callable[[Any], None], end: Callable[[BaseException | None], None]
    ) -> Ticket:
        """Have a worker take the item; `put` gets each output, `end` the error or None, both in the loop."""
        job = Posted(call, item, self._loop.time(), next(self._order), put, end)
        self._waiting.append(job)
        self._dispatch()
        return job

    def drop(self, ticket: Ticket) -> None:
        """Cancel what was posted."""
        assert isinstance(ticket, Job)
        if not ticket.done:
            ticket.gone = True
            self._abandon(ticket)

    def hangup(self, call: Call) -> None:
        """Let the stage forget the caller."""
        self.stage.hangup(call)

    def _abandon(self, job: Job) -> None:
        for worker in self._workers:
            if job in worker.jobs:
                worker.cancel(job)
                patience = self.place.timeout_s or 30.0
                self._loop.call_later(min(patience, 5.0), self._check, worker, job)

    def _check(self, worker: Worker, job: Job) -> None:
        """Replace a worker that can't be got away from an item that nobody wants."""
        if not self._closed and worker in self._workers and job in worker.jobs:
            log.warning("%s: a worker hangs on an abandoned item; loading another copy", self.name)
            worker.abandon()
            self._replace(worker)
            self._hurry(StageDown("its worker hangs"))

    def _hurry(self, error: StageDown) -> None:
        """End what waits, where another stage takes it while no copy is there."""
        while self._waiting and not (self.patient or self.live):
            self._waiting.pop(0).end(error)

    def _replace(self, worker: Worker, wait_s: float = 0.0) -> None:
        task = self._loop.create_task(self._join(wait_s))
        self._workers.remove(worker)
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, wait_s: float) -> None:
        if wait_s:
            await asyncio.sleep(wait_s)
        worker = self._hire()
        self._workers.append(worker)
        try:
            await worker.ready
        except Exception as error:
            log.error("%s: can't be loaded again: %s", self.name, error)
            self._lost(worker)
            return
        self._dispatch()

    def _lost(self, worker: Worker) -> None:
        """Do without a worker that could not be loaded again."""
        self._workers.remove(worker)

    def _dispatch(self, _: object = None) -> None:
        for worker in self._workers:
            while self._waiting and _ready(worker):
                if self.batches and self._waits():
                    return
                self._sweep()
                if not _ready(worker):  # whoever was told of an end may have posted the next item at once
                    break
                fitting = [job for job in self._waiting if self._fits(worker, job)]
                if not fitting:
                    break
                jobs = self._gather(fitting)
                taken = set(jobs)
                self._waiting = [job for job in self._waiting if job not in taken]
                self._begin(worker, jobs)

    @abc.abstractmethod
    def _begin(self, worker: Any, jobs: list[Job]) -> None:
        """Give a worker an item, or a batch."""

    def _fits(self, worker: Worker, job: Job) -> bool:
        """Whether this worker may do it."""
        return True

    def _sweep(self) -> None:
        """End the jobs that nobody wants any more."""
        unwanted = {job: None for job in self._waiting if job.gone or not job.call.live}
        if unwanted:
            self._waiting = [job for job in self._waiting if job not in unwanted]
            for job in unwanted:
                job.end()

    def _waits(self) -> bool:
        """Whether a batch should wait for more items, and the timer that ends its wait is set.

        The fewer callers there are, the less company would come, and the less it matters.
        """
        if self.callers <= 1 or len(self._waiting) >= min(self.place.batch, self.callers) or not self.place.wait_ms:
            return False
        patience = self.place.wait_ms / 1000 * min(1.0, self.callers / self.place.batch)
        left = self._waiting[0].since + patience - self._loop.time()
        if left <= 0:
            return False
        if self._timer is None:
            self._timer = self._loop.call_later(left, self._rung)
        return True

    def _rung(self) -> None:
        self._timer = None
        self._dispatch()

    def _gather(self, jobs: list[Job]) -> list[Job]:
        """Return the most urgent job, and those that may share a model call with it."""
        now = self._loop.time()
        first = min(jobs, key=lambda job: (job.call.urgency(now), job.number))
        if not self.batches or first.item is None:
            return [first]
        key = self._key(first.call)
        alike = [job for job in jobs if job.item is not None and self._key(job.call) == key]
        if len(alike) > self.place.batch:
            alike.sort(key=lambda job: (job.call.urgency(now), job.number))
        return alike[: self.place.batch]

    def _key(self, call: Call) -> tuple[Any, ...]:
        if not self.stage.honours or self.stage.mixes:
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
        for task in self._joining:
            task.cancel()
        await asyncio.gather(*self._joining, *(worker.close() for worker in self._workers), return_exceptions=True)


def _ready(worker: Worker) -> bool:
    return worker.live and worker.free
