"""Pipecat as a server for `density.py`: its pipeline and Silero, our callers' wire, and the same stopwatches.

Stages wait as in `density.yaml`; standard input and output are as with `density_server.py`.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.utils import create_stream_resampler
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames import frames as f
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CALLER_HZ, HEARD_HZ, WINDOW = 24000, 16000, 512
STOP_S, TEXT_S, FIRST_S, WORD_S, PIECE_S = 0.5, 0.15, 0.2, 0.02, 0.03
ANSWER, PIECES_A_WORD = "this is a short answer. and there is one more sentence.", 2
PIECE = (8000).to_bytes(2, "little", signed=True) * (CALLER_HZ // 10)
Work = Callable[[int, Any], AsyncIterator[f.Frame]]
EACH = 8  # one caller in so many is watched: stopwatches cost time themselves

inward, outward = list[float](), list[float]()
callers = itertools.count()
app = FastAPI()


class TimedSocket(WebSocketsSansIOProtocol):
    """The protocol that uvicorn takes by itself; it reads on only when every message before was taken."""

    read_at = taken_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Note the time."""
        self.read_at = time.perf_counter()
        super().data_received(data)

    async def receive(self) -> Any:
        """Hand a message over, and tell its taker, who runs next, when it was read."""
        message = await super().receive()
        TimedSocket.taken_at = self.read_at
        return message


class RealtimeSerializer(FrameSerializer):
    """What our callers say and understand of the Realtime protocol."""

    def __init__(self, watched: bool) -> None:
        super().__init__()
        self._resampler = create_stream_resampler(clear_after_secs=None)  # gaps are only this server's own delays
        self._samples, self._response = 0, ""
        self.frames = deque[tuple[int, float]](maxlen=None if watched else 0)  # the last sample given, when read

    async def deserialize(self, data: str | bytes) -> f.Frame | None:
        """Return the sound of a frame, as far as the resampler gives it."""
        if (message := json.loads(data))["type"] != "input_audio_buffer.append":
            return None
        pcm = base64.b64decode(message["audio"])
        taken_at = TimedSocket.taken_at
        sound = await self._resampler.resample(pcm, CALLER_HZ, HEARD_HZ)
        self._samples += len(sound) // 2
        self.frames.append((self._samples, taken_at))
        return f.InputAudioRawFrame(audio=sound, sample_rate=HEARD_HZ, num_channels=1) if sound else None

    async def serialize(self, frame: f.Frame) -> str | None:
        """Return an event or a sound; an interruption ends the response."""
        told = getattr(frame, "message", None)  # of an event
        if self._response and isinstance(frame, f.InterruptionFrame):
            told = {"type": "response.done", "response": {"id": self._response, "status": "cancelled", "usage": {}}}
        elif self._response and isinstance(frame, f.OutputAudioRawFrame):
            place = {"response_id": self._response, "item_id": "answer", "output_index": 0, "content_index": 0}
            told = {"type": "response.output_audio.delta", **place, "delta": base64.b64encode(frame.audio).decode()}
        if told and "response" in told:
            self._response = told["response"]["id"] if told["type"] == "response.created" else ""
        return json.dumps(told) if told else None


def watch(frames: deque[tuple[int, float]], detector: Any, output: Any) -> None:
    """Put stopwatches on one caller's ways in and out.

    In: from when the frame was read with which the resampler gave the last sound of a window, until the pipeline has
    its state; that the resampler gave that sound a frame late, on average, does not count. Out: from when the
    transport takes a sound to write, its pause for real time over, until it was sent.
    """
    analyze, write, heard, end = detector.analyze_audio, output._write_frame, 0, WINDOW

    async def analyzed(sound: bytes) -> Any:
        nonlocal heard, end
        state = await analyze(sound)
        heard += len(sound) // 2
        while end <= heard:
            while frames[0][0] < end:
                frames.popleft()
            inward.append((time.perf_counter() - frames[0][1]) * 1000)
            end += WINDOW
        return state

    async def written(frame: f.Frame) -> Any:
        began = time.perf_counter()
        taken = await write(frame)
        if isinstance(frame, f.OutputAudioRawFrame):
            outward.append((time.perf_counter() - began) * 1000)
        return taken

    detector.analyze_audio, output._write_frame = analyzed, written


def event(kind: str, **fields: Any) -> f.Frame:
    """Return a server event that goes out at once."""
    return f.OutputTransportMessageUrgentFrame(message={"type": kind, **fields})


class Scripted(FrameProcessor):
    """A stage that does its work aside when its cue comes, and drops it when the caller speaks."""

    def __init__(self, cue: type[f.Frame], work: Work, takes: tuple[type[f.Frame], ...] = ()) -> None:
        super().__init__(enable_direct_mode=True)  # no queues before it
        self._cue, self._work, self._takes, self._turn = cue, work, takes, 0
        self._task: asyncio.Task[None] | None = None

    async def process_frame(self, frame: f.Frame, direction: FrameDirection) -> None:
        """Pass a frame on, unless the work takes it."""
        await super().process_frame(frame, direction)
        if self._task and isinstance(frame, (f.VADUserStartedSpeakingFrame, f.InterruptionFrame, f.CancelFrame)):
            await self.cancel_task(self._task)
        if isinstance(frame, self._cue) and direction is FrameDirection.DOWNSTREAM:
            self._turn, self._inbox = self._turn + 1, asyncio.Queue[Any]()
            self._task = self.create_task(self._run())
        if isinstance(frame, self._takes):
            self._inbox.put_nowait(frame)
        else:
            await self.push_frame(frame, direction)

    async def _run(self) -> None:
        async for frame in self._work(self._turn, self._inbox):
            await self.push_frame(frame)


