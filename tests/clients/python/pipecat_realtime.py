"""One voice round with `pipecat-ai`: its OpenAIRealtimeLLMService in a pipeline between a microphone and a loudspeaker."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from loguru import logger
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
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
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

import rounds
from rounds import Log, Microphone, Report, need

TOLERATED = ("response_cancel_not_active", "conversation_already_has_active_response")
ADVICE = "is not emitting turn frames"
"""Said whenever the server's turn detection is off, whatever the server."""
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
            lambda e: e.response["id"] != not_id and e.response["status"] == "completed"
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


async def voice(agent: Agent) -> dict[str, Any]:
    """Speak, and be answered."""
    since = len(agent.log.events)
    ended = await agent.microphone.say(agent.given.sound)
    await agent.log.until("TTSAudioRawFrame", since)
    first = asyncio.get_running_loop().time()
    figures = {"heard": (await agent.log.until("user", since)).text, **await agent.answered(since)}
    return {**figures, "first_audio_ms": round((first - ended) * 1000)}


async def tool(agent: Agent) -> dict[str, Any]:
    """Have a registered function called, and be answered with its outcome."""
    since = len(agent.log.events)
    await agent.choose("required")
    await agent.write(rounds.ASK_WEATHER)
    called = await agent.log.until("called", since)
    need("city" in called.arguments, f"arguments {called.arguments}")
    return {"arguments": called.arguments, **await agent.answered(since)}


async def barge_in(agent: Agent) -> dict[str, Any]:
    """Interrupt a long answer: the service cuts its item to what was heard, and the turn is answered."""
    log, since = agent.log, len(agent.log.events)
    await agent.write(rounds.LONG)
    await log.until("TTSAudioRawFrame", since)
    old = await log.until("response.output_audio.delta", since)
    speaking = asyncio.create_task(agent.microphone.say(agent.given.sound2))
    interruption = await log.until("InterruptionFrame", since)
    cut = await log.until("conversation.item.truncated", since, item_id=old.item_id)
    await speaking
    after = log.events.index(cut)
    figures = {"heard": (await log.until("user", after)).text, **await agent.answered(after, old.response_id)}
    done = await log.until("response.done", since, lambda e: e.response["id"] == old.response_id)
    late = len(list(log.all("response.output_audio.delta", after, response_id=old.response_id)))
    need(late == 0, f"{late} audio deltas of the old response after it was cut")
    new = log.events.index(next(log.all("response.created", log.events.index(interruption))))
    stray = len(list(log.all("TTSAudioRawFrame", log.events.index(interruption)))) - len(
        list(log.all("TTSAudioRawFrame", new))
    )
    return {**figures, "old": done.response["status"], "cut_ms": cut.audio_end_ms, "late_frames": stray}


async def history(agent: Agent) -> dict[str, Any]:
    """Create an item under a name of our own, retrieve it, and delete it; the context holds what was said."""
    since, send = len(agent.log.events), agent.llm.send_client_event
    content = [events.ItemContent(type="input_text", text="My name is Ada.")]
    item = events.ConversationItem(id="msg_of_ours_1", type="message", role="user", content=content)
    await send(events.ConversationItemCreateEvent(item=item))
    await agent.log.until("created", since, id="msg_of_ours_1")
    text = (await agent.llm.retrieve_conversation_item("msg_of_ours_1")).content[0].text
    need(text == "My name is Ada.", f"retrieved {text!r}")
    await send(events.ConversationItemDeleteEvent(item_id="msg_of_ours_1"))
    await agent.log.until("conversation.item.deleted", since, item_id="msg_of_ours_1")
    said = [(message.get("role"), message.get("content")) for message in agent.context.get_messages()]
    for kind in ("user", "assistant"):
        for event in agent.log.all(kind):
            need(not event.text or (kind, event.text) in said, f"the context lacks {event.text!r} of {kind}")
    return {"retrieved": text, "context": said}


async def push_to_talk(agent: Agent) -> dict[str, Any]:
    """Say where a turn begins and ends, with the server's turn detection off."""
    agent.microphone.open = False
    since = len(agent.log.events)
    await agent.worker.queue_frames([ProposedUserStartedSpeakingFrame()])
    await agent.log.until("input_audio_buffer.cleared", since)
    await agent.microphone.say(agent.given.sound)
    await agent.worker.queue_frames([ProposedUserStoppedSpeakingFrame()])
    await agent.log.until("input_audio_buffer.committed", since)
    return {"heard": (await agent.log.until("user", since)).text, **await agent.answered(since)}


async def work(given: Any, report: Report) -> None:
    """Run all parts in one pipeline, and the last in one without turn detection; after a failure comes a new one."""
    logger.remove()
    logger.add(
        lambda line: report.error(f"log: {line}"), level="WARNING", format="{level} {name}: {message}",
        filter=lambda record: ADVICE not in record["message"],
    )  # fmt: skip
    if given.log:
        logger.add(given.log + ".txt", level="TRACE")
    log, agents = Log(), []

    def received(raw: dict[str, Any]) -> None:
        if events.parse_server_event(json.dumps(raw)) is None:
            report.drop(f"{raw['type']}: no such event in the library")
        if raw["type"] == "error" and raw["error"]["code"] not in TOLERATED:
            report.error(f"error event: {json.dumps(raw)}")
        log.add(SimpleNamespace(**raw))

    tap = rounds.Tap(received, lambda raw: None)

    def part(run: Callable[[Agent], Any]) -> Callable[[], Any]:
        async def fresh() -> dict[str, Any]:
            manual = run is push_to_talk
            if not agents or manual or not list(report.rounds.values())[-1]["ok"]:
                if agents:
                    await agents[-1].close()
                agents.append(Agent(given, report, log, manual))
                await agents[-1].open()
            return await run(agents[-1])

        return fresh

    runs = (voice, tool, barge_in, history, push_to_talk)
    try:
        await report.run({run.__name__: part(run) for run in runs}, given.parts)
    finally:
        for agent in agents[-1:]:
            await agent.close()
        tap.close()
        if given.log:
            with open(given.log, "w") as file:
                file.writelines(json.dumps(vars(event)) + "\n" for event in log.events)


if __name__ == "__main__":
    given = rounds.options(__doc__)
    report = Report("pipecat-ai", importlib.metadata.version("pipecat-ai"))
    sys.exit(asyncio.run(rounds.main(report, work(given, report))))
