"""Fuzzes a running server over a real socket: `python -m tests.fuzz.socket --seconds 60`.

Guided by coverage through atheris where that is installed, else by chance. Fails when a connection ends that the
contract does not end, when the server says something that is not valid, or when its memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.fuzz.frames import frame

try:
    import atheris
except ImportError:
    atheris = None  # type: ignore[assignment]

FRAMES = 24
"""Frames to a connection before it is asked whether it still lives."""
FRESH = 50
"""Inputs to a connection before the next one takes its place."""
WARM = 1 / 3
"""The share of the time after which memory should no longer grow."""
GROWTH_MB = 30.0
"""By how much it may still grow: what the fuzzer itself learns is in it."""


def rss_mb() -> float:
    """The memory of this process, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Target:
    """A server in a thread of its own, and the one connection that is fuzzed."""

    def __init__(self, seconds: float) -> None:
        self._warm_at = time.monotonic() + seconds * WARM
        self.inputs = self.sent = self.connections = 0
        self.warm_mb = 0.0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()
        self._socket: Any
        self._open = contextlib.ExitStack()

    async def _serve(self) -> None:
        from s2s.testing.stages import ScriptedLlm, ScriptedTts
        from tests.modes.served import quick, serving

        stages = quick(llm=ScriptedLlm(first_seconds=0, seconds=0), tts=ScriptedTts(seconds=0, ms_per_word=20))
        async with serving(stages, sessions=4, keep_audio_s=5) as server:
            self.server = server
            self._ready.set()
            await asyncio.Event().wait()

    def _connect(self, beta: bool) -> None:
        from websockets.sync.client import connect

        headers = {"OpenAI-Beta": "realtime=v1"} if beta else {}
        self._open.close()
        client = connect(
            self.server.url, additional_headers=headers, compression=None, max_size=1 << 20, max_queue=None
        )
        self._socket = self._open.enter_context(client)
        self._beta = beta
        self.connections += 1

    def run(self, choose: Callable[[int], int], noise: Callable[[int], bytes]) -> None:
        """Send one input's frames and see that the connection and the server live."""
        if self.inputs % FRESH == 0:
            self._connect(beta=self.inputs % (4 * FRESH) == 0)
        self.inputs += 1
        for _ in range(1 + choose(FRAMES)):
            one = frame(choose, noise)
            self._socket.send(one, text=isinstance(one, str) or bool(choose(2)))  # what is no UTF-8 is text too
            self.sent += 1
        self._socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
        probe = f"probe_{self.inputs}"
        self._socket.send(json.dumps({"type": "conversation.item.delete", "item_id": probe, "event_id": probe}))
        self._read_up_to(probe)
        if not self.warm_mb and time.monotonic() >= self._warm_at:
            gc.collect()
            self.warm_mb = rss_mb()
        if self.warm_mb and rss_mb() > self.warm_mb + GROWTH_MB:
            gc.collect()
            grown = rss_mb()
            assert grown <= self.warm_mb + GROWTH_MB, f"memory grew from {self.warm_mb:.0f} to {grown:.0f} MB"

    def _read_up_to(self, event_id: str) -> None:
        from tests.realtime.strict import strict

        while True:
            event = json.loads(self._socket.recv(timeout=20))
            if not self._beta:
                tools = event.get("session", {}).get("tools")
                strict(event if not tools else event | {"session": event["session"] | {"tools": []}})
            assert event.get("error", {}).get("code") != "server_error", event
            if event.get("error", {}).get("event_id") == event_id:
                return


def fuzz(seconds: float) -> None:
    """Fuzz for a while; raise where something breaks."""
    target = Target(seconds)
    began = time.monotonic()

    def report() -> None:
        print(
            f"{time.monotonic() - began:.0f} s: {target.inputs} inputs, {target.sent} frames, {target.connections} "
            f"connections, {rss_mb():.0f} MB (warm {target.warm_mb:.0f})",
            flush=True,
        )

    if atheris is None:
        chance = random.Random(0)
        while time.monotonic() - began < seconds:
            target.run(chance.randrange, lambda n: chance.randbytes(chance.randrange(n + 1)))
            if target.inputs % 2000 == 0:
                report()
        report()
        return

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        target.run(lambda n: provider.ConsumeIntInRange(0, n - 1), provider.ConsumeBytes)
        if target.inputs % 2000 == 0:
            report()
        if time.monotonic() - began > seconds:
            report()
            os._exit(0)

    quiet = ("-len_control=0", "-timeout=30", "-verbosity=0", "-rss_limit_mb=0", "-report_slow_units=30")
    atheris.Setup([sys.argv[0], "-max_len=2048", *quiet], one)
    atheris.Fuzz()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    if atheris is not None:
        with atheris.instrument_imports(include=["s2s.realtime", "s2s.conversation"]):
            import s2s.realtime.connection  # noqa: F401
    fuzz(given.seconds)


if __name__ == "__main__":
    main()
