"""One voice round with `livekit-plugins-openai`: its RealtimeModel and session, without a room."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import ssl
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai import realtime
from openai.types.realtime import ConversationItemRetrieveEvent

import rounds
from rounds import Log, Loudspeaker, Microphone, Report, need

TOLERATED = ("response_cancel_not_active",)


@llm.function_tool
async def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: the name of the city
    """
    return rounds.SKY


class Reply:
    """What comes of one generation, read as it comes."""

    def __init__(self, event: llm.GenerationCreatedEvent, speaker: Loudspeaker) -> None:
        self.id, self.by_us = event.response_id, event.user_initiated
        self.item_id, self.text, self.calls = "", "", []
        self.sounds = asyncio.Event()
        self._speaker = speaker
        self.task = asyncio.create_task(self._read(event))

    async def _read(self, event: llm.GenerationCreatedEvent) -> None:
        async def words(message: llm.MessageGeneration) -> None:
            async for text in message.text_stream:
                self.text += text

        async def sound(message: llm.MessageGeneration) -> None:
            async for frame in message.audio_stream:
                self._speaker.add(message.message_id, bytes(frame.data))
                self.sounds.set()

        async def messages() -> None:
            async for message in event.message_stream:
                self.item_id = message.message_id
                await asyncio.gather(words(message), sound(message))

        async def calls() -> None:
            async for call in event.function_stream:
                self.calls.append(call)

        await asyncio.gather(messages(), calls())

    async def spoken(self) -> dict[str, Any]:
        """Wait for the end and return what was said."""
        await self.task
        seconds = self._speaker.seconds(self.item_id)
        need(self.text.strip(), "the answer has no text")
        need(seconds >= 0.3, f"{seconds} s of sound")
        return {"answer": self.text, "audio_s": seconds}


