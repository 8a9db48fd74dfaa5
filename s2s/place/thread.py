"""`place: thread`: each loaded copy of a stage has a worker thread; for native code that releases the interpreter."""

from __future__ import annotations

import copy

from s2s.place.job import Job
from s2s.place.shared import SharedPool
from s2s.place.worker import ThreadWorker


class ThreadPool(SharedPool):
    """Worker threads with a loaded copy each, of which the first is the stage itself."""

    _first = True

    def _begin(self, worker: ThreadWorker, jobs: list[Job]) -> None:
        worker.take(jobs)

    def _hire(self) -> ThreadWorker:
        stage = self.stage if self._first else copy.copy(self.stage)
        self._first = False
        stage.__dict__.pop("_loaded", None)
        return ThreadWorker(next(self._names), stage, self._loop, self._dispatch, self.place.nice)
