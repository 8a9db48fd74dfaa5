"""`mode=bench`: simulated callers with real speech call the deployment, and what they saw is told in figures."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.mistakes import ConfigError
from s2s.modes.mode import Mode, ModeError
from s2s.secrets import masked

if TYPE_CHECKING:
    from s2s.bench.caller import Plan
    from s2s.bench.point import Point, Usage
    from s2s.bench.record import TurnRecord
    from s2s.engine import Engine
    from s2s.graph import Graph
    from s2s.metrics import Gap

KINDS = ("plain", "short-pause", "long-pause")


@dataclasses.dataclass(kw_only=True)
class Bench(Mode):
    """Measures a deployment, or whatever serves the Realtime protocol at a URL, with callers at the pace of speech."""

    over: str = "realtime"
    callers: int = 1
    turns: int = 10
    warm_up: int = 1
    ramp_s: float = 3.0
    think_s: float = 0.3
    frame_ms: int = 20
    listen_s: float | None = None
    interrupt: float = 0.0
    drop: float = 0.0
    mute: float = 0.0
    kinds: list[str] = dataclasses.field(default_factory=lambda: list(KINDS))
    corpus: str | None = None
    seed: int = 1
    miss_s: float = 3.0
    objective: str = "gap_p50"
    baseline: str | None = None
    out: str | None = None

    @property
    def offline(self) -> bool:  # type: ignore[override]
        """Whether it only calls somebody else's server."""
        return "://" in self.over

    def take(self, config: dict[str, Any]) -> None:
        """Keep what is measured."""
        self._config = masked(config)

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say what can't be measured."""
        mistakes = []
        if self.over not in ("realtime", "inproc") and not self.offline:
            mistakes.append(
                f"{key}.over: input should be realtime, inproc or a URL such as ws://host:8765/v1, not '{self.over}'"
            )
        for name in ("callers", "turns", "frame_ms"):
            if getattr(self, name) < 1:
                mistakes.append(f"{key}.{name}: input should be 1 or more, not {getattr(self, name)}")
        for name in ("interrupt", "drop", "mute"):
            if not 0 <= getattr(self, name) <= 1:
                mistakes.append(f"{key}.{name}: input should be a share from 0 to 1, not {getattr(self, name)}")
        return mistakes

    def bind(self, key: str) -> None:
        """Read the corpus, before any model is loaded."""
        from s2s.bench import sweep
        from s2s.bench.corpus import Corpus, CorpusError

        self._before: list[Point] = []
        if self.baseline is not None:
            try:
                self._before = sweep.baseline(Path(self.baseline).expanduser())
            except ValueError as error:
                raise ConfigError([f"{key}.baseline: {error}"]) from error
        try:
            corpus = Corpus(self.corpus, self.seed)
            if not corpus.of(*self.kinds):
                found = ", ".join(sorted({turn.kind for turn in corpus.turns}))
                raise ConfigError([f"{key}.kinds: no turn of the corpus is {' or '.join(self.kinds)}; it has {found}"])
        except CorpusError as error:
            raise ConfigError([f"{key}.corpus: {error}"]) from error

    def show(self, graph: Graph) -> None:
        """Call a server at a URL."""
        self.bind("mode.bench")
        records: list[TurnRecord] = []
        asyncio.run(self._outside(self.over, records))
        self._tell(records, None)

    async def serve(self, engine: Engine) -> None:
        """Let the callers call this deployment, and tell what they saw."""
        from s2s.bench.point import Usage, rss_mb

        gaps: dict[str, Gap] = {}
        records: list[TurnRecord] = []
        engine.network.watch = gaps.__setitem__
        began, used, memory = time.monotonic(), time.process_time(), rss_mb()
        if self.over == "inproc":
            await self._inside(engine, records)
        else:
            await self._served(engine, records)
        usage = Usage(
            seconds=time.monotonic() - began,
            cpu_s=time.process_time() - used,
            rss_mb=rss_mb(),
            rss_grown_mb=rss_mb() - memory,
        )
        self._tell([_parted(record, gaps.get(record.id)) for record in records], usage)

    def _plan(self) -> Plan:
        from s2s.bench.caller import Plan

        return Plan(
            turns=self.turns,
            warm_up=self.warm_up,
            ramp_s=self.ramp_s,
            think_s=self.think_s,
            frame_ms=self.frame_ms,
            listen_s=self.listen_s,
            interrupt=self.interrupt,
            drop=self.drop,
            mute=self.mute,
            miss_s=self.miss_s,
            seed=self.seed,
        )

    async def _inside(self, engine: Engine, records: list[TurnRecord]) -> None:
        from s2s.bench.caller import BenchError, call
        from s2s.bench.corpus import Corpus
        from s2s.bench.link import InprocLink

        corpus = Corpus(self.corpus, self.seed)
        turns = corpus.of(*self.kinds, least=self.turns + self.warm_up)
        interjections = corpus.of("interruption")
        with _Bar(self.callers * (self.turns + self.warm_up), records) as take:
            try:
                await call(self.callers, self._plan(), turns, interjections, lambda: InprocLink(engine), take)
            except BenchError as error:
                raise ModeError(f"mode.bench: {error}") from error

    async def _served(self, engine: Engine, records: list[TurnRecord]) -> None:
        from s2s.modes.realtime import Realtime

        server = Realtime(port=0)
        server.bind("mode.bench")
        server.open()
        serving = asyncio.create_task(server.serve(engine))
        try:
            await self._outside(f"ws://{server.address}/v1", records)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def _outside(self, url: str, records: list[TurnRecord]) -> None:
        import os

        import msgspec

        from s2s.bench.client import Task
        from s2s.bench.record import TurnRecord

        task = Task(
            url=url,
            callers=self.callers,
            plan=self._plan(),
            kinds=tuple(self.kinds),
            corpus=self.corpus,
            key=os.environ.get("OPENAI_API_KEY", "") if self.offline else "",
        )
        pipe = asyncio.subprocess.PIPE
        words = (sys.executable, "-m", "s2s.bench.client")
        client = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 24)
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        try:
            client.stdin.write(msgspec.json.encode(task))
            client.stdin.close()
            errors = asyncio.create_task(client.stderr.read())
            with _Bar(self.callers * (self.turns + self.warm_up), records) as take:
                async for line in client.stdout:
                    take(msgspec.json.decode(line, type=TurnRecord))
            if await client.wait():
                lines = (await errors).decode().strip().splitlines()
                raise ModeError(f"mode.bench: the callers stopped: {lines[-1] if lines else 'without a word'}")
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()

    def _tell(self, records: list[TurnRecord], usage: Usage | None) -> None:
        from rich.console import Console

        from s2s.bench import sweep, table
        from s2s.bench.point import point

        found: Point = point(sweep.overrides(), self.callers, records, usage, self._config, self.seed)
        if (path := sweep.path(self.out)) is not None:
            sweep.write(path, found)
        table.one(Console(), found)
        for before in self._before:
            table.compared(Console(), before, found)


class _Bar:
    """A progress bar over the records that come."""

    def __init__(self, total: int, records: list[Any]) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._total = total
        self._records = records
        self._progress = Progress(console=Console(stderr=True), transient=True)

    def __enter__(self) -> Any:
        self._progress.__enter__()
        task = self._progress.add_task("calling", total=self._total)

        def take(record: Any) -> None:
            self._records.append(record)
            self._progress.advance(task, float(record.kind != "interruption"))

        return take

    def __exit__(self, *_: Any) -> None:
        self._progress.__exit__(None, None, None)


def _parted(record: TurnRecord, gap: Gap | None) -> TurnRecord:
    """Return a record with the server's parts of its gap."""
    import msgspec

    if gap is None or record.gap_ms is None or not math.isfinite(gap.total_ms):
        return record
    parts = {name.removesuffix("_ms"): round(value, 1) for name, value in msgspec.to_builtins(gap).items()}
    parts["lead"] = round(record.lead_ms, 1)
    parts["transport"] = round(record.gap_ms - gap.total_ms - record.lead_ms, 1)
    return msgspec.structs.replace(record, parts=parts)
