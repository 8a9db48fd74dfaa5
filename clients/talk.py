"""Talk to a server of the OpenAI Realtime API with the stock `openai` package: a WAV file, text, or a microphone.

    python clients/talk.py --text "What is the capital of France?"
    python clients/talk.py --wav s2s/bench/corpus/two_cities.wav --part 1.1 4.4 --save answer.wav
    python clients/talk.py --mic                      # needs: pip install 's2s[mic]'

Sound is sent at the pace of its samples, as a microphone would; the answer is played, or saved, or both.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import sys
from pathlib import Path
from typing import Any

import websockets
from openai import AsyncOpenAI

from s2s.audio import Resampler
from s2s.clients.microphone import Microphone, Source, WavMicrophone
from s2s.clients.speaker import Loudspeaker, Speaker
from s2s.clients.trouble import Trouble, reason
from s2s.wav import wav

HZ = 24000
FRAME = HZ * 40 // 1000
INSTEAD = "--wav and --save"


class Answers:
    """Keeps the answers' sound for a file, and plays it where there is a loudspeaker."""

    def __init__(self, save: str | None, play: bool) -> None:
        self.save = save
        self.sound = bytearray()
        self.speaker: Speaker | None = Loudspeaker(HZ, HZ // 50, instead=INSTEAD) if play else None

    def add(self, pcm: bytes) -> None:
        self.sound += pcm
        if self.speaker:
            self.speaker.play(pcm, HZ)

    def hush(self) -> None:
        """The caller speaks: play nothing more of the answer."""
        if self.speaker:
            self.speaker.flush()

    async def heard(self) -> None:
        """Return when all was played."""
        if self.speaker:
            await self.speaker.heard()

    def close(self) -> None:
        if self.speaker:
            self.speaker.close()
        if self.save:
            Path(self.save).write_bytes(wav(bytes(self.sound), HZ))
            print(f"saved {len(self.sound) / 2 / HZ:.1f} s of answers to {self.save}")


async def listen(connection: Any, answers: Answers, until_responses: int | None) -> None:
    """Print and play what the server says."""
    loop = asyncio.get_running_loop()
    answered, stopped = 0, None
    async for event in connection:
        if event.type == "input_audio_buffer.speech_started":
            answers.hush()
        elif event.type == "input_audio_buffer.speech_stopped":
            stopped = loop.time()
        elif event.type == "conversation.item.input_audio_transcription.completed":
            print(f"you:   {event.transcript}", flush=True)
        elif event.type == "response.output_audio.delta":
            if stopped is not None:
                print(f"       ({(loop.time() - stopped) * 1000:.0f} ms after your turn ended)")
                stopped = None
            answers.add(base64.b64decode(event.delta))
        elif event.type in ("response.output_audio_transcript.done", "response.output_text.done"):
            print(f"agent: {getattr(event, 'transcript', None) or getattr(event, 'text', '')}", flush=True)
        elif event.type == "error":
            print(f"error: {event.error.message}", file=sys.stderr)
        elif event.type == "response.done":
            answered += 1
            if answered == until_responses:
                return


async def talk(options: argparse.Namespace) -> None:
    """Hold one conversation."""
    base = options.base_url.rstrip("/")
    client = AsyncOpenAI(base_url=base, websocket_base_url=base.replace("http", "ws", 1), api_key=options.api_key)
    source: Source | None = None
    if options.mic:
        source = Microphone(HZ, FRAME, instead=INSTEAD)
    elif options.wav:
        source = WavMicrophone(options.wav, HZ, FRAME, options.tail, options.part)
    answers = Answers(options.save, options.play or options.mic)
    async with client.realtime.connect(model=options.model) as connection:
        first = await connection.recv()
        if first.type == "error":
            sys.exit(f"the server says: {first.error.message}")
        try:
            if source is None:
                await ask(connection, options.text)
                await listen(connection, answers, 1)
            else:
                listening = asyncio.create_task(listen(connection, answers, None))
                await say(connection, source)
                listening.cancel()
            await answers.heard()
        finally:
            answers.close()


async def ask(connection: Any, text: str) -> None:
    """Say something in writing."""
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    await connection.response.create()


async def say(connection: Any, source: Source) -> None:
    """Send what the source hears to its end."""
    resampler = Resampler(HZ, at_once=True)
    async with contextlib.aclosing(source.frames()) as frames:
        async for frame in frames:
            pcm = resampler.push(frame, source.rate)
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())


def main() -> None:
    """Read the command line and talk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said = parser.add_mutually_exclusive_group(required=True)
    said.add_argument("--text", help="a line to say in writing; the answer is spoken")
    said.add_argument("--wav", help="a 16-bit WAV file to say")
    said.add_argument("--mic", action="store_true", help="say what the microphone hears")
    parser.add_argument("--part", nargs=2, type=float, metavar=("FROM", "TO"), help="the seconds of it to say")
    parser.add_argument("--save", help="a WAV file for the answers")
    parser.add_argument("--play", action="store_true", help="play the answers, which needs the extra 'mic'")
    parser.add_argument("--tail", type=float, default=8.0, help="seconds of silence after the file (default 8)")
    parser.add_argument("--base-url", default="http://127.0.0.1:8765/v1")
    parser.add_argument("--api-key", default="none")
    parser.add_argument("--model", default="s2s")
    try:
        asyncio.run(talk(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except Trouble as trouble:
        sys.exit(str(trouble))
    except websockets.ConnectionClosed as error:
        sys.exit(f"the connection is lost: {error}")
    except OSError as error:
        sys.exit(f"can't reach the server: {reason(error)}; start it with 's2s-run', or name it with --base-url")


if __name__ == "__main__":
    main()
