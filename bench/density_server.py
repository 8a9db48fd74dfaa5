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

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from s2s.build import build
from s2s.compose import compose
from s2s.engine import Engine
from s2s.memory import keep_flat, settle
from s2s.messages import Activity, Sound
from s2s.modes.direct import DirectSocket
from s2s.modes.realtime import Realtime
from s2s.realtime.connection import Connection

EACH = 8
"""One caller in so many is watched: stopwatches cost time themselves."""
reading = 0.0
"""When the bytes were read that are being taken."""
inward: list[float] = []
outward: list[float] = []


def watch() -> None:
    """Put the stopwatches in."""
    begin, read, queue = (
        Connection.__init__,
        DirectSocket.data_received,
        WebSocketsSansIOProtocol.send_receive_event_to_app,
    )
    callers = itertools.count()

    def began(self: Connection, *words: Any) -> None:
        begin(self, *words)
        if next(callers) % EACH == 0:
            watch_one(self)

    def was_read(self: DirectSocket, data: bytes) -> None:
        global reading
        reading = time.perf_counter()
        read(self, data)

    def queued(self: DirectSocket) -> None:
        if hasattr(self.taker, "late"):
            self.taker.late.append(reading)
        queue(self)

    Connection.__init__ = began  # type: ignore[method-assign,assignment]
    DirectSocket.data_received = was_read  # type: ignore[method-assign]
    WebSocketsSansIOProtocol.send_receive_event_to_app = queued  # type: ignore[method-assign,assignment]


def watch_one(connection: Any) -> None:
    """Time each frame on its way in, and each sound on its way out."""
    hearing, flow = connection.call.hearing, connection.call.flow
    take, receive, write, hear, send = connection.take, connection.receive, connection.write, hearing.hear, flow.send
    frames: deque[tuple[float, float]] = deque()
    sounds: deque[float] = deque()
    late: deque[float] = deque()
    read_at = 0.0

    def taken(frame: bytes) -> bool:
        nonlocal read_at
        read_at = reading
        return take(frame)

    async def received(frame: Any) -> None:
        nonlocal read_at
        read_at = late.popleft() if late else time.perf_counter()
        await receive(frame)

    def heard(pcm: bytes, rate: int) -> None:
        frames.append((hearing.heard_ms + len(pcm) / 2 / rate * 1000, read_at))
        hear(pcm, rate)

    def sent(name: str, scope: Any, out: Any) -> None:
        if isinstance(out, Activity):
            end, now = out.at_ms + len(out.pcm) / 32, time.perf_counter()
            while frames and frames[0][0] < end - 0.01:
                frames.popleft()
            if frames:
                inward.append((now - frames[0][1]) * 1000)
        elif isinstance(out, Sound):
            sounds.append(time.perf_counter())
        send(name, scope, out)

    async def written(to: Any) -> None:
        async def timed(data: bytes) -> None:
            await to(data)
            if sounds and b'"response.output_audio.delta"' in data[:120]:
                outward.append((time.perf_counter() - sounds.popleft()) * 1000)

        await write(timed)

    taken.late = late  # type: ignore[attr-defined]
    connection.take, connection.receive, connection.write = taken, received, written
    hearing.hear, flow.send = heard, sent


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