class Agent:
    """One realtime session; what the library emits and what the wire says are in one log."""

    def __init__(self, given: Any, report: Report, log: Log) -> None:
        self.given, self.report, self.log = given, report, log
        self.speaker = Loudspeaker()
        trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=given.ca)) if given.ca else None
        self.http = aiohttp.ClientSession(connector=trusted)
        self.model = realtime.RealtimeModel(base_url=given.url, api_key=given.key, http_session=self.http)
        self.session = self.model.session()
        self.session.on("openai_server_event_received", self._received)
        self.session.on("error", lambda e: report.error(f"session error: {e.error!r} recoverable={e.recoverable}"))
        self.session.on("session_reconnected", lambda e: report.error("the session was reconnected"))
        self.session.on("generation_created", self._created)
        self.session.on("input_speech_started", lambda e: log.add(SimpleNamespace(type="speech")))
        self.session.on("input_audio_transcription_completed", self._heard)
        self.microphone = Microphone(self._hear)

    def _received(self, raw: dict[str, Any]) -> None:
        if raw["type"] == "error" and raw["error"]["code"] not in TOLERATED:
            self.report.error(f"error event: {json.dumps(raw)}")
        self.log.add(SimpleNamespace(**raw))

    def _created(self, event: llm.GenerationCreatedEvent) -> None:
        self.log.add(SimpleNamespace(type="reply", reply=Reply(event, self.speaker)))

    def _heard(self, event: llm.InputTranscriptionCompleted) -> None:
        if event.is_final:
            self.log.add(SimpleNamespace(type="heard", text=event.transcript, item_id=event.item_id))

    async def _hear(self, pcm: bytes) -> None:
        self.session.push_audio(rtc.AudioFrame(pcm, rounds.HZ, 1, len(pcm) // 2))

    async def close(self) -> None:
        """Hang up."""
        await self.microphone.close()
        await self.session.aclose()
        await self.http.close()

    async def put(self, item: llm.ChatItem, at: int | None = None) -> None:
        """Insert an item into the conversation, at its end or elsewhere."""
        history = self.session.chat_ctx.copy()
        history.items.insert(len(history.items) if at is None else at, item)
        await self.session.update_chat_ctx(history)

    async def ask(self, text: str, **options: Any) -> Reply:
        """Write something and have it answered."""
        since = len(self.log.events)
        await self.put(llm.ChatMessage(role="user", content=[text]))
        return await self.reply(since, **options)

    async def reply(self, since: int, **options: Any) -> Reply:
        """Have the conversation answered."""
        event = await self.session.generate_reply(**options)
        created = await self.log.until("reply", since, lambda e: e.reply.id == event.response_id)
        need(event.user_initiated, "the reply was not known as the one that was asked for")
        return created.reply

    async def answered(self, since: int, not_id: str = "") -> dict[str, Any]:
        """Wait for a reply that came by itself, and return what was heard and said."""
        heard = await self.log.until("heard", since, lambda e: bool(e.text.strip()))
        created = await self.log.until("reply", since, lambda e: e.reply.id != not_id)
        return {"heard": heard.text, **await created.reply.spoken()}


async def voice(agent: Agent) -> dict[str, Any]:
    """Speak, and be answered."""
    await agent.session.update_instructions("Answer in one short sentence.")
    since = len(agent.log.events)
    ended = await agent.microphone.say(agent.given.sound)
    created = await agent.log.until("reply", since)
    await created.reply.sounds.wait()
    first = asyncio.get_running_loop().time()
    return {**await agent.answered(since), "first_audio_ms": round((first - ended) * 1000)}


async def tool(agent: Agent) -> dict[str, Any]:
    """Have a function called, first any and then one by name, and be answered with its outcome."""
    await agent.session.update_tools([get_weather])
    figures: dict[str, Any] = {}
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        since = len(agent.log.events)
        reply = await agent.ask(rounds.ASK_WEATHER, tool_choice=choice)
        await reply.task
        need(reply.calls, f"no call, but {reply.text!r}")
        call = reply.calls[0]
        output = await get_weather(**json.loads(call.arguments))
        await agent.put(llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output=output, is_error=False))
        answer = await agent.reply(since, tool_choice="none")
        name = choice if isinstance(choice, str) else "by_name"
        figures[name] = {"arguments": call.arguments, **await answer.spoken()}
    return figures


async def barge_in(agent: Agent) -> dict[str, Any]:
    """Interrupt a long answer, cut it to what was heard, and be answered anew."""
    log, since = agent.log, len(agent.log.events)
    await agent.speaker.silent()
    old = await agent.ask(rounds.LONG)
    await old.sounds.wait()
    speaking = asyncio.create_task(agent.microphone.say(agent.given.sound2))
    await log.until("speech", since)
    heard_ms = agent.speaker.stop(old.item_id)
    agent.session.interrupt()
    agent.session.truncate(message_id=old.item_id, modalities=["audio", "text"], audio_end_ms=heard_ms)
    cut = await log.until("conversation.item.truncated", since, item_id=old.item_id)
    need(cut.audio_end_ms == heard_ms, f"cut at {cut.audio_end_ms} ms, not at {heard_ms} ms")
    await speaking
    after = log.events.index(cut)
    figures = await agent.answered(after, old.id)
    late = len(list(log.all("response.output_audio.delta", after, response_id=old.id)))
    need(late == 0, f"{late} audio deltas of the old response after it was cut")
    done = await log.until("response.done", since, lambda e: e.response["id"] == old.id)
    return {**figures, "old": done.response["status"], "cut_ms": heard_ms, "late_deltas": late}


async def history(agent: Agent) -> dict[str, Any]:
    """Put items of our own at the front and in the middle, change, retrieve and delete them; the mirror follows."""
    log, since, session = agent.log, len(agent.log.events), agent.session
    before = [item.id for item in session.chat_ctx.items]
    await agent.put(llm.ChatMessage(id="msg_of_ours_1", role="user", content=["My name is Bob."]), at=0)
    await agent.put(llm.ChatMessage(id="msg_of_ours_2", role="system", content=["Be kind."]), at=2)
    changed = session.chat_ctx.copy()
    changed.items[0] = llm.ChatMessage(id="msg_of_ours_1", role="user", content=["My name is Ada."])
    await session.update_chat_ctx(changed)
    session.send_event(ConversationItemRetrieveEvent(type="conversation.item.retrieve", item_id="msg_of_ours_1"))
    text = (await log.until("conversation.item.retrieved", since)).item["content"][0]["text"]
    need(text == "My name is Ada.", f"retrieved {text!r}")
    full = [item.id for item in session.chat_ctx.items]
    need(full == ["msg_of_ours_1", *before[:1], "msg_of_ours_2", *before[1:]], f"the mirror is {full}, was {before}")
    rest = [item for item in session.chat_ctx.items if not item.id.startswith("msg_of_ours")]
    await session.update_chat_ctx(llm.ChatContext(rest))
    need([item.id for item in session.chat_ctx.items] == before, "the mirror is not as before")
    said = [(item.role, item.text_content) for item in rest if item.type == "message"]
    for event in log.all("heard"):
        need(("user", event.text) in said, f"the mirror lacks {event.text!r}: {said}")
    return {"retrieved": text, "mirror": said}


async def push_to_talk(agent: Agent) -> dict[str, Any]:
    """Say where a turn begins and ends, with the server's turn detection off."""
    agent.microphone.open = False
    agent.model.update_options(turn_detection=None)
    since = len(agent.log.events)
    agent.session.clear_audio()
    await agent.log.until("input_audio_buffer.cleared", since)
    await agent.microphone.say(agent.given.sound)
    agent.session.commit_audio()
    reply = await agent.reply(since)
    heard = await agent.log.until("heard", since)
    need(not list(agent.log.all("speech", since)), "speech was detected")
    return {"heard": heard.text, **await reply.spoken()}


async def work(given: Any, report: Report) -> None:
    """Run all parts in one session; where one failed, the next has a new one."""
    log, agents = Log(), []

    def part(run: Callable[[Agent], Any]) -> Callable[[], Any]:
        async def fresh() -> dict[str, Any]:
            if not agents or not list(report.rounds.values())[-1]["ok"]:
                for agent in agents[-1:]:
                    await agent.close()
                agents.append(Agent(given, report, log))
            return await run(agents[-1])

        return fresh

    runs = (voice, tool, barge_in, history, push_to_talk)
    try:
        await report.run({run.__name__: part(run) for run in runs}, given.parts)
    finally:
        for agent in agents[-1:]:
            await agent.close()
        if given.log:
            with open(given.log, "w") as file:
                file.writelines(json.dumps(vars(event), default=repr) + "\n" for event in log.events)


if __name__ == "__main__":
    given = rounds.options(__doc__)
    report = Report("livekit-plugins-openai", importlib.metadata.version("livekit-plugins-openai"))
    sys.exit(asyncio.run(rounds.main(report, work(given, report))))
