"""A pipeline of Pipecat's with its realtime service in it, with all that it says in one log."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import rounds
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    LLMUpdateSettingsFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_start import ExternalUserTurnStartStrategy
from pipecat.turns.user_stop import ExternalUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from rounds import Log, Microphone, Report, need

Settings = OpenAIRealtimeLLMService.Settings


class Ear(FrameProcessor):
    """The caller's side: pushes what is heard, whatever else comes by."""

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)

    async def hear(self, pcm: bytes) -> None:
        """Push a frame of sound."""
        await self.push_frame(InputAudioRawFrame(audio=pcm, sample_rate=rounds.HZ, num_channels=1))


class Mouth(BaseOutputTransport):
    """The agent's side: writes sound at the pace of its samples, as a device does."""

    def __init__(self, log: Log) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=rounds.HZ))
        self._log, self._at = log, 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        if isinstance(frame, (InterruptionFrame, TTSAudioRawFrame)):
            self._log.add(SimpleNamespace(type=type(frame).__name__, size=len(getattr(frame, "audio", b""))))
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = asyncio.get_running_loop().time()
        self._at = max(self._at, now) + len(frame.audio) / 2 / rounds.HZ
        await asyncio.sleep(self._at - now)
        return True


class Agent:
    """One pipeline, with everything that its service, its context and the wire say in one log."""

    def __init__(self, given: Any, report: Report, log: Log, manual: bool = False) -> None:
        self.log, self.given = log, given
        heard = events.AudioInput(
            transcription=events.InputAudioTranscription(),
            turn_detection=False if manual else events.SemanticTurnDetection(),
            noise_reduction=events.InputAudioNoiseReduction(type="near_field"),
        )
        self.properties = events.SessionProperties(audio=events.AudioConfiguration(input=heard))
        self.llm = OpenAIRealtimeLLMService(
            api_key=given.key,
            base_url=given.url.replace("http", "ws", 1) + "/realtime",
            settings=Settings(
                system_instruction="Answer in one short sentence.", session_properties=self.properties.model_copy()
            ),
        )
        self.llm.register_function("get_weather", self._weather)
        city = rounds.WEATHER["parameters"]
        weather = FunctionSchema("get_weather", rounds.WEATHER["description"], city["properties"], city["required"])
        self.context = LLMContext([{"role": "developer", "content": "Say hello."}], ToolsSchema([weather]))
        button = UserTurnStrategies(
            start=[ExternalUserTurnStartStrategy()], stop=[ExternalUserTurnStopStrategy(wait_for_transcript=False)]
        )
        turns = LLMUserAggregatorParams(user_turn_strategies=button) if manual else None
        user, assistant = LLMContextAggregatorPair(self.context, user_params=turns)
        self.ear, self.called = Ear(), asyncio.Event()
        self.worker = PipelineWorker(
            Pipeline([self.ear, user, self.llm, Mouth(log), assistant]),
            params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        )

        @user.event_handler("on_user_turn_message_added")
        async def user_said(_: Any, message: Any) -> None:
            log.add(SimpleNamespace(type="user", text=message.content))

        @assistant.event_handler("on_assistant_turn_stopped")
        async def assistant_said(_: Any, message: Any) -> None:
            log.add(SimpleNamespace(type="assistant", text=message.content))

        @self.llm.event_handler("on_conversation_item_created")
        async def created(_: Any, item_id: str, item: Any) -> None:
            log.add(SimpleNamespace(type="created", id=item_id))

        @self.worker.event_handler("on_pipeline_error")
        async def failed(_: Any, frame: Any) -> None:
            report.error(f"pipeline error: {frame.error}")

    async def open(self) -> None:
        """Start, and have the agent say hello."""
        runner, since = WorkerRunner(handle_sigint=False), len(self.log.events)
        await runner.add_workers(self.worker)
        self._running = asyncio.create_task(runner.run())
        await self.worker.queue_frames([LLMRunFrame()])
        self.microphone = Microphone(self.ear.hear)
        await self.answered(since)

    async def close(self) -> None:
        """Hang up."""
        await self.microphone.close()
        await self.worker.queue_frames([EndFrame()])
        await self._running

    async def _weather(self, params: FunctionCallParams) -> None:
        self.log.add(SimpleNamespace(type="called", arguments=params.arguments))
        await self.choose("none")
        await params.result_callback(json.loads(rounds.SKY))

    async def choose(self, tool_choice: str) -> None:
        """Change the session's tool choice, which this service has no way to set for one response."""
        properties = self.properties.model_copy(update={"tool_choice": tool_choice})
        await self.llm.queue_frame(LLMUpdateSettingsFrame(delta=Settings(session_properties=properties)))

    async def write(self, text: str) -> None:
        """Append a message, and have it answered."""
        await self.llm.queue_frame(LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True))

    async def answered(self, since: int, not_id: str = "") -> dict[str, Any]:
        """Wait for a completed spoken answer and for the message that the library makes of it."""
        done = await self.log.until(
            "response.done", since,
            lambda e: e.response["id"] != not_id and e.response["status"] in rounds.ENDS
            and e.response["output"][-1]["type"] == "message",
        )  # fmt: skip
        text = done.response["output"][-1]["content"][0]["transcript"]
        first = next(self.log.all("response.output_audio.delta", since, response_id=done.response["id"]))
        since = self.log.events.index(first)
        said = await self.log.until("assistant", since)
        size = sum(frame.size for frame in self.log.all("TTSAudioRawFrame", since))
        need(said.text.split() == text.split(), f"the context says {said.text!r}, the server {text!r}")
        need(size >= 0.3 * 2 * rounds.HZ, f"{size} bytes of sound")
        return {"answer": said.text, "audio_s": round(size / 2 / rounds.HZ, 2)}
