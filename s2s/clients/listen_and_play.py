"""Talk to `s2s-run mode=socket`: the microphone goes to one TCP port, and what comes from another is played.

    s2s-listen-and-play --host 192.168.1.42
    s2s-listen-and-play --url ws://192.168.1.42:8765/           (mode=websocket)
    s2s-listen-and-play --input-wav question.wav --output-wav answer.wav

Both ways it is raw mono int16, little-endian, without frames or headers; the server's rate is 16000 Hz.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence

from s2s.audio import Resampler
from s2s.clients import command
from s2s.clients.microphone import Source
from s2s.clients.speaker import Speaker
from s2s.clients.wires import Wire, frames, ports


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    flags = argparse.ArgumentParser(
        "s2s-listen-and-play", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add(flags, "host", default="localhost", help="the server (default localhost)")
    command.add(flags, "send_port", type=int, default=12345, help="where the server receives (default 12345)")
    command.add(flags, "recv_port", type=int, default=12346, help="where the server sends (default 12346)")
    command.add(flags, "url", help="a WebSocket in place of the two ports, such as ws://localhost:8765/")
    command.add(flags, "api-key", help="what --url asks for, where it has keys")
    command.add(flags, "send_rate", type=command.positive, default=16000, help="Hz of what is sent (default 16000)")
    command.add(flags, "recv_rate", type=command.positive, default=16000, help="Hz of what comes (default 16000)")
    size = "bytes of a chunk, both ways (default 1024)"
    command.add(flags, "list_play_chunk_size", type=chunk_bytes, default=1024, help=size)
    command.add_sound(flags)
    return flags


def chunk_bytes(word: str) -> int:
    """Return a size in bytes that holds whole samples; argparse tells who gives another."""
    size = command.positive(word)
    if size % 2:
        raise argparse.ArgumentTypeError(f"a sample has 2 bytes: {size - 1 or 2} or {size + 1}, not {size}")
    return size


async def converse(options: argparse.Namespace) -> None:
    """Speak and listen until the file is over; raise Trouble where there is no server, or no longer."""
    size = options.list_play_chunk_size
    source = command.source(options, options.send_rate, size // 2)
    async with contextlib.AsyncExitStack() as stack:
        wire: Wire
        if options.url:
            wire = await frames(stack, options.url, options.api_key)
        else:
            numbers = {"send_port": options.send_port, "recv_port": options.recv_port}
            wire = await ports(stack, options.host, numbers, size)
        speaker = command.speaker(options, options.recv_rate, size // 2)
        stack.callback(speaker.close)
        await command.until_first(_send(wire, source, options.send_rate), _play(wire, speaker, options.recv_rate))
        await speaker.heard()


async def _send(wire: Wire, source: Source, rate: int) -> None:
    resampler = Resampler(rate, at_once=True)
    async with contextlib.aclosing(source.frames()) as pieces:
        async for piece in pieces:
            await wire.send(resampler.push(piece, source.rate))


async def _play(wire: Wire, speaker: Speaker, rate: int) -> None:
    while True:
        speaker.play(await wire.receive(), rate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return command.run(parser(), converse, arguments)
