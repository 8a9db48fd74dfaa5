"""The server of `density.py`: the real one, with a stopwatch on each frame's way in and on each sound's way out.

It prints its address, and at each line on standard input the latencies in ms since the last one, as JSON.
"""

from __future__ import annotations

import asyncio
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
from s2s.memory import keep_flat
from s2s.messages import Activity, Sound
from s2s.modes.realtime import Realtime
from s2s.realtime.connection import Connection

inward: list[float] = []
outward: list[float] = []
frames: dict[Any, deque[tuple[float, float]]] = {}
sounds: dict[Any, deque[float]] = {}


class Stamped(str):
    """A frame, and when its last byte was read."""

    __slots__ = ("at",)
    at: float


def watch() -> None:
    """Put the stopwatches in."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    arrive = WebSocketsSansIOProtocol.send_receive_event_to_app
    receive, write, send = Connection.receive, Connection.write, Flow.send

    def arrived(self: Any) -> None:
        put = self.queue.put_nowait

        def stamped(message: Any) -> None:
            if "text" in message:
                text = Stamped(message["text"])
                text.at = time.perf_counter()
                message["text"] = text
            put(message)

        self.queue.put_nowait = stamped
        try:
            arrive(self)
        finally:
            self.queue.put_nowait = put

    async def received(self: Connection, frame: Any) -> None:
        before = self.call.heard_ms
        await receive(self, str(frame))
        if self.call.heard_ms > before:
            frames.setdefault(self.call.flow, deque()).append((self.call.heard_ms, frame.at))

    def sent(self: Flow, name: str, scope: Any, out: Any) -> None:
        if isinstance(out, Activity):
            end, waiting, now = out.at_ms + len(out.pcm) / 32, frames.get(self, deque()), time.perf_counter()
            while waiting and waiting[0][0] < end - 0.01:
                waiting.popleft()
            if waiting:
                inward.append((now - waiting[0][1]) * 1000)
        elif isinstance(out, Sound):
            sounds.setdefault(self, deque()).append(time.perf_counter())
        send(self, name, scope, out)

    async def written(self: Connection, to: Any) -> None:
        async def timed(data: str) -> None:
            await to(data)
            waiting = sounds.get(self.call.flow)
            if waiting and '"response.output_audio.delta"' in data[:80]:
                outward.append((time.perf_counter() - waiting.popleft()) * 1000)

        await write(self, timed)

    WebSocketsSansIOProtocol.send_receive_event_to_app = arrived  # type: ignore[method-assign]
    Connection.receive = received  # type: ignore[method-assign,assignment]
    Connection.write = written  # type: ignore[method-assign,assignment]
    Flow.send = sent  # type: ignore[method-assign]


def report(loop: asyncio.AbstractEventLoop) -> None:
    """Answer each line with what was measured since the last."""

    def tell() -> None:
        print(json.dumps({"in": inward, "out": outward, "cpu": time.process_time()}), flush=True)
        inward.clear()
        outward.clear()
        for known in (frames, sounds):
            known.clear()

    for _ in sys.stdin:
        loop.call_soon_threadsafe(tell)


async def main() -> None:
    """Serve until standard input ends."""
    deployment = build(compose(str(Path(__file__).with_name("density.yaml")), *sys.argv[1:]))
    mode = Realtime(port=0)
    mode.bind("mode.realtime")
    async with Engine(deployment.graph, deployment.sessions) as engine:
        mode.open()
        threading.Thread(target=report, args=(asyncio.get_running_loop(),), daemon=True).start()
        print(mode.address, flush=True)
        await mode.serve(engine)


if __name__ == "__main__":
    import uvloop

    keep_flat()
    watch()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
