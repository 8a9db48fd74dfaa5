"""`place: process`: each loaded copy of a stage has a process, for models that hold the interpreter, or want another.

A scope stays with the copy that began on it, since that keeps the scope's state. When a process dies, its items
are run again by another copy, once, and the scope's turn so far is heard again there.
"""

from __future__ import annotations

import itertools
import logging
import weakref
from dataclasses import dataclass, field

from s2s.messages import Message, Speech
from s2s.place.child import Child
from s2s.place.job import Job
from s2s.place.options import Place
from s2s.place.pool import StageDown
from s2s.place.shared import SharedPool, Worker
from s2s.stage import Call, Stage

log = logging.getLogger("s2s")

BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a process that died is begun again: the first time, the second time in a row …"""
STEADY_S = 60.0
"""Seconds of life after which a death counts as the first."""
TRIES = 2
"""How often an item is tried."""


@dataclass
class _Home:
    """Where a call in a scope is at home, what it is called there, and what it has heard of its turn."""

    view: int
    child: Child | None = None
    heard: list[Message] = field(default_factory=list)


class ProcessPool(SharedPool):
    """Child processes with a loaded copy each."""

    def __init__(self, name: str, stage: Stage, place: Place) -> None:
        super().__init__(name, stage, place)
        self._homes: dict[int, _Home] = {}
        self._views = itertools.count()
        self._deaths = 0

    def hangup(self, call: Call) -> None:
        """Let every copy forget the caller."""
        for child in self._children():
            child.hangup(call)

    def _hire(self) -> Child:
        return Child(next(self._names), self.stage, self.place.python, self._began, self._died)

    def _children(self) -> list[Child]:
        return [worker for worker in self._workers if isinstance(worker, Child)]

    def _began(self, child: Child) -> None:
        self._dispatch()

    def _fits(self, worker: Worker, job: Job) -> bool:
        home = self._homes.get(id(job.call))
        return home is None or home.child is None or home.child is worker

    def _begin(self, worker: Child, jobs: list[Job]) -> None:
        views = []
        for job in jobs:
            home = self._home(job.call)
            worker.show(home.view, job.call)
            if home.child is None:
                home.child = worker
                worker.replay(home.view, [item for item in home.heard if item is not job.item])
            if isinstance(job.item, Speech) and job.tries == 1:
                home.heard.append(job.item)
            views.append(home.view)
        worker.begin(jobs, views)

    def _home(self, call: Call) -> _Home:
        key = id(call)
        if key not in self._homes:
            self._homes[key] = _Home(next(self._views))
            weakref.finalize(call, self._forget, key)
        return self._homes[key]

    def _forget(self, key: int) -> None:
        home = self._homes.pop(key)
        if home.child is not None and not self._closed:
            self._loop.call_soon_threadsafe(home.child.forget, home.view)

    def _died(self, child: Child) -> None:
        """Begin another process, and give what this one had in hand to whoever is free."""
        if self._closed or child not in self._workers:
            return
        self._deaths = 1 if self._loop.time() - child.since > STEADY_S else self._deaths + 1
        wait_s = BACKOFF_S[min(self._deaths, len(BACKOFF_S)) - 1]
        log.error("%s: %s; beginning another%s", self.name, child.error, f" in {wait_s:g} s" if wait_s else "")
        jobs, child.jobs = child.jobs, []
        self._replace(child, wait_s)
        for job in jobs:
            self._again(job, child.error)
        self._hurry(child.error)
        self._dispatch()

    def _replace(self, worker: Worker, wait_s: float = 0.0) -> None:
        for home in self._homes.values():
            if home.child is worker:
                home.child = None
        super()._replace(worker, wait_s)

    def _again(self, job: Job, error: StageDown) -> None:
        """Run an item again that has given nothing yet, or only words that may change."""
        if job.gone or job.tries >= TRIES or (job.told and not isinstance(job.item, Speech)):
            job.end(error)
            return
        job.tries += 1
        self._waiting.append(job)

    def _lost(self, worker: Worker) -> None:
        assert isinstance(worker, Child)
        self._deaths += 1
        self._replace(worker, BACKOFF_S[min(self._deaths, len(BACKOFF_S)) - 1])