class Hearing(Scripted):
    """The stage that sound ends at; speech interrupts what comes of the turn before."""

    _samples = 0

    async def process_frame(self, frame: f.Frame, direction: FrameDirection) -> None:
        """Count the sound, and tell the caller of speech."""
        if isinstance(frame, f.InputAudioRawFrame):
            self._samples += frame.num_frames
            return
        item, at_ms = f"item_{self._turn + 1}", self._samples * 1000 // HEARD_HZ
        if isinstance(frame, f.VADUserStartedSpeakingFrame):
            await self.broadcast_interruption()
            await self.push_frame(event("input_audio_buffer.speech_started", item_id=item, audio_start_ms=at_ms))
        elif isinstance(frame, f.VADUserStoppedSpeakingFrame):
            await self.push_frame(event("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=at_ms))
        await super().process_frame(frame, direction)


async def hear(turn: int, _inbox: Any) -> AsyncIterator[f.Frame]:
    """Hear the same text in every turn, some time after it."""
    await asyncio.sleep(TEXT_S)
    yield event("conversation.item.input_audio_transcription.completed", item_id=f"item_{turn}", transcript="hello")
    yield f.TranscriptionFrame("hello", user_id="", timestamp="", finalized=True)


async def answer(_turn: int, _inbox: Any) -> AsyncIterator[f.Frame]:
    """Answer every text with the same words."""
    yield f.LLMFullResponseStartFrame()
    await asyncio.sleep(FIRST_S)
    for word in ANSWER.split(" "):
        await asyncio.sleep(WORD_S)
        yield f.LLMTextFrame(word)
    yield f.LLMFullResponseEndFrame()


async def speak(turn: int, inbox: Any) -> AsyncIterator[f.Frame]:
    """Speak a constant, sentence by sentence."""
    response, pieces = {"id": f"resp_{turn}", "status": "completed", "usage": {}}, 0
    yield event("response.created", response={"id": response["id"]})
    yield f.TTSStartedFrame()
    while isinstance(frame := await inbox.get(), f.LLMTextFrame):
        pieces += PIECES_A_WORD
        while pieces and frame.text.endswith("."):
            await asyncio.sleep(PIECE_S)
            yield f.TTSAudioRawFrame(PIECE, CALLER_HZ, num_channels=1)
            pieces -= 1
    yield f.TTSStoppedFrame()
    yield f.OutputTransportMessageFrame({"type": "response.done", "response": response})


@app.websocket("/v1/realtime")
async def realtime(caller: WebSocket) -> None:
    """Serve one caller: a detector, a pipeline and a runner of their own, as in Pipecat's examples."""
    await caller.accept()
    await caller.send_text('{"type":"session.created","session":{}}')
    serializer = RealtimeSerializer(watched := next(callers) % EACH == 0)
    detector = await asyncio.to_thread(SileroVADAnalyzer, params=VADParams(stop_secs=STOP_S))  # loads for some 50 ms
    media = {"audio_in_enabled": True, "audio_out_enabled": True, "audio_out_10ms_chunks": 10}  # as the voice gives it
    transport = FastAPIWebsocketTransport(caller, FastAPIWebsocketParams(serializer=serializer, **media))
    if watched:
        watch(serializer.frames, detector, transport.output())
    vad = VADProcessor(vad_analyzer=detector, audio_idle_timeout=0, enable_direct_mode=True)
    stt, llm = Hearing(f.VADUserStoppedSpeakingFrame, hear), Scripted(f.TranscriptionFrame, answer)
    tts = Scripted(f.LLMFullResponseStartFrame, speak, (f.LLMTextFrame, f.LLMFullResponseEndFrame))
    pipeline = Pipeline([transport.input(), vad, stt, llm, tts, transport.output()])
    worker = PipelineWorker(pipeline, enable_rtvi=False, enable_turn_tracking=False, idle_timeout_secs=None)

    @transport.event_handler("on_client_disconnected")
    async def leave(_transport: Any, _caller: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def report() -> None:
    """Answer each line with what was measured since the last."""
    for _ in sys.stdin:
        told = {"in": inward[:], "out": outward[:], "cpu": time.process_time()}
        del inward[: len(told["in"])], outward[: len(told["out"])]
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    logger.configure(handlers=[{"sink": sys.stderr, "level": "WARNING"}])
    gc.freeze()
    threading.Thread(target=report, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print("{}:{}".format(*listener.getsockname()), flush=True)
    uvicorn.Server(uvicorn.Config(app, loop="uvloop", ws=TimedSocket, log_level="warning")).run([listener])
