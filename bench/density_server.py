"""The server of `density.py`: the real one, with a stopwatch on each frame's way in and on each sound's way out.

It prints its address, and at each line on standard input the latencies in ms since the last one, as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from s2s.build import build
from s2s.compose import compose
from s2s.engine import Engine
from s2s.flow import Flow
from s2s.hearing import Hearing
from s2s.memory import keep_flat, settle
from s2s.messages import Activity, Sound
from s2s.modes.direct import DirectSocket
from s2s.modes.realtime import Realtime
from s2s.realtime.connection import Connection

inward: list[float] = []
outward: list[float] = []
frames: dict[Any, deque[tuple[float, float]] | None] = {}
sounds: dict[Any, deque[float]] = {}


class Stamped(str):
    """A frame that waits for its turn, and when its last byte was read."""

    __slots__ = ("at",)
    at: float


EACH = 8
"""One caller in so many is watched: stopwatches cost time themselves."""


def watch() -> None:
    """Put the stopwatches in."""
    callers = itertools.count()
    read, offer, sound_in = DirectSocket.data_received, DirectSocket.send_receive_event_to_app, Hearing.hear
    take, receive, write, send = Connection.take, Connection.receive, Connection.write, Flow.send
    reading = 0.0

    def was_read(self: DirectSocket, data: bytes) -> None:
        nonlocal reading
        reading = time.perf_counter()
        read(self, data)

    def offered(self: DirectSocket) -> None:
        put = self.queue.put_nowait

        def stamped(message: Any) -> None:
            if "text" in message:
                message["text"] = Stamped(message["text"])
                message["text"].at = reading
            put(message)

        self.queue.put_nowait = stamped  # type: ignore[method-assign]
        try:
            offer(self)
        finally:
            self.queue.put_nowait = put  # type: ignore[method-assign]

    def taken(self: Connection, frame: bytes) -> bool:
        self.call.read_at = reading  # type: ignore[attr-defined]
        return take(self, frame)

    async def received(self: Connection, frame: Any) -> None:
        self.call.read_at = frame.at  # type: ignore[attr-defined]
        await receive(self, str(frame))

    def heard(self: Hearing, pcm: bytes, rate: int) -> None:
        call: Any = self._call
        if call.flow not in frames:
            frames[call.flow] = deque() if next(callers) % EACH == 0 else None
        waiting = frames[call.flow]
        if waiting is not None:
            waiting.append((self.heard_ms + len(pcm) / 2 / rate * 1000, call.read_at))
        sound_in(self, pcm, rate)

    def sent(self: Flow, name: str, scope: Any, out: Any) -> None:
        waiting = frames.get(self)
        if waiting is not None and isinstance(out, Activity):
            end, now = out.at_ms + len(out.pcm) / 32, time.perf_counter()
            while waiting and waiting[0][0] < end - 0.01:
                waiting.popleft()
            if waiting:
                inward.append((now - waiting[0][1]) * 1000)
        elif waiting is not None and isinstance(out, Sound):
            sounds.setdefault(self, deque()).append(time.perf_counter())
        send(self, name, scope, out)

    async def written(self: Connection, to: Any) -> None:
        async def timed(data: bytes) -> None:
            await to(data)
            waiting = sounds.get(self.call.flow)
            if waiting and b'"response.output_audio.delta"' in data[:120]:
                outward.append((time.perf_counter() - waiting.popleft()) * 1000)

        await write(self, timed)

    DirectSocket.data_received = was_read  # type: ignore[method-assign]
    DirectSocket.send_receive_event_to_app = offered  # type: ignore[method-assign]
    Connection.take, Connection.receive = taken, received  # type: ignore[method-assign]
    Connection.write = written  # type: ignore[method-assign,assignment]
    Hearing.hear, Flow.send = heard, sent  # type: ignore[method-assign]


def report(loop: asyncio.AbstractEventLoop) -> None:
    """Answer each line with what was measured since the last."""

    def tell() -> None:
        print(json.dumps({"in": inward, "out": outward, "cpu": time.process_time()}), flush=True)
        inward.clear()
        outward.clear()

    for _ in sys.stdin:
        loop.call_soon_threadsafe(tell)


async def main() -> None:
    """Serve until standard input ends."""
    deployment = build(compose(str(Path(__file__).with_name("density.yaml")), *sys.argv[1:]))
    mode = Realtime(port=0)
    mode.bind("mode.realtime")
    async with Engine(deployment.graph, deployment.sessions) as engine:
        mode.open()
        settle()
        threading.Thread(target=report, args=(asyncio.get_running_loop(),), daemon=True).start()
        print(mode.address, flush=True)
        await mode.serve(engine)


if __name__ == "__main__":
    import uvloop

    keep_flat()
    watch()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
