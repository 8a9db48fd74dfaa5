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
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import soxr
from openai import AsyncOpenAI

HZ = 24000
FRAME_MS = 40


def read_wav(path: str, part: list[float] | None) -> np.ndarray:
    """Return a 16-bit WAV file, or the part of it between two seconds, as mono 24 kHz samples."""
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        mono = samples.reshape(-1, file.getnchannels())[:, 0]
        begin, end = (round(seconds * file.getframerate()) for seconds in part) if part else (0, len(mono))
        return np.asarray(soxr.resample(mono[begin:end], file.getframerate(), HZ), dtype="<i2")


async def paced(samples: np.ndarray, tail_s: float) -> AsyncIterator[bytes]:
    """Yield frames of the samples in real time, then silence for as long."""
    sound = np.concatenate([samples, np.zeros(round(tail_s * HZ), "<i2")])
    size = HZ * FRAME_MS // 1000
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, at in enumerate(range(0, len(sound), size)):
        await asyncio.sleep(began + number * FRAME_MS / 1000 - loop.time())
        yield sound[at : at + size].tobytes()


async def microphone() -> AsyncIterator[bytes]:
    """Yield frames of the default microphone until interrupted."""
    import sounddevice

    loop = asyncio.get_running_loop()
    frames: asyncio.Queue[bytes] = asyncio.Queue()

    def captured(data: Any, *_: Any) -> None:
        loop.call_soon_threadsafe(frames.put_nowait, bytes(data))

    size = HZ * FRAME_MS // 1000
    with sounddevice.RawInputStream(HZ, size, channels=1, dtype="int16", callback=captured):
        while True:
            yield await frames.get()


class Speaker:
    """Keeps the answer's sound for a file, and plays it where there is a loudspeaker."""

    def __init__(self, save: str | None, play: bool) -> None:
        self.save = save
        self.sound = bytearray()
        self.waiting = bytearray()
        self.stream: Any = None
        if play:
            import sounddevice

            self.stream = sounddevice.RawOutputStream(HZ, HZ // 50, channels=1, dtype="int16", callback=self._fill)
            self.stream.start()

    def _fill(self, out: Any, frames: int, *_: Any) -> None:
        size = 2 * frames
        out[:] = bytes(self.waiting[:size]).ljust(size, b"\0")
        del self.waiting[:size]

    def add(self, pcm: bytes) -> None:
        self.sound += pcm
        self.waiting += pcm if self.stream else b""

    def hush(self) -> None:
        """The caller speaks: play nothing more of the answer."""
        self.waiting.clear()

    def close(self) -> None:
        if self.save:
            with wave.open(self.save, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(HZ)
                file.writeframes(bytes(self.sound))
            print(f"saved {len(self.sound) / 2 / HZ:.1f} s of answers to {self.save}")


async def listen(connection: Any, speaker: Speaker, until_responses: int | None) -> None:
    """Print and play what the server says."""
    loop = asyncio.get_running_loop()
    answered, stopped = 0, None
    async for event in connection:
        if event.type == "input_audio_buffer.speech_started":
            speaker.hush()
        elif event.type == "input_audio_buffer.speech_stopped":
            stopped = loop.time()
        elif event.type == "conversation.item.input_audio_transcription.completed":
            print(f"you:   {event.transcript}", flush=True)
        elif event.type == "response.output_audio.delta":
            if stopped is not None:
                print(f"       ({(loop.time() - stopped) * 1000:.0f} ms after your turn ended)")
                stopped = None
            speaker.add(base64.b64decode(event.delta))
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
    speaker = Speaker(options.save, options.play or options.mic)
    async with client.realtime.connect(model=options.model) as connection:
        first = await connection.recv()
        if first.type == "error":
            sys.exit(f"the server says: {first.error.message}")
        if options.text:
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": options.text}]}
            )
            await connection.response.create()
            await listen(connection, speaker, 1)
        else:
            listening = asyncio.create_task(listen(connection, speaker, None))
            frames = microphone() if options.mic else paced(read_wav(options.wav, options.part), options.tail)
            async for frame in frames:
                await connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            listening.cancel()
    speaker.close()


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
    except OSError as error:
        sys.exit(f"can't reach the server: {error}; start it with 's2s-run', or name it with --base-url")


if __name__ == "__main__":
    main()
