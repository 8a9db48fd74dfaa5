"""What the client scripts share: command line, microphone, loudspeaker, event log, and the report of a run."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import wave
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

HZ = 24000
FRAME_MS = 40
LIMIT_S = 45
"""For a part, with what is played in it at the pace of sound."""
ENDS = ("completed", "incomplete")
"""How an answer may end: a small model may talk up to its limit of tokens."""
LONG = "Count from one to one hundred, with every number as a word."
ASK_WEATHER = "What is the weather in Paris?"
SKY = '{"sky": "clear"}'
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def options(about: str | None, **flags: str) -> argparse.Namespace:
    """Read the command line; a server's certificate becomes the process's trusted one, as users of a private CA do."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--url", required=True, help="base URL, such as http://127.0.0.1:8765/v1")
    parser.add_argument("--key", default="none")
    parser.add_argument("--ca", help="PEM file of the server's certificate")
    parser.add_argument("--wav", required=True, help="mono 16-bit 24 kHz: the first turn")
    parser.add_argument("--wav2", required=True, help="the same: the turn that interrupts")
    parser.add_argument("--parts", help="run only these, comma-separated")
    for flag, text in flags.items():
        parser.add_argument(f"--{flag}", action="store_true", help=text)
    given = parser.parse_args()
    if given.ca:
        os.environ["SSL_CERT_FILE"] = given.ca
    given.sound, given.sound2 = read_wav(given.wav), read_wav(given.wav2)
    return given


def read_wav(path: str) -> bytes:
    """Return the samples of a mono 16-bit 24 kHz file."""
    with wave.open(path) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, HZ):
            raise SystemExit(f"{path}: mono 16-bit {HZ} Hz is needed")
        return file.readframes(file.getnframes())


class Failed(Exception):
    """A part of the round did not go as it must."""


def need(fact: Any, text: str) -> None:
    """Fail the part with this text unless the fact holds."""
    if not fact:
        raise Failed(text)


class Report(logging.Handler):
    """The outcome of a run; every warning that is logged meanwhile is an error of it."""

    def __init__(self, client: str, version: str) -> None:
        super().__init__(logging.WARNING)
        self.client, self.version = client, version
        self.rounds: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self.dropped: list[str] = []
        self.tolerated: list[str] = []
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.error(f"{record.levelname} {record.name}: {record.getMessage()}")

    def error(self, text: str) -> None:
        """Note what must not happen."""
        self.errors.append(text)
        print(f"!! {text}", flush=True)

    def refused(self, error: dict[str, Any], expected: tuple[str, ...]) -> None:
        """Note an `error` event; those that a library takes for granted itself are only counted."""
        if error["code"] in expected:
            self.tolerated.append(error["code"])
        else:
            self.error(f"error event: {json.dumps(error)}")

    def drop(self, text: str) -> None:
        """Note what the server sent and the client did not take."""
        if text not in self.dropped:
            self.dropped.append(text)

    async def run(self, parts: dict[str, Callable[[], Awaitable[dict[str, Any]]]], only: str | None) -> None:
        """Run the parts one after another, each within its time, whatever became of those before."""
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: self.error(f"loop: {context['message']} {context.get('exception')!r}")
        )
        for name, part in parts.items():
            if only and name not in only.split(","):
                continue
            try:
                self.rounds[name] = {"ok": True, **await asyncio.wait_for(part(), LIMIT_S)}
            except Exception as error:
                why = str(error) if isinstance(error, Failed) else repr(error)
                self.rounds[name] = {"ok": False, "why": why}
            print(f"{name}: {json.dumps(self.rounds[name])}", flush=True)

    def finish(self) -> int:
        """Print the run as JSON and return the exit code."""
        keys = ("client", "version", "rounds", "errors", "dropped", "tolerated")
        print(json.dumps({key: getattr(self, key) for key in keys}), flush=True)
        fine = self.rounds and all(part["ok"] for part in self.rounds.values())
        return 0 if fine and not self.errors and not self.dropped else 1


class Tap(logging.Handler):
    """Sees every raw text frame of the `websockets` package, whose debug log carries the frames themselves."""

    def __init__(self, received: Callable[[dict[str, Any]], None], sent: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._take = {"< %s": received, "> %s": sent}
        logger = logging.getLogger("websockets.client")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        take = self._take.get(str(record.msg))
        if take and record.args and getattr(record.args[0], "opcode", None) == 1:  # type: ignore[index]
            take(json.loads(bytes(record.args[0].data)))  # type: ignore[index]


class Microphone:
    """Sends frames at real-time pace for as long as it is open: what is to be said, else silence."""

    def __init__(self, send: Callable[[bytes], Awaitable[Any]]) -> None:
        self.open = True
        self._send = send
        self._left = b""
        self._said = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def say(self, pcm: bytes) -> float:
        """Speak; return the loop's time at which the last sample was sent."""
        self._said.clear()
        self._left = pcm
        await self._said.wait()
        return asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        size, loop = 2 * HZ * FRAME_MS // 1000, asyncio.get_running_loop()
        at = loop.time()
        while True:
            if self.open or self._left:
                frame, self._left = self._left[:size], self._left[size:]
                await self._send(frame.ljust(size, b"\0"))
                if not self._left:
                    self._said.set()
            at += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, at - loop.time()))


class Loudspeaker:
    """Plays at real-time pace what comes faster, and knows how much of an item was heard."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._ends = 0.0

    def add(self, item_id: str, pcm: bytes) -> None:
        """Queue the sound of an item."""
        self._bytes[item_id] = self._bytes.get(item_id, 0) + len(pcm)
        self._ends = max(self._ends, asyncio.get_running_loop().time()) + len(pcm) / 2 / HZ

    def seconds(self, item_id: str) -> float:
        """How much there is of an item."""
        return round(self._bytes.get(item_id, 0) / 2 / HZ, 2)

    async def silent(self) -> None:
        """Wait until all that was queued has been played."""
        while (left := self._ends - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)

    def stop(self, item_id: str) -> int:
        """Play no more; return how many milliseconds of the item, the last one queued, were heard."""
        unheard = max(0.0, self._ends - asyncio.get_running_loop().time())
        self._ends = 0.0
        return max(0, int((self.seconds(item_id) - unheard) * 1000))


class Log:
    """The events that a client surfaced, in order, for parts to wait on."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.failure: str | None = None
        self._more = asyncio.Event()

    def add(self, event: Any) -> None:
        """Note an event."""
        self.events.append(event)
        self._more.set()

    def fail(self, why: str) -> None:
        """No more events will come."""
        self.failure = why
        self._more.set()

    def all(self, kind: str, since: int = 0, **fields: Any) -> Iterator[Any]:
        """Yield the events of a type with these fields."""
        for event in self.events[since:]:
            if event.type == kind and all(getattr(event, key) == value for key, value in fields.items()):
                yield event

    async def until(self, kind: str, since: int = 0, fits: Callable[[Any], bool] | None = None, **fields: Any) -> Any:
        """Wait for the first such event since a place in the log."""
        while True:
            for event in self.all(kind, since, **fields):
                if fits is None or fits(event):
                    return event
            need(self.failure is None, f"no {kind}: {self.failure}")
            self._more.clear()
            try:
                await self._more.wait()
            except asyncio.CancelledError:
                print(f"?? waited for {kind} {fields}", file=sys.stderr)
                raise


async def main(report: Report, work: Awaitable[None]) -> int:
    """Run a client's whole work and return its exit code."""
    try:
        await work
    except Exception as error:
        report.error(f"run: {error!r}")
    return report.finish()
