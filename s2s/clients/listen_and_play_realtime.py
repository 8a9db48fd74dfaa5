"""Talk to `s2s-run mode=realtime`, or any server of the OpenAI Realtime API, with captions as they are said.

    s2s-listen-and-play-realtime --host 192.168.1.42 --voice marin
    s2s-listen-and-play-realtime --input-wav question.wav --output-wav answer.wav

Speak over an answer to stop it. Use headphones, or --block-mic-during-playback, lest it hears itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import websockets

from s2s.clients import command
from s2s.clients.captions import Captions
from s2s.clients.conversation import Conversation
from s2s.clients.trouble import Trouble, reason


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    flags = argparse.ArgumentParser(
        "s2s-listen-and-play-realtime", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add(flags, "host", default="localhost", help="the server (default localhost)")
    command.add(flags, "port", type=int, default=8765, help="its port (default 8765)")
    command.add(flags, "tls", action="store_true", help="speak wss; SSL_CERT_FILE names a certificate of its own")
    command.add(flags, "api-key", default="", help="the key, where the server wants one")
    command.add(flags, "model", default="s2s", help="the model's name (default s2s)")
    command.add(flags, "voice", help="the voice of the answers")
    command.add(flags, "instructions", help="what the agent is told to be")
    command.add(flags, "send-rate", type=command.positive, default=16000, help="Hz of the microphone (default 16000)")
    command.add(flags, "recv-rate", type=command.positive, default=16000, help="Hz of the speaker (default 16000)")
    command.add(flags, "chunk-size", type=command.positive, default=1024, help="samples of a block (default 1024)")
    told = "print every event to stdout as it came, a line each; captions go to stderr"
    command.add(flags, "print-json", action="store_true", help=told)
    block = "hear nothing while an answer is played: for loudspeakers, without headphones"
    command.add(flags, "block-mic-during-playback", action="store_true", help=block)
    command.add_sound(flags)
    return flags


async def converse(options: argparse.Namespace) -> None:
    """Speak and listen until the file is over; raise Trouble where there is no server, or no longer."""
    source = command.source(options, options.send_rate, options.chunk_size)
    async with contextlib.AsyncExitStack() as stack:
        socket = await _connect(options)
        stack.push_async_callback(socket.close)
        speaker = command.speaker(options, options.recv_rate, options.chunk_size)
        stack.callback(speaker.close)
        captions = Captions(sys.stderr if options.print_json else sys.stdout)
        stack.callback(captions.end_line)
        tell = _print if options.print_json else None
        half_duplex = options.block_mic_during_playback
        conversation = Conversation(socket, source, speaker, captions, tell=tell, half_duplex=half_duplex)
        try:
            await conversation.begin(session(options))
            await command.until_first(conversation.speak(), conversation.listen())
        except websockets.ConnectionClosed:
            why = " ".join(str(part) for part in (socket.close_code, socket.close_reason) if part)
            raise Trouble(f"the connection is lost: the server closed it ({why})") from None
        await speaker.heard()


def session(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the session that the flags ask for."""
    fields: dict[str, Any] = {}
    if options.instructions:
        fields["instructions"] = options.instructions
    if options.voice:
        fields["audio"] = {"output": {"voice": options.voice}}
    return fields


async def _connect(options: argparse.Namespace) -> websockets.ClientConnection:
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"{host}:{options.port}"
    url = f"ws{'s' if options.tls else ''}://{address}/v1/realtime?model={quote(options.model)}"
    headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else None
    remedy = "start one by 's2s-run', or name it by --host and --port"
    try:
        return await websockets.connect(url, additional_headers=headers, compression=None, max_size=None)
    except websockets.InvalidStatus as error:
        status = error.response.status_code
        raise Trouble(f"{address} answers HTTP {status}, unlike a server of the Realtime API: {remedy}") from None
    except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
        tls = "" if options.tls else ", with --tls where it speaks TLS"
        raise Trouble(f"no server at {address} ({reason(error)}): {remedy}{tls}") from None


def _print(frame: str) -> None:
    print(frame, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return command.run(parser(), converse, arguments)
