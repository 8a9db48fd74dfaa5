"""What the clients' command lines share: flags in both spellings, sound by device or file, and how they end."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from s2s.clients.chosen import devices
from s2s.clients.microphone import Microphone, Source, WavMicrophone
from s2s.clients.speaker import Loudspeaker, Speaker, WavSpeaker
from s2s.clients.trouble import Trouble

Converse = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]

TAIL_S = 8.0
"""How long a client listens after its file, unless told otherwise: long enough for an answer."""


class ListDevices(argparse.Action):
    """Prints the devices of this machine and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        """Print them, or say why there are none."""
        try:
            with devices() as found:
                found.show()
        except Trouble as trouble:
            parser.exit(1, f"{trouble}\n")
        parser.exit()


def add(parser: argparse.ArgumentParser, name: str, **options: Any) -> None:
    """Add a flag that may be spelled with hyphens or with underscores."""
    spellings = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}", f"--{name.replace('-', '_')}"))
    parser.add_argument(*spellings, **options)


def add_sound(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where sound comes from and goes to."""
    add(parser, "input-wav", metavar="FILE", help="a 16-bit WAV file in place of the microphone, heard in real time")
    add(parser, "output-wav", metavar="FILE", help="a WAV file in place of the loudspeaker")
    tail = f"seconds of silence after --input-wav, in which answers come (default {TAIL_S:g})"
    add(parser, "tail", type=float, default=TAIL_S, metavar="SECONDS", help=tail)
    add(parser, "input-device", metavar="DEVICE", help="the microphone's number, or letters of its name")
    add(parser, "output-device", metavar="DEVICE", help="the loudspeaker's number, or letters of its name")
    add(parser, "list-devices", action=ListDevices, nargs=0, help="print the devices of this machine and end")


def positive(word: str) -> int:
    """Return a whole number above 0; argparse tells who gives another."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0 is needed, not {word}")
    return number


def source(options: argparse.Namespace, rate: int, block: int) -> Source:
    """Return the microphone or file that the flags name, in frames of `block` samples at `rate`."""
    if options.input_wav:
        return WavMicrophone(options.input_wav, rate, block, options.tail)
    return Microphone(rate, block, options.input_device)


def speaker(options: argparse.Namespace, rate: int, block: int) -> Speaker:
    """Return the loudspeaker or file that the flags name."""
    if options.output_wav:
        return WavSpeaker(options.output_wav, rate)
    return Loudspeaker(rate, block, options.output_device)


async def until_first(*doing: Coroutine[Any, Any, None]) -> None:
    """Run all at once until one returns or raises; cancel the others."""
    tasks = [asyncio.ensure_future(one) for one in doing]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def run(parser: argparse.ArgumentParser, converse: Converse, arguments: Sequence[str] | None) -> int:
    """Hold the conversation that the command line asks for; return the exit status."""
    options = parser.parse_args(arguments)
    try:
        asyncio.run(converse(options))
    except KeyboardInterrupt:
        return 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0
