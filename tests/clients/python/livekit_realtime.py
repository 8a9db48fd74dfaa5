"""One voice round with `livekit-plugins-openai`: its RealtimeModel and session, without a room."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections.abc import Callable
from typing import Any

import rounds
from livekit.agents import llm
from livekit_agent import Agent
from openai.types.realtime import ConversationItemRetrieveEvent
from rounds import Log, Report, need


@llm.function_tool
async def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: the name of the city
    """
    return rounds.SKY


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


if __name__ == "__main__":
    given = rounds.options(__doc__)
    report = Report("livekit-plugins-openai", importlib.metadata.version("livekit-plugins-openai"))
    sys.exit(asyncio.run(rounds.main(report, work(given, report))))
