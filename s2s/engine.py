"""The engine: the graph's stages loaded and placed, and the calls that share them."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import secrets
import sys
from types import TracebackType

from s2s.call import LiveCall
from s2s.graph import Graph, Node
from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.pool import Pool, is_async
from s2s.place.process import ProcessPool
from s2s.place.shared import SharedPool
from s2s.place.thread import ThreadPool
from s2s.place.ticks import TickPool
from s2s.settings import Settings
from s2s.sink import Sink
from s2s.speculation import Speculation
from s2s.wiring import Network

log = logging.getLogger("s2s")

POOLS: dict[str, type[LoopPool] | type[SharedPool]] = {
    "inline": LoopPool,
    "loop": LoopPool,
    "thread": ThreadPool,
    "process": ProcessPool,
}


class EngineError(RuntimeError):
    """A stage can't be placed or loaded; the message says which, why, and what to do."""


class SessionLimit(RuntimeError):
    """There are as many calls as this server takes."""


class Engine:
    """Loaded stages and open calls; use it as an async context manager.

    `seed` makes the names of calls and items the same in every run, for tests and replays.
    """

    def __init__(
        self, graph: Graph, sessions: int = 64, seed: str | None = None, speculation: Speculation | None = None
    ) -> None:
        self.graph = graph
        self.sessions = sessions
        self.speculation = speculation or Speculation()
        self.calls: dict[str, LiveCall] = {}
        self.ready = False
        self.closing = False
        """Whether no new call is taken: the process is about to end."""
        self._names = itertools.count(1)
        self._seed = secrets.token_hex(4) if seed is None else seed
        self.pools: dict[str, Pool] = {}

    async def __aenter__(self) -> Engine:
        """Load every stage, all at once."""
        sys.setswitchinterval(0.0005)
        self._loop = asyncio.get_running_loop()
        for name, node in self.graph.nodes.items():
            if node.stage is not None:
                self.pools[name] = _pool(name, node, self.graph)
                if node.stage.non_commercial:
                    log.warning("%s: %s: not for commercial use; see docs/licences.md", name, node.stage.non_commercial)
        results = await asyncio.gather(*(pool.start() for pool in self.pools.values()), return_exceptions=True)
        failures = [
            f"{name}: {result}" if str(result) else f"{name}: {result!r}"
            for name, result in zip(self.pools, results, strict=True)
            if isinstance(result, BaseException)
        ]
        if failures:
            await self._close_pools()
            raise EngineError("\n".join(failures))
        self.network = Network(_unwatched(self.graph), self.pools, self.speculation)
        self.ready = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up every call and let the models go."""
        self.ready = False
        await asyncio.gather(*(self.hangup(call) for call in list(self.calls.values())))
        await self._close_pools()

    async def _close_pools(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self.pools.values()), return_exceptions=True)

    @property
    def live(self) -> bool:
        """Whether every stage could take an item now."""
        return self.ready and all(pool.live for pool in self.pools.values())

    def call(self, sink: Sink, settings: Settings | None = None) -> LiveCall:
        """Open a call; raises SessionLimit when there are `sessions` of them, or the engine is closing."""
        if self.closing:
            raise SessionLimit("the server is about to end")
        if len(self.calls) >= self.sessions:
            raise SessionLimit(f"all {self.sessions} sessions are in use")
        id = f"{self._seed}{next(self._names):x}"
        call = LiveCall(id, self.network, sink, settings or Settings(), self._loop.time)
        self.calls[id] = call
        self._count_callers()
        return call

    async def hangup(self, call: LiveCall) -> None:
        """End a call."""
        self.calls.pop(call.id, None)
        self._count_callers()
        await call.hangup()

    def _count_callers(self) -> None:
        for pool in self.pools.values():
            pool.callers = len(self.calls)

    def statistics(self) -> dict[str, dict[str, int]]:
        """How many items wait and run at every stage."""
        return {name: pool.statistics() for name, pool in self.pools.items()}


def _unwatched(graph: Graph) -> Graph:
    """Return the graph without a time limit for stages with a fallback: their pool has one for each of the two."""
    changed = {
        name: dataclasses.replace(node, place=dataclasses.replace(node.place, timeout_s=None))
        for name, node in graph.nodes.items()
        if node.fallback is not None
    }
    return dataclasses.replace(graph, nodes={**graph.nodes, **changed})


def _pool(name: str, node: Node, graph: Graph) -> Pool:
    if node.fallback is None:
        return _placed(name, node, graph.resampler(name), graph)
    return FallbackPool(_placed(name, node, "", graph), _pool(node.fallback.name, node.fallback, graph))


def _placed(name: str, node: Node, resampler: str, graph: Graph) -> Pool:
    """Return the pool of one stage; a resampler that stands before it may be made part of it."""
    kind, stage = node.place.kind, node.stage
    assert stage is not None
    if kind not in POOLS:
        choices = ", ".join(POOLS)
        raise EngineError(f"{name}.place.kind: '{kind}' is not available in this version; choose one of {choices}")
    if kind in ("thread", "inline") and is_async(stage):
        raise EngineError(f"{name}.place.kind: {type(stage).__name__} is asynchronous; choose 'loop', not '{kind}'")
    if kind == "loop" and node.place.batch > 1 and hasattr(stage, "run_batch"):
        return TickPool(name, stage, node.place, graph.nodes[resampler].stage if resampler else None)
    return POOLS[kind](name, stage, node.place)
