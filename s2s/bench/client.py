"""The callers of a bench in a process of their own, so that they do not use the time of what they measure.

python -m s2s.bench.client < task.json      # writes a record on each line of standard output
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import msgspec

from s2s.bench.caller import BenchError, Plan, call
from s2s.bench.corpus import Corpus, CorpusError
from s2s.bench.link import HZ, SocketLink
from s2s.bench.record import TurnRecord


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the callers do: `kinds` of turns from `corpus`, null for the shipped one, at `url`."""

    url: str
    callers: int
    plan: Plan
    kinds: tuple[str, ...]
    corpus: str | None = None
    model: str = "s2s"
    key: str = ""


async def perform(task: Task, tell: Callable[[TurnRecord], None]) -> None:
    """Let the callers call; raises BenchError, CorpusError, or OSError where nobody listens."""
    corpus = Corpus(task.corpus, task.plan.seed, HZ)

    def link() -> SocketLink:
        return SocketLink(task.url, task.model, task.key)

    turns = corpus.of(*task.kinds, least=task.plan.turns + task.plan.warm_up)
    await call(task.callers, task.plan, turns, corpus.of("interruption"), link, tell)


def main() -> None:
    """Take a task from standard input."""
    import websockets

    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)

    def tell(record: TurnRecord) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
        sys.stdout.buffer.flush()

    try:
        asyncio.run(perform(task, tell))
    except (BenchError, CorpusError, OSError, websockets.WebSocketException) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
