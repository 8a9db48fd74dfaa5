"""`place: loop` for a stage that takes batches: callers' items are gathered for a tick, which runs in the event loop.

For models so small that handing a batch to a thread, and the interpreter back and forth, costs more than running it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from s2s.place.job import Job
from s2s.place.options import Place
from s2s.place.pool import loaded
from s2s.place.shared import SharedPool
from s2s.stage import Stage


class TickWorker:
    """The loaded stage, and the batch that is about to run."""

    def __init__(
        self,
        name: str,
        stage: Stage,
        first: Stage | None,
        loop: asyncio.AbstractEventLoop,
        idle: Callable[[TickWorker], None],
    ) -> None:
        self.name = name
        self.stage: Any = stage
        self._first: Any = first
        self.jobs: list[Job] = []
        self.live = False
        self.ready: asyncio.Future[None] = loop.create_task(self._load())
        self._loop = loop
        self._idle = idle

    @property
    def free(self) -> bool:
        """Whether no batch is about to run."""
        return not self.jobs

    def take(self, jobs: list[Job]) -> None:
        """Run a batch as soon as the loop comes to it."""
        self.jobs = jobs
        self._loop.call_soon(self._run, jobs)

    def cancel(self, job: Job) -> None:
        """Ask the stage to stop work on an item."""
        self.stage.cancel(job.call)

    def abandon(self) -> None:
        """Nothing that runs in the loop is left behind."""

    async def close(self) -> None:
        """Let the model go."""
        if self.live:
            self.live = False
            await self._loop.run_in_executor(None, self.stage.close)

    async def _load(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, loaded, self.stage)
        self.live = True

    def _run(self, jobs: list[Job]) -> None:
        error: Exception | None = None
        try:
            for job, outputs in zip(jobs, self._outputs(jobs), strict=True):
                for out in outputs:
                    job.put(out)
        except Exception as failure:
            error = failure
        self.jobs = []
        for job in jobs:
            job.end(error)
        self._idle(self)

    def _outputs(self, jobs: list[Job]) -> Any:
        calls, items = [job.call for job in jobs], [job.item for job in jobs]
        if items[0] is None:
            return [self.stage.finish(calls[0])]
        if self._first is None:
            return self.stage.run_batch(calls, items)
        given = self._first.run_batch(calls, items)
        if all(len(out) == 1 for out in given):
            return self.stage.run_batch(calls, [out for (out,) in given])
        return [[o for item in out for o in self.stage.run(call, item)] for call, out in zip(calls, given, strict=True)]


class TickPool(SharedPool):
    """A loaded stage whose batches run in the event loop; `first` is a stage that its items go through on the way."""

    def __init__(self, name: str, stage: Stage, place: Place, first: Stage | None = None) -> None:
        super().__init__(name, stage, dataclasses.replace(place, replicas=1))
        self.first = first

    def _begin(self, worker: TickWorker, jobs: list[Job]) -> None:
        worker.take(jobs)

    def _hire(self) -> TickWorker:
        return TickWorker(next(self._names), self.stage, self.first, self._loop, self._dispatch)
