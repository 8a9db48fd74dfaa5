"""One voice round with `pipecat-ai`: its OpenAIRealtimeLLMService between a microphone and a loudspeaker."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import rounds
from loguru import logger
from pipecat.frames.frames import (
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)
from pipecat.services.openai.realtime import events
from pipecat_agent import Agent
from rounds import Log, Report, need

TOLERATED = ("response_cancel_not_active", "conversation_already_has_active_response")
ADVICE = "is not emitting turn frames"
"""Said whenever the server's turn detection is off, whatever the server."""


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
    log, agents = Log(), []

    def received(raw: dict[str, Any]) -> None:
        if events.parse_server_event(json.dumps(raw)) is None:
            report.drop(f"{raw['type']}: no such event in the library")
        if raw["type"] == "error":
            report.refused(raw["error"], TOLERATED)
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


if __name__ == "__main__":
    given = rounds.options(__doc__)
    report = Report("pipecat-ai", importlib.metadata.version("pipecat-ai"))
    sys.exit(asyncio.run(rounds.main(report, work(given, report))))
