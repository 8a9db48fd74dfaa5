"""Clients that come and go over every mode of the network: nothing of them stays.

python -m tests.fuzz.churn --times 5000
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import ctypes
import gc
import json
import os
import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import numpy as np
import websockets

from s2s.engine import Engine
from s2s.line import pair
from s2s.modes.mode import Mode
from s2s.modes.realtime import Realtime
from s2s.modes.socket import Socket
from s2s.modes.websocket import WebSocket
from tests.modes.lines import short, sound, turn, until

AT_ONCE = 6
SETTLE_S = 20.0
"""Seconds after which what is left of the last clients stays."""
SAMPLES = 20
"""How often memory is read on the way."""


class Modes(NamedTuple):
    """The modes that serve, all over one engine."""

    realtime: Realtime
    socket: Socket
    shared: WebSocket
    separate: WebSocket


class Found(NamedTuple):
    """What was counted before and after: file descriptors, tasks, and the growth of memory in bytes a connection."""

    times: int
    seconds: float
    files: tuple[int, int]
    tasks: tuple[int, int]
    bytes_each: float
    calls: int

    def __str__(self) -> str:
        return (
            f"{self.times} connections in {self.seconds:.0f} s: file descriptors {self.files[0]} -> {self.files[1]}, "
            f"tasks {self.tasks[0]} -> {self.tasks[1]}, {self.bytes_each:.0f} bytes each, {self.calls} calls left"
        )


def rss_bytes() -> int:
    """Return the memory that this process holds."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[Modes]:
    """Serve all modes on free ports."""
    modes = Modes(
        Realtime(port=0), Socket(recv_port=0, send_port=0), WebSocket(port=0), WebSocket(port=0, clients="separate")
    )
    mode: Mode
    for mode in modes:
        mode.bind("mode.churn")
        mode.open()
    tasks = [asyncio.create_task(mode.serve(engine)) for mode in modes]
    try:
        yield modes
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def over_realtime(modes: Modes, chance: random.Random) -> None:
    """Connect, perhaps say something, and go with or without a word."""
    url = f"ws://{modes.realtime.address}/v1/realtime?model=s2s"
    socket = await websockets.connect(url, compression=None)
    await socket.recv()
    if chance.random() < 0.5:
        audio = base64.b64encode(sound(chance.choice((20, 300)))).decode()
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
    await _part(socket, chance)


async def over_websocket(modes: Modes, chance: random.Random) -> None:
    """The same with plain sound, in one call for all or one for each."""
    mode = chance.choice((modes.shared, modes.separate))
    socket = await websockets.connect(f"ws://{mode.address}/", compression=None)
    if chance.random() < 0.5:
        await socket.send(chance.choice((sound(20), turn(100), b"\1")))
    await _part(socket, chance)


async def _part(socket: Any, chance: random.Random) -> None:
    if chance.random() < 0.5:
        socket.transport.abort()
        await socket.wait_closed()
    else:
        await socket.close()


async def over_sockets(modes: Modes, chance: random.Random) -> None:
    """Connect to one port or both, in any order, and go."""
    ports = [modes.socket._receiving.port, modes.socket._sending.port]
    chance.shuffle(ports)
    writers = []
    for port in ports[: chance.choice((1, 2, 2))]:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        if port == modes.socket._receiving.port and chance.random() < 0.5:
            writer.write(chance.choice((sound(20), turn(100), b"\1")))
    await asyncio.sleep(0)
    for writer in writers:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def churn(times: int, seed: int = 1) -> Found:
    """Let clients come and go so many times, after a tenth of as many that count for nothing."""
    pair.LINGER_S = 0.5
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(AT_ONCE)
    alone = asyncio.Lock()  # the pair of ports takes one client

    async with Engine(short(), AT_ONCE * 2, seed="t") as engine, serving(engine) as modes:

        async def one(number: int) -> None:
            async with free:
                if number % 3 == 0:
                    async with alone:
                        await over_sockets(modes, chance)
                else:
                    await (over_realtime if number % 3 == 1 else over_websocket)(modes, chance)

        async def some(first: int, count: int) -> None:
            await asyncio.gather(*(one(number) for number in range(first, first + count)))
            await until(lambda: not engine.calls, 20)

        await some(0, max(times // 10, AT_ONCE))
        files, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
        began, sizes = loop.time(), [rss_bytes()]
        for part in range(SAMPLES):
            await some(part * times // SAMPLES, times // SAMPLES)
            sizes.append(rss_bytes())
        until_s = loop.time() + SETTLE_S
        while (len(asyncio.all_tasks()) > tasks or len(os.listdir("/proc/self/fd")) > files) and loop.time() < until_s:
            await asyncio.sleep(0.05)
        slope = float(np.polyfit(np.arange(len(sizes)) * (times // SAMPLES), sizes, 1)[0])
        return Found(
            times,
            loop.time() - began,
            (files, len(os.listdir("/proc/self/fd"))),
            (tasks, len(asyncio.all_tasks())),
            slope,
            len(engine.calls),
        )


def main() -> None:
    """Read the command line, and tell what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = asyncio.run(churn(options.times, options.seed))
    print(found)
    if found.bytes_each > 1024 or found.files[1] > found.files[0] or found.tasks[1] > found.tasks[0] or found.calls:
        raise SystemExit("something stays of clients that are gone")


if __name__ == "__main__":
    main()
